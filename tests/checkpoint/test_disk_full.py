"""A disk that is full stops the load, and nothing that was promised is lost."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from loader.checkpoint import open_checkpoint
from tests.checkpoint.sample_loads import load_plan

ROOT = Path(__file__).parents[2]

SMALL_DISK = ["unshare", "--user", "--map-root-user", "--mount"]


def run_story(command: list[str]) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    durable = int(done.stdout.split()[0])
    assert durable > 0


def test_a_file_that_may_not_grow_stops_the_load(tmp_path: Path) -> None:
    """Writes refused by a limit surface at once; after it is lifted the load resumes with all it knew."""
    run_story([sys.executable, "-m", "tests.checkpoint.full_disk", "limit", str(tmp_path)])


def can_mount() -> bool:
    probe = [*SMALL_DISK, "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return (
        shutil.which("unshare") is not None
        and subprocess.run(probe, capture_output=True, check=False).returncode == 0
    )


@pytest.mark.skipif(not can_mount(), reason="needs a mount namespace of its own")
def test_a_full_disk_stops_the_load_and_refuses_the_next(tmp_path: Path) -> None:
    """On 24 MB of disk, 23 of them taken, the load stops when it is full, and resumes once there is room."""
    mount = 'mount -t tmpfs -o size=24m tmpfs "$1" && exec "$2" -m tests.checkpoint.full_disk disk "$1"'
    run_story([*SMALL_DISK, "sh", "-c", mount, "sh", str(tmp_path), sys.executable])


@pytest.mark.skipif(not can_mount(), reason="needs a mount namespace of its own")
def test_a_read_only_directory_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    """On a read-only file system opening is refused with exit code 2, and status still reads it."""
    open_checkpoint(tmp_path, load_plan()).close()
    mount = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1"'
    mount += ' && exec "$2" -m tests.checkpoint.read_only_dir "$1"'
    command = [*SMALL_DISK, "sh", "-c", mount, "sh", str(tmp_path), sys.executable]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.split() == ["2", "stopped"], done.stderr
