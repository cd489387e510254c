"""Show progress during a load: live lines on a terminal, plain lines elsewhere, or nothing.

Everything goes to stderr; stdout has the summary only. A display never stops a load: if the terminal goes
away (closed window, broken pipe), the display stays silent.
"""

import os
from collections.abc import Callable
from enum import StrEnum
from typing import Protocol, TextIO

from rich.console import Console
from rich.live import Live
from rich.text import Text

from loader.report.figures import printable
from loader.report.panel import ProgressPanel, plain_line
from loader.report.progress import Pace, RateMeter, Snapshot

DRAW_SECONDS = 0.2
"""Interval between drawings of the live lines. One drawing takes about a millisecond of the only core."""

PLAIN_SECONDS = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0)
"""Pauses between plain lines; the last one repeats. A load of a day writes 2,900 lines, a short one a few."""


class ProgressStyle(StrEnum):
    """How progress is shown."""

    AUTO = "auto"
    PLAIN = "plain"
    NONE = "none"


class Display(Protocol):
    """Shows the progress of a load."""

    def start(self) -> None:
        """Begin to show progress."""

    def update(self, snapshot: Snapshot) -> None:
        """Receive the state of the load. Callers may call this often; the display draws when it is due."""

    def message(self, text: str) -> None:
        """Show one line that stays above the progress; safe to call from any thread."""

    def stop(self) -> None:
        """Restore the terminal; may be called twice."""


def make_display(
    style: ProgressStyle,
    stream: TextIO,
    *,
    line: Callable[[Snapshot, Pace], str] = plain_line,
) -> Display:
    """Return the display for a style and a stream.

    Args:
        style: What the user asked for.
        stream: Normally ``sys.stderr``.
        line: The format of a plain line: ``plain_line``, or one made with ``progress_json``.
    """
    lasting = LastingStream(stream)
    if style is ProgressStyle.NONE:
        return NoDisplay(lasting)
    can_redraw = stream.isatty() and os.environ.get("TERM", "dumb") not in {"dumb", "unknown"}
    if style is ProgressStyle.AUTO and can_redraw and line is plain_line:
        return LiveDisplay(lasting)
    return PlainDisplay(lasting, line)


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


class NoDisplay:
    """Shows messages only."""

    def __init__(self, stream: LastingStream) -> None:
        self._stream = stream

    def start(self) -> None:
        """Do nothing."""

    def update(self, snapshot: Snapshot) -> None:
        """Do nothing."""

    def message(self, text: str) -> None:
        """Write the line."""
        self._stream.write(printable(text) + "\n")
        self._stream.flush()

    def stop(self) -> None:
        """Do nothing."""


class PlainDisplay(NoDisplay):
    """Writes a line at growing intervals, and whenever the phase changes."""

    def __init__(self, stream: LastingStream, line: Callable[[Snapshot, Pace], str] = plain_line) -> None:
        super().__init__(stream)
        self._line = line
        self._meter = RateMeter()
        self._pauses = iter(PLAIN_SECONDS)
        self._pause_seconds = next(self._pauses)
        self._written_at = 0.0
        self._phase: str | None = None
        self._unwritten: tuple[Snapshot, Pace] | None = None

    def update(self, snapshot: Snapshot) -> None:
        """Write a line if the phase is new or the pause since the last line is over."""
        pace = self._meter.observe(snapshot)
        self._unwritten = snapshot, pace
        is_due = snapshot.seconds - self._written_at >= self._pause_seconds
        if is_due:
            self._pause_seconds = next(self._pauses, self._pause_seconds)
        if is_due or (self._phase is not None and snapshot.phase != self._phase):
            self._write(snapshot, pace)
        self._phase = snapshot.phase

    def stop(self) -> None:
        """Write the last state, if it is not written yet."""
        if self._unwritten is not None:
            self._write(*self._unwritten)

    def _write(self, snapshot: Snapshot, pace: Pace) -> None:
        self._written_at = snapshot.seconds
        self._unwritten = None
        self.message(self._line(snapshot, pace))


class LiveDisplay:
    """Updates a few lines at the bottom of the terminal, and removes them when it stops."""

    def __init__(self, stream: LastingStream, *, width: int | None = None) -> None:
        # rich uses only the methods that LastingStream has; its annotation, TextIO, is wider.
        self._console = Console(file=stream, force_terminal=True, width=width, highlight=False)  # type: ignore[arg-type]
        # No drawing thread: with one core, the display draws between two events of the load.
        self._live = Live(
            console=self._console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            vertical_overflow="crop",
        )
        self._meter = RateMeter()
        self._drawn_at: float | None = None

    def start(self) -> None:
        """Reserve the bottom of the terminal."""
        self._live.start()

    def update(self, snapshot: Snapshot) -> None:
        """Draw the lines again, unless they were drawn a moment ago."""
        pace = self._meter.observe(snapshot)
        if self._drawn_at is None or snapshot.seconds - self._drawn_at >= DRAW_SECONDS:
            self._drawn_at = snapshot.seconds
            self._live.update(ProgressPanel(snapshot, pace), refresh=True)

    def message(self, text: str) -> None:
        """Write the line above the live lines."""
        self._console.print(Text(printable(text)), soft_wrap=True)

    def stop(self) -> None:
        """Release the bottom of the terminal."""
        self._live.stop()
