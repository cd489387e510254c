"""One process at a time in a run directory."""

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from loader.checkpoint import Replacing, open_checkpoint
from loader.checkpoint.file_names import CHECKPOINT_NAME
from loader.checkpoint.reading import open_for_reading
from loader.checkpoint.start.lock import LOCK_NAME, acquire, lock_run_dir, look_without_locking
from loader.errors import CheckpointError, CheckpointLocked
from loader.private_files import make_private_folder
from loader.status.overview import LoadState, read_overview
from tests.checkpoint.sample_loads import START, load_plan
from tests.process.somebody_else import AS_ROOT, as_somebody_else

ROOT = Path(__file__).parents[2]


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process with the run directory open; killed by its pid at the end."""
    command = [sys.executable, "-m", "tests.checkpoint.holding_process", str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        yield process
        process.kill()


def test_a_second_process_is_refused_by_name_and_the_lock_dies_with_its_holder(
    tmp_path: Path, holder: subprocess.Popen[str]
) -> None:
    """The error names the holder's pid; a kill -9 of the holder frees the directory, which resumes."""
    with pytest.raises(CheckpointLocked) as refused:
        open_checkpoint(tmp_path, load_plan())
    assert f"process {holder.pid}" in refused.value.block()
    assert refused.value.exit_code == 2
    overview = read_overview(tmp_path, START)
    assert (overview.state, overview.pid) == (LoadState.RUNNING, holder.pid)
    holder.kill()
    holder.wait()
    assert read_overview(tmp_path, START).pid is None
    with open_checkpoint(tmp_path, load_plan()) as checkpoint:
        assert checkpoint.resumed


def test_a_start_waits_for_a_look_to_end(tmp_path: Path) -> None:
    """A load does not begin while somebody reads what must hold still, and begins right after."""
    with lock_run_dir(tmp_path):
        pass
    look = ExitStack()
    assert look.enter_context(look_without_locking(tmp_path)) is None
    with ExitStack() as held:
        with pytest.raises(CheckpointLocked):
            held.enter_context(lock_run_dir(tmp_path, patience_seconds=0.1))
        timer = threading.Timer(0.2, look.close)
        timer.start()
        held.enter_context(lock_run_dir(tmp_path))
        timer.join()
        assert held.enter_context(look_without_locking(tmp_path)) == os.getpid()


def test_looking_makes_no_lock_file(tmp_path: Path) -> None:
    """A check of a folder without a load finds no owner and creates no file."""
    with look_without_locking(tmp_path) as pid:
        assert pid is None
    assert list(tmp_path.iterdir()) == []


def test_a_lock_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    """If a folder is in the place of the lock, the error names its path."""
    (tmp_path / LOCK_NAME).mkdir()
    with pytest.raises(CheckpointError, match="cannot be written") as refused, lock_run_dir(tmp_path):
        pytest.fail("locked a folder")
    assert str(tmp_path / LOCK_NAME) in refused.value.where


def test_a_file_system_without_locks_is_refused_with_a_way_out(tmp_path: Path) -> None:
    """Not taken for a free directory: two loads would work in it."""
    descriptor = os.open(tmp_path, os.O_RDONLY)
    os.close(descriptor)  # flock on it raises EBADF, as it raises ENOLCK elsewhere
    with pytest.raises(CheckpointError, match="cannot be locked") as refused:
        acquire(descriptor, tmp_path / LOCK_NAME, 0.0)
    assert "--run-dir" in refused.value.next_step


@pytest.mark.parametrize(
    "name", [LOCK_NAME, CHECKPOINT_NAME, f"{CHECKPOINT_NAME}-wal", f"{CHECKPOINT_NAME}-journal"]
)
def test_a_prepared_link_or_fifo_is_refused(tmp_path: Path, name: str) -> None:
    """What a link points at is neither read nor truncated, and a FIFO is not waited for."""
    victim = tmp_path / "victim"
    victim.write_text("mine")
    run_dir = tmp_path / "run"
    run_dir.mkdir()
    (run_dir / name).symlink_to(victim)
    with pytest.raises(CheckpointError) as refused:
        open_checkpoint(run_dir, load_plan(), replacing=Replacing(restart=True))
    assert "symbolic link" in refused.value.why
    assert victim.read_text() == "mine"
    (run_dir / name).unlink()
    os.mkfifo(run_dir / name)
    with pytest.raises(CheckpointError, match=r"cannot be (used|written)"):
        open_checkpoint(run_dir, load_plan())
    if name != LOCK_NAME:
        with pytest.raises(CheckpointError), open_for_reading(run_dir, alive=False):
            pytest.fail("read a FIFO")


@AS_ROOT
def test_a_run_directory_of_another_user_is_refused() -> None:
    """Its owner could exchange our files; one of root's, as a volume is often mounted, is taken."""
    with tempfile.TemporaryDirectory() as folder:  # not pytest's, which is closed to others
        Path(folder).chmod(0o755)
        (theirs := Path(folder, "theirs")).mkdir()
        (roots := Path(folder, "roots")).mkdir()
        os.chown(theirs, 54321, -1)
        assert as_somebody_else(lambda: uses(roots)) == "taken"
        assert (
            as_somebody_else(lambda: uses(theirs)) == "it belongs to another user (uid 54321, this is 12345)"
        )


def uses(folder: Path) -> str:
    """Return what comes of using a folder."""
    try:
        make_private_folder(folder)
    except OSError as error:
        return str(error.strerror)
    return "taken"
