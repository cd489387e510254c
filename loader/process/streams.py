"""Standard streams that cannot change how a command ends.

Rules kept here:

1. A closed standard stream is replaced by ``/dev/null`` before a file or socket can take its number.
2. Output that a stream refuses (full disk, closed reader) is dropped and noted. Output is best effort; each
   command decides what lost output means for its exit code.
3. A character that the terminal's encoding lacks is written as an escape.
"""

import errno
import io
import os
import select
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_BUSY_SECONDS = 10.0
"""How long a non-blocking stream may stay full before it counts as gone."""


class LastingOutput(io.RawIOBase):
    """An output descriptor that never raises; after its first failure, it drops everything.

    Args:
        descriptor: The open descriptor; it is not closed.

    Attributes:
        refusal: The reason why output was lost, or None.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.refusal: OSError | None = None

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._descriptor

    def isatty(self) -> bool:
        """Return whether it is a terminal."""
        return os.isatty(self._descriptor)

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, content: "ReadableBuffer", /) -> int:
        """Write some of the bytes or drop them all; return how many bytes that were."""
        view = memoryview(content)
        while self.refusal is None:
            try:
                return os.write(self._descriptor, view)
            except BlockingIOError as error:
                if not select.select([], [self._descriptor], [], _BUSY_SECONDS)[1]:
                    self.refusal = error
            except OSError as error:
                self.refusal = error
        return view.nbytes


def mend_streams() -> None:
    """Replace closed streams, and protect the output streams of this process."""
    _fill_closed_descriptors()
    if sys.stdin is None:
        sys.stdin = open(0, closefd=False)  # noqa: SIM115 - a descriptor, open to the end
    sys.stdout = sys.__stdout__ = lasting(1, sys.stdout)  # type: ignore[misc] # there is no other reference to the old one
    sys.stderr = sys.__stderr__ = lasting(2, sys.stderr, by_line=True)  # type: ignore[misc] # the same


def lost_output() -> OSError | None:
    """Return why standard output was lost; None if it was not, or if its reader closed it on purpose."""
    sys.stdout.flush()
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    refusal = raw.refusal if isinstance(raw, LastingOutput) else None
    return None if refusal is None or refusal.errno == errno.EPIPE else refusal


def _fill_closed_descriptors() -> None:
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != descriptor:
                os.dup2(opened, descriptor)
                os.close(opened)
            os.set_inheritable(descriptor, True)  # noqa: FBT003 - the library's signature


def lasting(descriptor: int, stream: TextIO | None, *, by_line: bool = False) -> io.TextIOWrapper:
    """Return a stream that never raises, with the encoding of another stream.

    Args:
        descriptor: The descriptor to write to; it is not closed.
        stream: The stream that is replaced; None if it is closed.
        by_line: Whether to write each line at once, as to a terminal.
    """
    return io.TextIOWrapper(
        io.BufferedWriter(LastingOutput(descriptor)),
        encoding=getattr(stream, "encoding", None) or "utf-8",
        errors="backslashreplace",
        line_buffering=by_line or os.isatty(descriptor),
    )
