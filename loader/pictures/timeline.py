"""A timeline: panels with one time axis, and the figures of a moment on hover."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from loader.pictures.svg import element, points, text, title

_WIDTH = 960
LEFT, RIGHT = 66, 12
PANEL_HEIGHT, STRIP_HEIGHT, GAP, TOP, BOTTOM = 130, 26, 40, 22, 26
MOST_TICKS = 7
_TICK_STEPS = (
    *(0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0),
    *(60.0, 120.0, 300.0, 600.0, 900.0, 1800.0),
    *(3600.0, 7200.0, 10_800.0, 21_600.0, 43_200.0, 86_400.0),
)
"""Round steps of the time axis in seconds; longer ones are whole days."""

_EDGE = 40
"""A time label closer to the right end is aligned with it."""

SCALE_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
"""Round numbers for the end of a scale, to be multiplied by a power of ten."""

LIMITS_SHOWN = 6
"""Causes with their own colours in the strip; all others share one."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One period and its figures.

    Attributes:
        start_seconds: Its beginning, in seconds from the beginning of the load.
        seconds: Its length.
        values: Value of each series by its name, in the unit of the panel; a missing one leaves a gap.
        shares: Share of the period, 0..1, by what limited the load.
        label: The figures as text.
    """

    start_seconds: float
    seconds: float
    values: Mapping[str, float]
    shares: Mapping[str, float] = field(default_factory=dict)
    label: str = ""


@dataclass(frozen=True, slots=True)
class Series:
    """One curve.

    Attributes:
        name: Key in ``Moment.values``.
        label: Its name for users.
        class_: CSS class of its line.
        is_area: Whether the area below it is filled.
    """

    name: str
    label: str
    class_: str
    is_area: bool = False


@dataclass(frozen=True, slots=True)
class TimelinePanel:
    """One panel: some curves on one scale from zero."""

    title: str
    series: Sequence[Series]


def timeline(
    panels: Sequence[TimelinePanel],
    moments: Sequence[Moment],
    *,
    shares_title: str = "",
    time_label: Callable[[float], str],
    summary: str,
) -> str:
    """Return the picture as one SVG element.

    Args:
        panels: The panels from top to bottom.
        moments: The moments in the order of time.
        shares_title: Title of the strip of ``Moment.shares``; empty for no strip.
        time_label: Returns the text for seconds since the beginning.
        summary: Text of the picture for readers who cannot see it.
    """
    frame = _Frame(moments)
    parts, top = [title(summary)], float(TOP)
    for panel in panels:
        parts += _panel(panel, moments, frame, top)
        top += PANEL_HEIGHT + GAP
    if shares_title:
        parts += _strip(shares_title, moments, frame, top)
        top += STRIP_HEIGHT + GAP
    parts += _time_axis(frame, top - GAP, time_label)
    height = top - GAP + BOTTOM
    parts += _hover(moments, frame, height - BOTTOM)
    return element(
        "svg", "\n".join(parts), viewBox=f"0 0 {_WIDTH} {height:.0f}", role="img", class_="timeline"
    )


class _Frame:
    """The time axis: seconds to x."""

    def __init__(self, moments: Sequence[Moment]) -> None:
        self.start = moments[0].start_seconds if moments else 0.0
        end = moments[-1].start_seconds + moments[-1].seconds if moments else 1.0
        self.seconds = max(end - self.start, 1e-9)

    def x(self, seconds: float) -> float:
        return LEFT + (_WIDTH - LEFT - RIGHT) * (seconds - self.start) / self.seconds

    def middle(self, moment: Moment) -> float:
        return self.x(moment.start_seconds + moment.seconds / 2)


def scale_end(highest: float) -> float:
    """Return a round number of at least ``highest``, for the upper end of a scale."""
    if highest <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(highest))
    return next((step * power for step in SCALE_STEPS if step * power >= highest * (1 - 1e-9)), 10.0 * power)


def _panel(panel: TimelinePanel, moments: Sequence[Moment], frame: _Frame, top: float) -> list[str]:
    bottom = top + PANEL_HEIGHT
    shown = [each for each in panel.series if each.is_area or _is_seen(each, moments)]
    names = [series.name for series in shown]
    end = scale_end(max((moment.values.get(name, 0.0) for moment in moments for name in names), default=0.0))
    parts = [text(LEFT, top - 8, panel.title, "panel-title")]
    parts += _legend(7.0 * len(panel.title), shown, top - 8)
    for share in (0.0, 0.5, 1.0):
        y = bottom - PANEL_HEIGHT * share
        parts += [
            element("line", x1=LEFT, y1=y, x2=_WIDTH - RIGHT, y2=y, class_="grid"),
            text(LEFT - 6, y + 4, f"{end * share:,.10g}", "axis", "end"),
        ]
    for series in shown:
        for run in _runs(series.name, moments):
            line = [
                (frame.middle(each), bottom - PANEL_HEIGHT * each.values[series.name] / end) for each in run
            ]
            line = _widened(line, run, frame)
            if series.is_area:
                closed = [(line[0][0], bottom), *line, (line[-1][0], bottom)]
                parts.append(element("polygon", points=points(closed), class_=f"{series.class_} area"))
            parts.append(element("polyline", points=points(line), class_=f"{series.class_} curve"))
    return parts


def _is_seen(series: Series, moments: Sequence[Moment]) -> bool:
    """Return whether a curve leaves the axis. A red line of zeros would look like an alarm."""
    return any(moment.values.get(series.name, 0.0) > 0 for moment in moments)


def _widened(
    line: list[tuple[float, float]], run: Sequence[Moment], frame: _Frame
) -> list[tuple[float, float]]:
    """Extend a curve to the ends of its first and last moment, so that a single moment is a line."""
    first, last = frame.x(run[0].start_seconds), frame.x(run[-1].start_seconds + run[-1].seconds)
    return [(first, line[0][1]), *line, (last, line[-1][1])]


def _runs(name: str, moments: Sequence[Moment]) -> list[list[Moment]]:
    """Return the periods in which a series has values, each without gaps."""
    runs: list[list[Moment]] = [[]]
    for moment in moments:
        if name in moment.values:
            runs[-1].append(moment)
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def _legend(title_width: float, series: Sequence[Series], y: float) -> list[str]:
    """Return the names of the curves behind the title, where a narrow screen shows them first."""
    parts, x = [], LEFT + title_width + 24
    for each in series:
        parts += [
            element("line", x1=x, y1=y - 4, x2=x + 16, y2=y - 4, class_=f"{each.class_} curve"),
            text(x + 20, y, each.label, "axis"),
        ]
        x += 6.6 * len(each.label) + 38
    return parts


def shares_of(moments: Sequence[Moment]) -> list[tuple[str, str, float]]:
    """Return name, CSS class and share of the whole time of each cause in the strip, the largest first."""
    totals: dict[str, float] = {}
    for moment in moments:
        for name, share in moment.shares.items():
            totals[name] = totals.get(name, 0.0) + share * moment.seconds
    seconds = sum(moment.seconds for moment in moments)
    order = sorted(totals, key=lambda name: -totals[name])
    return [
        (name, f"limit{min(number, LIMITS_SHOWN)}", totals[name] / max(seconds, 1e-9))
        for number, name in enumerate(order)
    ]


def _strip(strip_title: str, moments: Sequence[Moment], frame: _Frame, top: float) -> list[str]:
    causes = shares_of(moments)
    parts = [text(LEFT, top - 8, strip_title, "panel-title")]
    boxes: dict[str, list[str]] = {name: [] for name, _, _ in causes}
    for moment in moments:
        x, end = frame.x(moment.start_seconds), frame.x(moment.start_seconds + moment.seconds)
        y = top
        whole = max(sum(moment.shares.values()), 1.0)
        for name, path in boxes.items():
            height = STRIP_HEIGHT * moment.shares.get(name, 0.0) / whole
            if height >= 0.5:  # noqa: PLR2004 - half a pixel is not seen
                path.append(f"M{x:.1f} {y:.1f}H{end + 0.3:.1f}v{height:.1f}H{x:.1f}z")
                y += height
    # One path per cause: one rectangle per moment would make up half of the page.
    return parts + [element("path", d="".join(boxes[name]), class_=class_) for name, class_, _ in causes]


def _time_axis(frame: _Frame, bottom: float, time_label: Callable[[float], str]) -> list[str]:
    parts = []
    for seconds in ticks(frame.start, frame.seconds):
        x = frame.x(seconds)
        anchor = "start" if x < LEFT + _EDGE else "end" if x > _WIDTH - RIGHT - _EDGE else "middle"
        parts.append(text(x, bottom + 18, time_label(seconds), "axis", anchor))
    return parts


def ticks(start: float, seconds: float) -> list[float]:
    """Return round times of a span, at most MOST_TICKS and one more."""
    step = next((each for each in _TICK_STEPS if seconds / each <= MOST_TICKS), 0.0)
    if not step:
        step = 86_400.0 * math.ceil(seconds / 86_400.0 / MOST_TICKS)
    first = math.ceil(start / step - 1e-9)
    last = math.floor((start + seconds) / step + 1e-9)
    return [number * step for number in range(first, last + 1)]


def _hover(moments: Sequence[Moment], frame: _Frame, bottom: float) -> list[str]:
    """Return a column over each moment that shows its figures on hover."""
    return [
        element(
            "rect",
            title(moment.label),
            x=frame.x(moment.start_seconds),
            y=TOP,
            width=frame.x(moment.start_seconds + moment.seconds) - frame.x(moment.start_seconds),
            height=bottom - TOP,
            class_="hover",
        )
        for moment in moments
        if moment.label
    ]
