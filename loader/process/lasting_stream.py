"""A text stream whose reader may go away: a closed window, a broken pipe."""

from collections.abc import Callable
from typing import TextIO


class LastingStream:
    """A text stream whose reader may go away. After that, it drops what is written."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._gone = False

    def write(self, text: str) -> int:
        """Write the text if the stream still has a reader."""
        self._try(lambda: self._stream.write(text))
        return len(text)

    def flush(self) -> None:
        """Flush the stream if it still has a reader."""
        self._try(self._stream.flush)

    def _try(self, action: Callable[[], object]) -> None:
        if self._gone:
            return
        try:
            action()
        except (OSError, ValueError):  # ValueError: the stream was closed
            self._gone = True

    def isatty(self) -> bool:
        """Return whether the stream is a terminal."""
        return not self._gone and self._stream.isatty()

    def fileno(self) -> int:
        """Return the descriptor; rich reads the width of the terminal from it."""
        return self._stream.fileno()

    @property
    def encoding(self) -> str:
        """The encoding; it decides whether the bar may use line characters."""
        return self._stream.encoding
