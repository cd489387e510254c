"""Progress as a few live lines on a terminal.

Rules kept here:

1. A live line never wraps: on a narrow terminal, the least important parts, which stand last, are dropped.
2. Only this module imports rich for progress. The import takes 80 ms, and a load without a terminal does
   without it.
"""

from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from loader.process.lasting_stream import LastingStream
from loader.report import figures
from loader.report.figures import printable
from loader.report.limiting_factor import limiting_words
from loader.report.progress import Pace, RateMeter, Snapshot, percent_done, time_left, usual_latency
from loader.report.trouble import in_one_line

DRAW_SECONDS = 0.2
"""Interval between drawings of the live lines. One drawing takes about a millisecond of the only core."""

_LABEL_CHARS = 10
FIRST_CHARS = 24
"""Room for "504,112 of 1,204,113"."""

RATE_CHARS = 9
PERCENT_CHARS = 6
MAX_LIVE_CHARS = 120
"""Maximum width of the live lines: a bar across a wide screen is harder to read."""

BAR_FROM_CHARS = 56
"""On narrower terminals the bar and the columns are dropped in favour of the figures."""

NARROW_CHARS = 32
"""On narrower terminals labels are not padded: 20 columns hold a label and a figure."""

MUCH_THROTTLED = 0.05
"""A larger share of throttled attempts is coloured; the governor aims at 2 % or less."""

StyledText = tuple[str, str]
"""A piece of a line: its text and its style."""


@dataclass(frozen=True, slots=True)
class ProgressPanel:
    """The live lines. rich draws them in the current width of the terminal."""

    snapshot: Snapshot
    pace: Pace

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the lines."""
        width = min(options.max_width, MAX_LIVE_CHARS)
        yield _head(self.snapshot, self.pace, width)
        for label, (done, speed, *rest) in (
            ("rows", _rows(self.snapshot, self.pace, width)),
            ("events", _events(self.snapshot, self.pace)),
        ):
            yield _fitted(label, [*_in_columns(done, speed, width), *rest], width)
        yield _fitted("calls", _calls(self.snapshot, self.pace), width)
        yield _fitted("limited by", _limit(self.snapshot), width)
        if self.snapshot.trouble is not None:
            yield _fitted("trouble", [(in_one_line(self.snapshot.trouble), "yellow")], width)


def _head(now: Snapshot, pace: Pace, width: int) -> Table | Text:
    tail = [(text.rjust(PERCENT_CHARS), "bold") for text in (percent_done(now),) if text]
    if not now.paused:  # the label already says what a pause is about
        tail += [(text, "yellow" if pace.standing else "") for text in (time_left(now, pace),) if text]
    tail.append((f"{figures.duration(now.seconds)} so far", "dim"))
    phase = now.phase if width < NARROW_CHARS else now.phase.ljust(_LABEL_CHARS)
    # Appended: the style of a whole Text would also apply to what is appended later.
    label = Text().append(phase, style="bold yellow" if now.paused else "bold green")
    if now.rows_total is None or width < BAR_FROM_CHARS:
        return _joined(label, tail, width)
    bar = ProgressBar(
        total=max(now.rows_total, 1),
        completed=now.rows_done,
        width=width // 4,
        complete_style="yellow" if now.paused else "green",
        finished_style="green",
    )
    left = width - label.cell_len - width // 4 - 4  # two gaps of two
    line = Table.grid(padding=(0, 2))
    line.add_row(label, bar, _joined(Text(), tail, left))
    return line


def _rows(now: Snapshot, pace: Pace, width: int) -> list[StyledText]:
    done = figures.count(now.rows_done)
    if now.rows_total is not None and width >= NARROW_CHARS:
        done += f" of {figures.count(now.rows_total)}"
    return [
        (done, ""),
        (f"{figures.rate(pace.rows_per_second)}/s", ""),
        *_if_any(now.rows_rejected, "rejected", "yellow"),
    ]


def _events(now: Snapshot, pace: Pace) -> list[StyledText]:
    return [
        (f"{figures.count(now.events_accepted)} accepted", ""),
        (f"{figures.rate(pace.events_per_second)}/s", "bold"),
        *_if_any(now.events_failed, "failed", "red"),
        *_if_any(now.events_in_doubt, "in doubt", "yellow"),
    ]


def _in_columns(done: StyledText, speed: StyledText, width: int) -> list[StyledText]:
    """Return both parts padded, so that the rates of rows and events align."""
    if width < BAR_FROM_CHARS:
        return [done, speed]
    return [(done[0].ljust(FIRST_CHARS), done[1]), (speed[0].rjust(RATE_CHARS), speed[1])]


def _calls(now: Snapshot, pace: Pace) -> list[StyledText]:
    throttled = f"{figures.percent(pace.throttled_share, 1.0)} throttled"
    return [
        (f"{figures.count(now.in_flight)} of {figures.count(now.in_flight_cap)} in flight", ""),
        (throttled, "yellow" if pace.throttled_share > MUCH_THROTTLED else ""),
        *_if_any(now.retried, "retried", ""),
        *([(usual_latency(now), "")] if usual_latency(now) else []),
        (f"{figures.size(now.held_bytes)} held", "dim"),
    ]


def _limit(now: Snapshot) -> list[StyledText]:
    parts = [(limiting_words(now.limiting) if now.limiting else "not known yet", "")]
    if now.rate_limit is not None:
        parts.append((f"now {figures.rate(now.rate_limit)}/s allowed", "dim"))
    return parts


def _if_any(number: int, word: str, style: str) -> list[StyledText]:
    return [(f"{figures.count(number)} {word}", style)] if number else []


def _fitted(label: str, parts: list[StyledText], width: int) -> Text:
    text, style = parts[0]
    name = f"{label} " if width < NARROW_CHARS else f"{label.ljust(_LABEL_CHARS)}  "
    line = Text().append(name, style="dim").append(text, style=style)
    return _joined(line, parts[1:], width)


def _joined(line: Text, parts: list[StyledText], width: int) -> Text:
    """Return the line with as many more parts, from the first on, as fit."""
    line.no_wrap, line.overflow = True, "ellipsis"
    for text, style in parts:
        gap = 2 if line.cell_len else 0
        if line.cell_len and line.cell_len + gap + len(text.rstrip()) > width:
            break
        line.append(" " * gap).append(text, style=style)
    return line


class LiveDisplay:
    """Updates a few lines at the bottom of the terminal, and removes them when it stops."""

    def __init__(self, stream: LastingStream, *, width: int | None = None) -> None:
        # rich uses only the methods that LastingStream has; its annotation, TextIO, is wider.
        self._console = Console(
            file=stream,  # type: ignore[arg-type]
            force_terminal=True,
            width=width,
            highlight=False,
            markup=False,
            emoji=False,
        )
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
