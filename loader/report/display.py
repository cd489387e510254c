"""Show progress during a load: live lines on a terminal, plain lines elsewhere, or nothing.

Everything goes to stderr; stdout has the summary only. A display never stops a load: if the terminal goes
away (closed window, broken pipe), the display stays silent.
"""

import os
from collections.abc import Callable
from dataclasses import asdict
from enum import StrEnum
from typing import Protocol, TextIO

import orjson

from loader.process.lasting_stream import LastingStream
from loader.report import figures
from loader.report.figures import printable
from loader.report.limiting_factor import limiting_words
from loader.report.log_lines import iso
from loader.report.progress import Pace, RateMeter, Snapshot, percent_done, time_left, usual_latency
from loader.report.trouble import in_one_line

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


def plain_line(now: Snapshot, pace: Pace) -> str:
    """Return progress as one line for pipes, files and logs; zero values are omitted."""
    parts = [
        figures.duration(now.seconds),
        now.phase,
        percent_done(now),
        figures.counted(now.rows_done, "row"),
        f"{figures.counted(now.events_accepted, 'event')} accepted",
        f"{figures.rate(pace.events_per_second)}/s",
        f"{figures.counted(now.rows_rejected, 'row')} rejected" if now.rows_rejected else "",
        _if_any(now.events_failed, "failed"),
        _if_any(now.events_in_doubt, "in doubt"),
        f"{figures.percent(pace.throttled_share, 1.0)} throttled" if pace.throttled_share > 0 else "",
        usual_latency(now),
        "" if now.paused else time_left(now, pace),
        f"limited by {limiting_words(now.limiting)}" if now.limiting else "",
        f"last trouble {in_one_line(now.trouble)}" if now.trouble is not None else "",
    ]
    return ", ".join(part for part in parts if part)


def progress_json(now: Snapshot, pace: Pace, *, at: float, load: str | None) -> str:
    """Return progress as one JSON object on one line, with time, level and load as in a log line.

    Args:
        now: The state of the load.
        pace: Its speed.
        at: Epoch seconds.
        load: Id of the load, or None if it is unknown so far.
    """
    values = {"time": iso(at), "level": "INFO", "message": "progress", "load": load}
    return orjson.dumps(values | _without_objects(now, pace)).decode()


def _without_objects(now: Snapshot, pace: Pace) -> dict[str, object]:
    values = {**asdict(now), **asdict(pace)}
    for name, latency in (("latency", now.latency), ("delivery_latency", now.delivery_latency)):
        del values[name]
        values[f"{name}_ms"] = latency.as_json()
    return values


def _if_any(number: int, word: str) -> str:
    return f"{figures.count(number)} {word}" if number else ""


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
        from loader.report.live_display import LiveDisplay  # noqa: PLC0415 - rich takes 80 ms to import

        return LiveDisplay(lasting)
    return PlainDisplay(lasting, line)


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
