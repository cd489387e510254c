"""What a terminal shows of a load outside its text: a title while it runs, and a bell at its end.

Rules kept here:

1. Nothing is written to a stream that is no terminal, and no title to one that cannot take it.
2. The title that the terminal had comes back at the end.
"""

import os
from dataclasses import dataclass
from typing import TextIO

from loader.report import figures
from loader.report.display import Display, LastingStream
from loader.report.progress import Snapshot

TITLE_SECONDS = 1.0
"""How often the title changes at most."""

SAVE_TITLE, RESTORE_TITLE = "\x1b[22;0t", "\x1b[23;0t"
"""XTWINOPS of xterm, which terminals without a stack of titles ignore."""

BELL = "\a"
_WITHOUT_TITLE = ("dumb", "unknown", "linux")


@dataclass(frozen=True, slots=True)
class Signs:
    """Which signs are wanted.

    Attributes:
        title: Whether the title of the terminal shows how far the load is.
        bell: Whether the bell rings at the end.
    """

    title: bool = False
    bell: bool = False


def with_signs(display: Display, stream: TextIO, signs: Signs) -> Display:
    """Return the display, with the signs that are wanted and that the stream can show."""
    if not stream.isatty():
        return display
    has_title = signs.title and os.environ.get("TERM", "dumb") not in _WITHOUT_TITLE
    if not has_title and not signs.bell:
        return display
    return SigningDisplay(display, LastingStream(stream), Signs(has_title, signs.bell))


class SigningDisplay:
    """A display that also sets the title and rings the bell.

    Args:
        display: Shows the progress.
        stream: The terminal.
        signs: What the terminal can show of what is wanted.
    """

    def __init__(self, display: Display, stream: LastingStream, signs: Signs) -> None:
        self._display = display
        self._stream = stream
        self._signs = signs
        self._titled_at: float | None = None
        self._is_started = False

    def start(self) -> None:
        """Begin to show progress."""
        self._is_started = True
        if self._signs.title:
            self._write(SAVE_TITLE)
        self._display.start()

    def update(self, snapshot: Snapshot) -> None:
        """Take the state of the load, and set the title if it is time."""
        self._display.update(snapshot)
        is_due = self._titled_at is None or snapshot.seconds - self._titled_at >= TITLE_SECONDS
        if self._signs.title and is_due:
            self._titled_at = snapshot.seconds
            self._write(f"\x1b]0;{title_of(snapshot)}\a")

    def message(self, text: str) -> None:
        """Show one line that stays."""
        self._display.message(text)

    def stop(self) -> None:
        """Leave the terminal as it was found, and ring the bell once."""
        self._display.stop()
        if self._is_started:
            self._is_started = False
            self._write(RESTORE_TITLE * self._signs.title + BELL * self._signs.bell)

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def title_of(now: Snapshot) -> str:
    """Return the title of a terminal: how far the load is, first, as a tab shows little."""
    if now.rows_total is None:
        done = figures.counted(now.rows_done, "row")
    else:
        done = figures.percent(now.rows_done, now.rows_total)
    return f"{done}, {figures.printable(now.phase)} - scn-loader"
