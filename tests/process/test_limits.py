"""Resources that the operating system refuses are not bugs: memory, threads, files, space."""

import errno
import subprocess
import sys

import pytest

from loader.errors import SystemRefusal, UnhandledCase, unhandled
from loader.process.limits import threads_startable, threads_wanted
from loader.shortage import refused_by_system


def caused_by(cause: BaseException) -> BaseException:
    fault = ValueError("a secret")
    fault.__cause__ = cause
    return fault


@pytest.mark.parametrize(
    ("fault", "why", "file"),
    [
        (MemoryError(), "Cannot allocate memory", ""),
        (OSError(errno.EMFILE, "x", "/a/b"), "Too many open files", "/a/b"),
        (OSError(errno.ENAMETOOLONG, "x", b"/a\xff"), "File name too long", "/a\udcff"),
        (RuntimeError("can't start new thread"), "no further thread can be started", ""),
        (ImportError("lib.so: failed to map segment from shared object"), "Cannot allocate memory", ""),
        (BaseException("panic: Os { code: 11, kind: WouldBlock }"), "Resource temporarily unavailable", ""),
        (BaseException("Too many open files (os error 24)"), "Too many open files", ""),
        (caused_by(MemoryError()), "Cannot allocate memory", ""),
    ],
)
def test_a_refusal_of_the_system_is_told_apart(fault: BaseException, why: str, file: str) -> None:
    """Whatever form it has, and without a word of the exception."""
    assert refused_by_system(fault) == (why, file)
    error = unhandled(fault)
    assert isinstance(error, SystemRefusal)
    assert error.exit_code == 5
    assert "secret" not in error.block()


@pytest.mark.parametrize(
    "fault",
    [ValueError("x"), OSError(errno.EBADF, "x"), OSError(errno.ENOENT, "x"), RuntimeError("os error 999")],
)
def test_a_bug_stays_a_bug(fault: BaseException) -> None:
    """What no limit explains ends with 70."""
    assert refused_by_system(fault) is None
    assert isinstance(unhandled(fault), UnhandledCase)


def test_as_many_threads_as_wanted_can_be_started() -> None:
    """On a machine that runs the tests."""
    assert threads_startable(threads_wanted()) == threads_wanted()


@pytest.mark.parametrize("limit", ["-v 600000", "-d 200000"])
def test_too_little_memory_is_refused_before_it_runs_out(limit: str) -> None:
    """A process that polars aborts could show nothing; --help needs no polars."""
    command = f'ulimit {limit}; exec "$0" -m loader load x.csv'
    refused = subprocess.run(
        ["sh", "-c", command, sys.executable], capture_output=True, check=False, text=True
    )
    assert refused.returncode == 2, refused.stderr
    assert f"ulimit {limit[:2]} unlimited" in refused.stderr
