"""Finding the files of an extract, and noticing when they change."""

import gzip
import lzma
import os
import shutil
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from loader.errors import ExtractError, NothingToLoad
from loader.extract.find_files import find_files
from loader.formats.parquet.table import ParquetTable
from loader.model import WHOLE_FILE_BYTES, SourceFile
from loader.sources.files import changed, check_unchanged
from loader.sources.left_out import LeftOut


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two CSV files, a Parquet file, and things that are none of an extract's business."""
    (tmp_path / "b.csv").write_text("a\n2\n")
    (tmp_path / "a.CSV").write_text("a\n1\n")
    pl.DataFrame({"a": ["3", "4"]}).write_parquet(tmp_path / "c.parquet")
    (tmp_path / "notes.md").write_text("not an extract")
    (tmp_path / ".hidden.csv").write_text("a\n9\n")
    (tmp_path / "folder.csv").mkdir()
    return tmp_path


def test_a_folder_gives_its_extracts_by_name(folder: Path) -> None:
    """Parquet and CSV files in any case, sorted; hidden files, folders and other files are left alone."""
    files = find_files([str(folder)])
    assert [Path(file.path).name for file in files] == ["a.CSV", "b.csv", "c.parquet"]
    assert [file.number for file in files] == [0, 1, 2]
    assert [file.format for file in files] == ["csv", "csv", "parquet"]


def test_files_and_globs_keep_the_order_they_were_named_in(folder: Path) -> None:
    """A file that two patterns name is loaded once, where it was named first."""
    files = find_files([str(folder / "c.parquet"), str(folder / "*.csv"), str(folder / "b.csv")])
    assert [Path(file.path).name for file in files] == ["c.parquet", "b.csv"]


def test_a_glob_looks_into_folders_below(folder: Path) -> None:
    """Two stars reach any depth."""
    (folder / "2024" / "01").mkdir(parents=True)
    shutil.copy(folder / "b.csv", folder / "2024" / "01" / "x.csv")
    files = find_files([str(folder / "**" / "x.csv")])
    assert [Path(file.path).name for file in files] == ["x.csv"]


