"""Standard input: kept while a load runs, private, and gone afterwards."""

import gc
import io
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from loader.errors import ExtractError
from loader.extract import Extract, open_extract
from loader.sources.stdin import StdinCopy
from loader.stage_settings.extract import extract_settings

TEXT = b"id,tpartner_id\n1,V\n"


def kept_below(run_dir: Path) -> list[Path]:
    return list(run_dir.glob("standard-input-*/*"))


def piped(monkeypatch: pytest.MonkeyPatch, job_of, run_dir: Path, content: bytes, **settings) -> Extract:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    return open_extract(extract_settings(job_of(extract=["-"], run_dir=run_dir, **settings)))


@pytest.mark.parametrize(
    ("content", "kind"), [(TEXT, "csv"), (b'{"id": "1", "tpartner_id": "V"}\n', "ndjson")]
)
def test_it_is_an_extract_like_any_other(monkeypatch, tmp_path: Path, job_of, content, kind) -> None:
    """Its format is detected by content, and its copy is private; the same input has the same fingerprint."""
    run_dir = tmp_path / "runs" / "one"
    extract = piped(monkeypatch, job_of, run_dir, content)
    (path,) = kept_below(run_dir)
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert extract.files[0].format == kind
    (window,) = extract.slices()
    assert extract.records(window).data == [b'{"id":"1","tpartner_id":"V"}']
    again = piped(monkeypatch, job_of, run_dir, content)
    assert again.files[0].fingerprint == extract.files[0].fingerprint
    extract.close()
    assert kept_below(run_dir) == [Path(again.files[0].path)]
    again.close()
    assert not (tmp_path / "runs").exists() or list(run_dir.iterdir()) == []


@pytest.mark.parametrize("array", [b'[{"id": "1"}]', b'\xef\xbb\xbf\n[\n  {"id": "1"}\n]\n'])
def test_a_json_array_is_refused_with_a_filter(monkeypatch, tmp_path: Path, job_of, array: bytes) -> None:
    """It is not read as CSV. The command names no file, because the copy of the input is removed."""
    with pytest.raises(ExtractError, match="Unsupported file format") as refused:
        piped(monkeypatch, job_of, tmp_path / "run", array)
    assert refused.value.next_step.endswith("\n  jq -c '.[]'")


def test_a_header_in_brackets_is_csv(monkeypatch, tmp_path: Path, job_of) -> None:
    """Brackets around names are a habit of SQL Server."""
    with closing(
        piped(
            monkeypatch,
            job_of,
            tmp_path / "run",
            b"[id],tpartner_id\n1,V\n",
            ignore_unknown=True,
            mapping={"id": "[id]"},
        )
    ) as extract:
        assert extract.files[0].format == "csv"


def test_a_refused_extract_leaves_nothing(monkeypatch, tmp_path: Path, job_of) -> None:
    """Neither the input nor a folder that was made for it."""
    with pytest.raises(ExtractError):
        piped(monkeypatch, job_of, tmp_path / "runs" / "one", b"colour\nred\n")
    assert list(tmp_path.iterdir()) == []


def test_a_cancelled_opening_removes_the_copy(tmp_path: Path) -> None:
    """A load that is cancelled while it opens its extract leaves no payload on the disk."""
    kept = StdinCopy(tmp_path)
    assert kept.read(io.BytesIO(TEXT)).read_bytes() == TEXT
    del kept
    gc.collect()
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_run_left_is_removed(tmp_path: Path) -> None:
    """The next run removes it, but not what belongs to a run that is alive."""
    script = (
        "import io, os, pathlib, sys; from loader.sources.stdin import StdinCopy;"
        "kept = StdinCopy(pathlib.Path(sys.argv[1])); kept.read(io.BytesIO(b'secret')); os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)
    assert len(kept_below(tmp_path)) == 1
    one, other = StdinCopy(tmp_path), StdinCopy(tmp_path)
    paths = [one.read(io.BytesIO(TEXT)), other.read(io.BytesIO(TEXT))]
    assert sorted(kept_below(tmp_path)) == sorted(paths)
    one.close()
    other.close()
    assert list(tmp_path.iterdir()) == []


def test_a_terminal_is_refused_as_an_extract(tmp_path: Path) -> None:
    """A command that would wait for typed input is refused."""
    master, slave = os.openpty()
    with os.fdopen(slave, "rb", buffering=0) as terminal, pytest.raises(ExtractError, match="terminal"):
        StdinCopy(tmp_path).read(terminal)
    os.close(master)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """The error names the folder."""
    (tmp_path / "file").touch()
    with pytest.raises(ExtractError, match="cannot be written"):
        StdinCopy(tmp_path / "file" / "run").read(io.BytesIO(TEXT))
