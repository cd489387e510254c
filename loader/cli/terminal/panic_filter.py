"""Keep the words of Rust panics from the terminal.

A panic of polars writes its place in the source to file descriptor 2 before Python gets the exception, and
nothing in polars turns that off. So what native code writes to the descriptor goes through a pipe, and a
thread passes on all but the words of a panic. What Python writes goes straight to the terminal, so that no
line of the loader waits for that thread. With ``--debug`` nothing is filtered.
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
"""The words of a panic: Rust writes them at once, the note only with the first panic of a process."""

STRAY_NOTE = re.compile(
    rb"^(?:note: run with `RUST_BACKTRACE|Parquet file produced by)[^\n]*\n", re.MULTILINE
)

_END_SECONDS = 1.0
"""How long to wait at the end for words that are on their way; a child process may hold the pipe open."""


@contextmanager
def without_panics() -> Iterator[None]:
    """Pass on what native code and child processes write to standard error, but not the words of panics."""
    python_stderr = sys.stderr
    if python_stderr is not sys.__stderr__ or python_stderr is None:  # closed, or it goes elsewhere already
        yield
        return
    os.environ["RUST_BACKTRACE"] = "0"  # a backtrace would come line by line, like other words
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
        os.dup2(terminal, STDERR)  # the last end of the pipe to write to, but for those of children
        thread.join(_END_SECONDS)


def _pass_on(reading: int, terminal: int) -> None:
    with suppress(OSError):
        while words := os.read(reading, _CHUNK_BYTES):
            rest = STRAY_NOTE.sub(b"", PANIC.sub(b"", words))
            while rest:
                rest = rest[os.write(terminal, rest) :]
