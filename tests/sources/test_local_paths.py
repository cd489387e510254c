"""Where extracts lie: what a list, a folder or a glob stands for."""

import gzip
from pathlib import Path

import pytest

from loader.errors import ExtractError, NothingToLoad
from loader.extract.find_files import find_files
from loader.job import read_job
from loader.sources.left_out import LeftOut
from loader.sources.local_paths import local_files


def names(*patterns: Path | str) -> list[str]:
    return [Path(file.path).name for file in find_files([str(pattern) for pattern in patterns])]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Extracts under all the names that a folder is searched for, and others."""
    for name in ("a.csv", "b.TSV.gz", "c.ndjson.zst", "d.jsonl", "e.md", "f.gz", "g.csv.zip"):
        (tmp_path / name).write_text("a\n1\n")
    return tmp_path


def test_a_folder_is_searched_for_known_names(folder: Path) -> None:
    """Known names are found, compressed or not; other files are ignored."""
    assert names(folder) == ["a.csv", "b.TSV.gz", "c.ndjson.zst", "d.jsonl"]


def test_a_list_stands_for_what_it_names(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One pattern per line, relative to the list; blank lines and comments aside, in the list's order."""
    lists = folder / "lists"
    lists.mkdir()
    (lists / "today.txt").write_text("\ufeff# today\n../d.jsonl\n\n  ../*.csv\r\n../b.TSV.gz\n../d.jsonl")
    monkeypatch.chdir("/")
    assert names(folder / "e.md", f"@{lists / 'today.txt'}") == ["e.md", "d.jsonl", "a.csv", "b.TSV.gz"]


@pytest.mark.parametrize("named", ["rejected", "rejected/*"])
def test_corrected_rows_are_loaded_without_their_reasons(tmp_path: Path, named: str) -> None:
    """A user may name the folder instead of the files. A file with this name elsewhere is an extract."""
    rejected = tmp_path / "run" / "rejected"
    rejected.mkdir(parents=True)
    for place in (rejected / "a.csv", rejected / "reasons.jsonl", tmp_path / "reasons.jsonl"):
        place.write_text("a\n1\n")
    (tmp_path / "run" / "checkpoint.sqlite").touch()
    left_out = LeftOut()
    assert local_files(str(tmp_path / "run" / named), left_out) == [rejected / "a.csv"]
    assert left_out.sentences() == [
        f"The reasons of rejected rows are left out: {rejected / 'reasons.jsonl'}."
    ]
    assert local_files(str(tmp_path), LeftOut()) == [tmp_path / "reasons.jsonl"]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("# nothing\n", NothingToLoad),
        ("a.csv\nnosuch.csv\n", ExtractError),
        ("nosuch.csv\n", NothingToLoad),
        ("a.csv\n@other.txt\n", ExtractError),
        ("-\n", ExtractError),
    ],
)
def test_a_list_that_cannot_be_used(folder: Path, text: str, error: type[Exception]) -> None:
    """It names nothing, what does not exist, or what belongs on the command line."""
    (folder / "list.txt").write_text(text)
    with pytest.raises(error):
        names(f"@{folder / 'list.txt'}")


def test_a_list_that_does_not_exist(folder: Path) -> None:
    """The error names the list."""
    with pytest.raises(ExtractError) as caught:
        names(f"@{folder / 'nosuch.txt'}")
    assert caught.value.where == str(folder / "nosuch.txt")


def test_a_job_file_names_extracts_relative_to_itself(folder: Path) -> None:
    """Paths are relative to the job file, except those that are not on a disk of this machine."""
    (folder / "job.toml").write_text('extract = ["a.csv", "@list.txt", "-", "s3://bucket/x.csv"]')
    job = read_job(
        folder / "job.toml",
        event_type="scn.data.reservation",
        instance_id="a1b2c3d4-5678-90ab-cdef-1234567890ab",
    )
    assert job.extract == (str(folder / "a.csv"), f"@{folder / 'list.txt'}", "-", "s3://bucket/x.csv")


def test_json_parts_are_extracts_and_other_json_is_not(tmp_path: Path) -> None:
    """As Spark writes them, packed or not; a manifest beside them is left out, and read if it is named."""
    for name in ("part-00000-5f1e.json", "part-00001-5f1e.c000.json.gz"):
        text = b'{"id": "1", "tpartner_id": "V"}\n'
        (tmp_path / name).write_bytes(gzip.compress(text) if name.endswith("gz") else text)
    (tmp_path / "manifest.json").write_text('{"files": 2}\n')
    (tmp_path / "_SUCCESS").touch()
    left_out = LeftOut()
    found = find_files([str(tmp_path)], left_out=left_out)
    assert [(Path(file.path).name[:10], file.format) for file in found] == [
        ("part-00000", "ndjson"),
        ("part-00001", "ndjson"),
    ]
    assert "manifest.json" in " ".join(left_out.sentences())
    assert find_files([str(tmp_path / "manifest.json")])[0].format == "ndjson"


def test_a_json_file_is_never_read_as_csv(tmp_path: Path) -> None:
    """A file that says JSON and holds something else is not read as a table of texts."""
    (tmp_path / "x.json").write_text("id,tpartner_id\n1,V\n")
    assert find_files([str(tmp_path / "x.json")])[0].format == "ndjson"
    (tmp_path / "x.json").write_text('[{"id": 1}]')
    with pytest.raises(ExtractError, match="Unsupported file format") as refusal:
        find_files([str(tmp_path / "x.json")])
    assert "jq -c" in refusal.value.next_step
