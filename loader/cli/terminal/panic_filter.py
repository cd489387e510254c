"""Remove the messages of Rust panics from the terminal.

When polars panics, it writes a message to file descriptor 2 before Python gets the exception, and polars has
no setting that prevents this. So the output of native code to that descriptor goes through a pipe, and a
thread passes on everything except panic messages. Python's output goes directly to the terminal, so that
the loader never waits for that thread. With ``--debug`` nothing is filtered.
"""

import os
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from loader.process.streams import lasting

STDERR = 2
_CHUNK_BYTES = 2**16

PANIC = re.compile(
    rb"\n?^thread '[^\n]*' (?:\([0-9]+\) )?panicked at [^\n]*\n"
    rb".*?(?:^note: run with `RUST_BACKTRACE[^\n]*\n|\Z)",
    re.DOTALL | re.MULTILINE,
)
"""A panic message. Rust writes it in one call; it adds the note to the first panic of a process only."""

STRAY_NOTE = re.compile(
    rb"^(?:note: run with `RUST_BACKTRACE|Parquet file produced by)[^\n]*\n", re.MULTILINE
)

_END_SECONDS = 1.0
"""Seconds to wait at the end for output in the pipe; a child process may hold the pipe open."""


@contextmanager
def without_panics() -> Iterator[None]:
    """Pass on what native code and child processes write to standard error, except panic messages."""
    python_stderr = sys.stderr
    if python_stderr is not sys.__stderr__ or python_stderr is None:  # closed or redirected
        yield
        return
    os.environ["RUST_BACKTRACE"] = "0"  # a backtrace arrives line by line and looks like other output
    try:
        terminal = os.dup(STDERR)
    except OSError:  # standard error is closed
        yield
        return
    reading, writing = os.pipe()
    sys.stderr = lasting(terminal, python_stderr, by_line=True)
    os.dup2(writing, STDERR)
    os.close(writing)
    thread = threading.Thread(target=_pass_on, args=(reading, terminal), name="panic filter", daemon=True)
    thread.start()
    try:
        yield
    finally:
        sys.stderr = python_stderr
        os.dup2(terminal, STDERR)  # closes the last write end of the pipe, except those of child processes
        thread.join(_END_SECONDS)


def _pass_on(reading: int, terminal: int) -> None:
    with suppress(OSError):
        while words := os.read(reading, _CHUNK_BYTES):
            rest = STRAY_NOTE.sub(b"", PANIC.sub(b"", words))
            while rest:
                rest = rest[os.write(terminal, rest) :]
