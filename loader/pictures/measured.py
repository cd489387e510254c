"""Rates and latencies of several ways of sending in one picture: one line each, on logarithmic scales."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

from loader.pictures.svg import element, title
from loader.pictures.svg import text as svg_text

WIDTH, ROW_HEIGHT, TOP, BOTTOM = 960, 34, 66, 34
NAMES_END, RATES_END, TIMES_START, TIMES_END = 300, 600, 690, 930
_BAR_HEIGHT = 14

STYLE = (
    "text{font:12px sans-serif;fill:#1f2328}.soft{fill:#57606a;font-size:11px}.head{font-weight:bold}"
    ".line{stroke:#d0d7de}.rate{fill:#0969da}.span{stroke:#8250df;stroke-width:4}.mark{fill:#8250df}"
)


@dataclass(frozen=True, slots=True)
class MeasuredLine:
    """One way of sending.

    Attributes:
        name: Its name.
        rows_per_second: Records accepted per second, above 0.
        events_per_second: Events accepted per second.
        latency_ms: Round trips: median, 95th and 99th percentile; None if unknown.
    """

    name: str
    rows_per_second: float
    events_per_second: float
    latency_ms: tuple[float | None, float | None, float | None]


def measured(heading: str, lines: Sequence[MeasuredLine]) -> str:
    """Return the picture as an SVG document."""
    height = TOP + ROW_HEIGHT * max(len(lines), 1) + BOTTOM
    rates = _Scale([each.rows_per_second for each in lines], NAMES_END, RATES_END)
    times = _Scale([value for each in lines for value in each.latency_ms if value], TIMES_START, TIMES_END)
    parts = [
        title(heading),
        element("style", STYLE),
        element("rect", width="100%", height="100%", fill="white"),
        svg_text(16, 24, heading, "head"),
        svg_text(NAMES_END, 50, "rows accepted per second", "soft"),
        svg_text(TIMES_START, 50, "round trip in ms: p50, p95, p99", "soft"),
        *rates.lines(TOP - 8, height - BOTTOM),
        *times.lines(TOP - 8, height - BOTTOM),
    ]
    for number, each in enumerate(lines):
        parts += _line(each, TOP + ROW_HEIGHT * number, rates, times)
    return (
        element(
            "svg",
            "\n".join(parts),
            xmlns="http://www.w3.org/2000/svg",
            viewBox=f"0 0 {WIDTH} {height}",
            width=WIDTH,
            height=height,
            role="img",
        )
        + "\n"
    )


class _Scale:
    """A logarithmic scale between two positions, from a power of ten to another."""

    def __init__(self, values: Sequence[float], start: float, end: float) -> None:
        known = [value for value in values if value > 0] or [1.0]
        self._low = floor(log10(min(known)))
        self._high = max(ceil(log10(max(known))), self._low + 1)
        self._start, self._end = start, end

    def x(self, value: float) -> float:
        share = (log10(value) - self._low) / (self._high - self._low)
        return self._start + (self._end - self._start) * share

    def lines(self, top: float, bottom: float) -> list[str]:
        parts = []
        for power in range(self._low, self._high + 1):
            x = self.x(10.0**power)
            parts += [
                element("line", x1=x, y1=top, x2=x, y2=bottom, class_="line"),
                svg_text(x, bottom + 16, f"{10.0**power:,.10g}", "soft", "middle"),
            ]
        return parts


def _line(each: MeasuredLine, y: float, rates: _Scale, times: _Scale) -> list[str]:
    end = rates.x(each.rows_per_second)
    words = f"{each.rows_per_second:,.0f} ({each.events_per_second:,.1f} events/s)"
    parts = [
        svg_text(16, y + 12, each.name, ""),
        element(
            "rect",
            title(words),
            x=NAMES_END,
            y=y,
            width=max(end - NAMES_END, 1.0),
            height=_BAR_HEIGHT,
            class_="rate",
        ),
        svg_text(NAMES_END + 4, y + _BAR_HEIGHT + 12, words, "soft"),
    ]
    known = [value for value in each.latency_ms if value]
    if known:
        middle = y + _BAR_HEIGHT / 2
        marks = [times.x(value) for value in known]
        label = ", ".join(f"{value:,.1f}" for value in known)
        parts.append(element("line", x1=marks[0], y1=middle, x2=marks[-1], y2=middle, class_="span"))
        parts += [element("circle", cx=x, cy=middle, r=5, class_="mark") for x in marks]
        parts.append(svg_text(marks[0], y + _BAR_HEIGHT + 12, label, "soft"))
    return parts
