"""Files are written whole, and stay so over a power loss: flushed, then named, then the name flushed."""

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from loader.atomic import drafting, replacing, write_output, write_whole
from loader.checkpoint import open_checkpoint
from tests.checkpoint.sample_loads import load_plan

_diaries: list[list[tuple[str, str]]] = []


def _note(event: str, args: tuple[Any, ...]) -> None:
    # A hook of the interpreter stays for good, so it only writes while a diary is open.
    if _diaries and event == "os.rename":
        _diaries[-1].append(("rename", Path(os.fsdecode(args[1])).name))


sys.addaudithook(_note)


@pytest.fixture
def diary(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, str]]]:
    """What is flushed and renamed, in order; a folder is noted with a slash."""
    flush = os.fsync
    _diaries.append([])

    def noted(descriptor: int) -> None:
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        name = Path(f"/proc/self/fd/{descriptor}").readlink().name
        _diaries[-1].append(("flush", name + "/" * is_folder))
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", noted)  # the system's call, which nothing else can watch
    yield _diaries[-1]
    _diaries.pop()


def test_a_file_is_flushed_before_it_has_its_name_and_the_name_after(
    tmp_path: Path, diary: list[tuple[str, str]]
) -> None:
    """In another order a power loss leaves an empty file of that name, or the old one."""
    write_whole(tmp_path / "a", b"new")
    (kind, draft), *rest = diary
    assert (kind, draft[:12]) == ("flush", ".scn-loader-")
    assert rest == [("rename", "a"), ("flush", f"{tmp_path.name}/")]


def test_a_draft_is_flushed_with_all_that_it_holds(tmp_path: Path, diary: list[tuple[str, str]]) -> None:
    """Files and folders in it first, then the folder's own place."""
    with drafting(tmp_path / "all") as draft:
        (draft / "inner").mkdir(parents=True)
        (draft / "inner" / "b").write_text("b")
    assert set(diary[:3]) == {("flush", "all/"), ("flush", "inner/"), ("flush", "b")}
    assert diary[3:] == [("rename", "all"), ("flush", f"{tmp_path.name}/")]


def test_a_new_checkpoint_is_durable_before_anything_is_sent(
    tmp_path: Path, diary: list[tuple[str, str]]
) -> None:
    """Its file is whole before it has its name; the run directory's own name is flushed as well."""
    run_dir = tmp_path / "run"
    with open_checkpoint(run_dir, load_plan()):
        named = diary.index(("rename", "checkpoint.sqlite"))
        assert ("flush", "checkpoint.sqlite") in diary[:named]
        assert ("flush", "run/") in diary[named:]
        assert ("flush", f"{tmp_path.name}/") in diary[:named]


@contextmanager
def left_by_a_fault() -> Iterator[None]:
    with pytest.raises(ZeroDivisionError):
        yield


def test_a_fault_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    """Also where the name is as long as a name can be."""
    path = tmp_path / ("\u00e4" * 127)
    write_whole(path, b"old")
    with left_by_a_fault(), replacing(path) as file:
        file.write(b"new")
        raise ZeroDivisionError
    with left_by_a_fault(), drafting(path) as draft:
        draft.write_bytes(b"new")
        raise ZeroDivisionError
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_stream_is_written_in_place(tmp_path: Path) -> None:
    """Standard output may be a file: the outputs follow each other, and its name stays."""
    path = tmp_path / "out"
    with path.open("wb", buffering=0) as stream:
        inode = path.stat().st_ino
        stream.write(b"first ")
        write_output(Path(f"/dev/fd/{stream.fileno()}"), b"second ")
        stream.write(b"third")
    assert (path.read_bytes(), path.stat().st_ino) == (b"first second third", inode)
    write_output(Path(os.devnull), b"x")
    assert stat.S_ISCHR(Path(os.devnull).stat().st_mode)


def test_a_fifo_without_a_reader_is_an_error(tmp_path: Path) -> None:
    """A load that delivered everything would otherwise never end."""
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(OSError, match="No such device"):
        write_output(tmp_path / "fifo", b"x", patience_seconds=0.1)
    assert (tmp_path / "fifo").is_fifo()
