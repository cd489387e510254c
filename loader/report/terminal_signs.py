"""The signs of a load on a terminal beside its text: a title during the load, and a bell at its end.

Rules kept here:

1. Only a terminal gets signs, and only a terminal that supports titles gets a title.
2. The earlier title is restored at the end.
"""

import os
from dataclasses import dataclass
from typing import TextIO

from loader.process.lasting_stream import LastingStream
from loader.report import figures
from loader.report.display import Display
from loader.report.progress import Snapshot

TITLE_SECONDS = 1.0
"""Minimum interval between changes of the title, in seconds."""

SAVE_TITLE, RESTORE_TITLE = "\x1b[22;0t", "\x1b[23;0t"
"""XTWINOPS of xterm: save and restore the title. Terminals without a title stack ignore it."""

BELL = "\a"
_WITHOUT_TITLE = ("dumb", "unknown", "linux")


@dataclass(frozen=True, slots=True)
class Signs:
    """The signs that the user wants.

    Attributes:
        title: Whether the terminal's title shows the progress.
        bell: Whether the bell rings at the end.
    """

    title: bool = False
    bell: bool = False


def with_signs(display: Display, stream: TextIO, signs: Signs) -> Display:
    """Return the display with those wanted signs that the stream can show."""
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
        signs: The wanted signs that the terminal can show.
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
        """Receive the state of the load, and set the title if it is due."""
        self._display.update(snapshot)
        is_due = self._titled_at is None or snapshot.seconds - self._titled_at >= TITLE_SECONDS
        if self._signs.title and is_due:
            self._titled_at = snapshot.seconds
            self._write(f"\x1b]0;{title_of(snapshot)}\a")

    def message(self, text: str) -> None:
        """Show one line that stays."""
        self._display.message(text)

    def stop(self) -> None:
        """Restore the terminal, and ring the bell once."""
        self._display.stop()
        if self._is_started:
            self._is_started = False
            self._write(RESTORE_TITLE * self._signs.title + BELL * self._signs.bell)

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def title_of(now: Snapshot) -> str:
    """Return the title. The progress comes first, because a tab shows only the start of the title."""
    if now.rows_total is None:
        done = figures.counted(now.rows_done, "row")
    else:
        done = figures.percent(now.rows_done, now.rows_total)
    return f"{done}, {figures.printable(now.phase)} - scn-loader"