def test_relative_names_become_absolute(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint must name the file, wherever the next run is started."""
    monkeypatch.chdir(folder)
    assert find_files(["b.csv"])[0].path == str(folder / "b.csv")


def test_a_name_with_brackets_is_a_name(folder: Path) -> None:
    """A file that exists is never taken for a glob, neither here nor by the reader."""
    pl.DataFrame({"a": ["1"]}).write_parquet(folder / "part[1].parquet")
    (found,) = find_files([str(folder / "part[1].parquet")])
    assert ParquetTable(found).file.rows == 1


@pytest.mark.parametrize("name", ["nothing.csv", "*.orc", "empty-folder"])
def test_no_match_is_nothing_to_load(folder: Path, name: str) -> None:
    """A scheduler can tell a pattern that matches nothing from success."""
    (folder / "empty-folder").mkdir()
    with pytest.raises(NothingToLoad) as caught:
        find_files([str(folder / name)])
    assert caught.value.where == str(folder / name)


def test_a_named_file_that_is_missing_beside_others_is_refused(folder: Path) -> None:
    """A scheduler must not take it for a night without data; each one that is missing is named."""
    with pytest.raises(ExtractError) as caught:
        find_files([str(folder / name) for name in ("b.csv", "nothing.csv", "*.orc", "none.csv")])
    assert caught.value.exit_code == 2
    assert caught.value.where == f"{folder / 'nothing.csv'}, {folder / 'none.csv'}"


@pytest.mark.parametrize("name", ["*.orc", "empty-folder"])
def test_a_glob_or_folder_without_a_file_beside_others_is_reported(folder: Path, name: str) -> None:
    """It stands for whatever is there; the rest is loaded."""
    (folder / "empty-folder").mkdir()
    left_out = LeftOut()
    files = find_files([str(folder / "b.csv"), str(folder / name)], left_out=left_out)
    assert [Path(file.path).name for file in files] == ["b.csv"]
    assert left_out.sentences() == [f"No extract was found in: {folder / name}."]


def test_no_pattern_is_nothing_to_load() -> None:
    """A job without an extract says so."""
    with pytest.raises(NothingToLoad):
        find_files([])


def test_an_empty_extract_is_nothing_to_load(folder: Path) -> None:
    """Files without a byte are nothing; one of them beside others is a failed export."""
    (folder / "empty.csv").touch()
    with pytest.raises(NothingToLoad):
        find_files([str(folder / "empty.csv")])
    with pytest.raises(ExtractError, match="is empty"):
        find_files([str(folder / "empty.csv"), str(folder / "b.csv")])


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("x.json", b'[{"a": 1}]', "array"),
        *(("x.ndjson", '{"a": 1}'.encode(f"utf-16{order}"), "UTF-16") for order in ("", "-le", "-be")),
        *(("x.ndjson", '{"a": 1}'.encode(f"utf-32{order}"), "UTF-32") for order in ("", "-le", "-be")),
        ("x.xlsx", b"PK\x03\x04rest", "Excel"),
        ("x.parquet", b"a,b\n1,2\n", "PAR1"),
        ("x.parquet", b"PAREencrypted", "encrypted"),
        ("x.csv.gz", gzip.compress(gzip.compress(b"a,b\n1,2\n", mtime=0), mtime=0), "twice"),
        ("x.csv.lz4", b"\x04\x22\x4d\x18rest", "lz4"),
        ("x.csv", b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        ("x.arrow", b"ARROW1\0\0rest", "Arrow"),
        ("x.db", b"SQLite format 3\0", "SQLite"),
        ("x.duckdb", b"checksumDUCK@" + bytes(7), "DuckDB"),
        ("x.csv.lzma", lzma.compress(b"a,b\n", format=lzma.FORMAT_ALONE), "lzma"),
        ("x.csv", b"\n<!DOCTYPE html>\n<html>", "HTML"),
        ("x.csv.gz", gzip.compress(b'<?xml version="1.0"?><Error/>', mtime=0), "XML"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_its_kind(
    tmp_path: Path, name: str, content: bytes, why: str
) -> None:
    """The error says what the file is instead of failing on its bytes later."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ExtractError) as caught:
        find_files([str(tmp_path / name)])
    assert why in caught.value.why


def test_parquet_is_known_by_its_content(tmp_path: Path) -> None:
    """A Parquet file under any name is Parquet."""
    pl.DataFrame({"a": ["1"]}).write_parquet(tmp_path / "x.dat")
    assert find_files([str(tmp_path / "x.dat")])[0].format == "parquet"


def test_a_torn_parquet_file(folder: Path) -> None:
    """A file that was cut short is refused before anything is sent."""
    whole = (folder / "c.parquet").read_bytes()
    (folder / "torn.parquet").write_bytes(whole[:-9])
    (torn,) = find_files([str(folder / "torn.parquet")])
    with pytest.raises(ExtractError, match="cannot be read"):
        ParquetTable(torn)


def test_a_pipe_is_refused_as_a_file(tmp_path: Path) -> None:
    """A pipe cannot be read twice; it has 0 bytes, but it is not an empty extract."""
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(ExtractError, match="regular file"):
        find_files([str(tmp_path / "pipe.csv")])
    (tmp_path / "good.csv").write_text("id\n1\n")
    for name in (tmp_path, tmp_path / "*.csv"):
        with pytest.raises(ExtractError, match="regular file"):
            find_files([str(name)])


@pytest.mark.parametrize("target", ["unmounted/z.csv", "z.csv"])
def test_a_link_to_nowhere_is_a_file_that_is_missing(folder: Path, target: str) -> None:
    """In a folder or glob, it must not be left out without a word; it may also lead to itself."""
    (folder / "z.csv").symlink_to(folder / target)
    for name in (folder, folder / "*.csv", folder / "z.csv"):
        with pytest.raises((ExtractError, NothingToLoad)) as caught:
            find_files([str(name)])
        assert "z.csv" in caught.value.where


def test_the_same_bytes_have_the_same_fingerprint(folder: Path) -> None:
    """Place, name and time play no part; copies within an extract are numbered."""
    shutil.copy(folder / "b.csv", folder / "copy-1.csv")
    shutil.copy(folder / "b.csv", folder / "copy-2.csv")
    files = find_files([str(folder / name) for name in ("b.csv", "copy-1.csv", "a.CSV", "copy-2.csv")])
    assert files[0].fingerprint == files[1].fingerprint == files[3].fingerprint != files[2].fingerprint
    assert [file.copy for file in files] == [0, 1, 0, 2]


def test_changed_tells_what_changed(folder: Path) -> None:
    """Other bytes are a change, whatever their number; another time or place is not."""
    path = folder / "b.csv"
    before = find_files([str(path)])[0]
    os.utime(path, ns=(0, 1))
    assert changed(before, find_files([str(path)])[0]) is None
    path.write_text("a\n3\n")
    assert changed(before, find_files([str(path)])[0]) == "it has the same size but other content"
    path.write_text("a\n3\n4\n")
    assert changed(before, find_files([str(path)])[0]) == "it had 4 bytes, it has 6"
    pl.DataFrame({"a": ["1"]}).write_parquet(path)
    assert changed(before, find_files([str(path)])[0]) == "it was csv, it is parquet"


def test_a_large_file_is_sampled(tmp_path: Path) -> None:
    """Head, tail and blocks between them count, and so does the time of the last change."""
    path = tmp_path / "large.csv"
    with path.open("wb") as handle:
        handle.write(b"a\n1\n")
        handle.truncate(WHOLE_FILE_BYTES + 1)
    before = find_files([str(path)])[0]
    later = replace(before, modified_ns=before.modified_ns + 10**9)
    assert "last modified" in (changed(before, later) or "")
    for offset in (0, (WHOLE_FILE_BYTES + 1) // 2, WHOLE_FILE_BYTES):
        with path.open("r+b") as handle:
            handle.seek(offset)
            handle.write(b"x")
        after = find_files([str(path)])[0]
        assert after.fingerprint != before.fingerprint
        before = after


def set_back(path: Path, file: SourceFile) -> None:
    """Give a file the modification time it had."""
    os.utime(path, ns=(file.modified_ns, file.modified_ns))


def test_a_file_changed_in_place_with_its_time_set_back(folder: Path) -> None:
    """Size and modification time say nothing; the time of the last change leads to the content."""
    path = folder / "b.csv"
    content = path.read_bytes()
    file = find_files([str(path)])[0]
    path.chmod(0o600)
    check_unchanged(file)  # its mode is not content
    path.with_name("copy").write_bytes(content)
    path.with_name("copy").replace(path)
    set_back(path, file)
    check_unchanged(file)  # nor is its inode
    path.write_bytes(content[:-2] + b"7\n")
    set_back(path, file)
    with pytest.raises(ExtractError, match="changed while") as refused:
        check_unchanged(file)
    assert "although its size and modification time are as before" in refused.value.why


def test_a_large_file_that_was_touched_is_not_vouched_for(tmp_path: Path) -> None:
    """What lies between the samples may have changed."""
    path = tmp_path / "large.csv"
    with path.open("wb") as handle:
        handle.write(b"a\n1\n")
        handle.truncate(2 * WHOLE_FILE_BYTES)
    file = find_files([str(path)])[0]
    check_unchanged(file)
    with path.open("r+b") as handle:
        handle.seek(6 * 2**20)
        handle.write(b"x")
    set_back(path, file)
    assert find_files([str(path)])[0].fingerprint == file.fingerprint
    with pytest.raises(ExtractError, match="changed while"):
        check_unchanged(file)


def test_a_file_that_changes_while_it_is_read(folder: Path) -> None:
    """The size or time shows the change; a deleted file is reported as unreadable."""
    path = folder / "b.csv"
    file = find_files([str(path)])[0]
    check_unchanged(file)
    os.utime(path, ns=(0, file.modified_ns + 1))
    with pytest.raises(ExtractError, match="changed while"):
        check_unchanged(file)
    path.write_text("a\n1\n2\n")
    with pytest.raises(ExtractError, match="changed while"):
        check_unchanged(file)
    path.unlink()
    with pytest.raises(ExtractError, match="cannot be read"):
        check_unchanged(file)
