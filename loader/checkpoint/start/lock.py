"""The lock of a run directory: one process at a time. The system releases the lock when the process ends."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from loader.errors import CheckpointError, CheckpointLocked
from loader.private_files import open_private

LOCK_NAME = "load.lock"

_PATIENCE_SECONDS = 2.0
"""Time that a start waits for the lock. A status command holds the lock while it reads."""

POLL_SECONDS = 0.05
"""Interval between attempts to get the lock."""


@contextmanager
def lock_run_dir(run_dir: Path, patience_seconds: float = _PATIENCE_SECONDS) -> Iterator[None]:
    """Lock the run directory for this process.

    Args:
        run_dir: The run directory.
        patience_seconds: Maximum wait for the process that holds the lock.

    Raises:
        CheckpointLocked: Another process holds the lock. The message has its pid.
        CheckpointError: The directory cannot be written, or its file system has no locks.
    """
    with holding(run_dir / LOCK_NAME, patience_seconds) as descriptor:
        with suppress(OSError):  # a full disk: the pid is only for the message
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield


@contextmanager
def holding(path: Path, patience_seconds: float) -> Iterator[int]:
    """Lock a lock file of a run directory, and yield its descriptor.

    Args:
        path: The file. Its folder must exist.
        patience_seconds: Maximum wait for the process that holds the lock.

    Raises:
        CheckpointLocked: Another process holds the lock. The message has its pid.
        CheckpointError: The file cannot be written, or its file system has no locks.
    """
    try:
        # The file is never removed. Otherwise two processes could lock two files with the same name.
        descriptor = open_private(path, os.O_RDWR | os.O_CREAT)
    except OSError as error:
        raise unwritable(path, error) from error
    try:
        acquire(descriptor, path, patience_seconds)
        yield descriptor
    finally:
        os.close(descriptor)


def unwritable(path: Path, error: OSError) -> CheckpointError:
    """Return the error for a file or folder of a run directory that cannot be written."""
    return CheckpointError(
        "The run directory cannot be written.",
        where=str(path),
        why=error.strerror or str(error),
        next_step="name another one with --run-dir, or make this one writable",
    )


def acquire(descriptor: int, path: Path, patience_seconds: float) -> None:
    """Lock an open file for this process.

    Raises:
        CheckpointLocked: Another process holds it.
        CheckpointError: The file system has no locks.
    """
    deadline = time.monotonic() + patience_seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise _locked(path) from None
            time.sleep(POLL_SECONDS)
        except OSError as error:
            raise CheckpointError(
                "The run directory cannot be locked.",
                where=str(path),
                why=error.strerror or str(error),
                next_step="name a directory on a local disk with --run-dir",
            ) from error
        else:
            return


def _locked(path: Path) -> CheckpointLocked:
    pid = read_pid(path)
    return CheckpointLocked(
        "Another process is working in the run directory.",
        where=str(path.parent),
        why=f"process {pid} has locked {path.name}" if pid else f"{path.name} is locked",
        next_step="wait for it or stop it, or name another --run-dir",
    )


def read_pid(path: Path) -> int | None:
    """Return the pid that the holder of a lock file wrote into it, or None."""
    with suppress(OSError, ValueError):
        return int(path.read_text(encoding="ascii"))
    return None


@contextmanager
def look_without_locking(run_dir: Path) -> Iterator[int | None]:
    """Yield the pid of the process that works in the run directory (0 if the pid is unknown), or None.

    In a block with None, no load can begin in the directory, so the files do not change while they are read.
    """
    path = run_dir / LOCK_NAME
    try:
        descriptor = open_private(path, os.O_RDONLY)
    except OSError:
        yield None  # the directory was never locked, or this user cannot read the file
        return
    try:
        yield _holder(descriptor, path)
    finally:
        os.close(descriptor)


def _holder(descriptor: int, path: Path) -> int | None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return read_pid(path) or 0
    except OSError:
        return None  # a file system without locks, on which no load can have begun
    return None
