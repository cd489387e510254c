"""Pictures of measurements as SVG without a library, so that git can compare them. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from xml.sax.saxutils import escape

_WIDTH = 760
TEXT, GREY, BLUE, RED, GREEN = "#1f2328", "#8b949e", "#0969da", "#cf222e", "#1a7f37"

BAR_HEIGHT, NAME_WIDTH, VALUE_WIDTH = 26, 330, 80
MOST_OVER_QUOTA = 2.0
"""Upper end of a panel as a multiple of the quota; higher values are drawn at its upper edge."""

PANEL_HEIGHT, PANEL_LEFT, PANEL_GAP = 150, 60, 46


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: its name, its length, and whether it is the loader's."""

    name: str
    value: float
    ours: bool


@dataclass(frozen=True, slots=True)
class ComparisonPanel:
    """Rates over time of one client.

    Attributes:
        title: Name and result of the client.
        quota: Requests that the service allowed in each second.
        accepted: Requests that it accepted in each second.
        throttled: Requests that it throttled in each second.
    """

    title: str
    quota: Sequence[float]
    accepted: Sequence[float]
    throttled: Sequence[float]


def bars(title: str, items: Sequence[Bar]) -> str:
    """Return horizontal bars on a logarithmic scale, with a line at each power of ten."""
    low = 10 ** floor(log10(min(item.value for item in items)))
    high = 10 ** ceil(log10(max(item.value for item in items)))
    room = _WIDTH - NAME_WIDTH - VALUE_WIDTH
    height = 60 + BAR_HEIGHT * len(items)

    def x_of(value: float) -> float:
        return NAME_WIDTH + room * log10(value / low) / max(1.0, log10(high / low))

    parts = [_text(16, 24, title, size=15)]
    mark = low
    while mark <= high:
        x = x_of(mark)
        parts += [
            _line(x, 40, x, height - 20, GREY, width=0.5),
            _text(x, height - 6, f"{mark:,}", "middle", GREY, size=11),
        ]
        mark *= 10
    for number, item in enumerate(items):
        y = 44 + BAR_HEIGHT * number
        parts += [
            _text(NAME_WIDTH - 8, y + 14, item.name, "end"),
            _bar(y, x_of(item.value), BLUE if item.ours else GREY),
            _text(x_of(item.value) + 6, y + 14, f"{item.value:,.0f}"),
        ]
    return _svg(height, parts)


def rates_over_time(title: str, panels: Sequence[ComparisonPanel]) -> str:
    """Return one panel per client, all on the same scale."""
    seconds = max(len(panel.accepted) for panel in panels)
    quota = max(max(panel.quota) for panel in panels)
    rates = max(max((*panel.accepted, *panel.throttled)) for panel in panels)
    highest = 1.05 * max(quota, min(rates, MOST_OVER_QUOTA * quota))
    height = 50 + (PANEL_HEIGHT + PANEL_GAP) * len(panels)
    parts = [
        _text(16, 24, title, size=15),
        _text(_WIDTH - 16, 24, "accepted", "end", BLUE),
        _text(_WIDTH - 90, 24, "throttled", "end", RED),
        _text(_WIDTH - 164, 24, "quota", "end", GREEN),
    ]
    for number, panel in enumerate(panels):
        top = 60 + (PANEL_HEIGHT + PANEL_GAP) * number
        parts += _panel(panel, top, seconds, highest)
    return _svg(height, parts)


def _panel(panel: ComparisonPanel, top: float, seconds: int, highest: float) -> list[str]:
    bottom, right = top + PANEL_HEIGHT, _WIDTH - 16

    def points(values: Sequence[float]) -> str:
        width = (right - PANEL_LEFT) / max(1, seconds - 1)
        return " ".join(
            f"{PANEL_LEFT + second * width:.1f},{bottom - PANEL_HEIGHT * min(1.0, value / highest):.1f}"
            for second, value in enumerate(values)
        )

    quota_y = bottom - PANEL_HEIGHT * panel.quota[-1] / highest
    return [
        _text(PANEL_LEFT, top - 6, panel.title),
        _line(PANEL_LEFT, bottom, right, bottom, GREY),
        _line(PANEL_LEFT, top, PANEL_LEFT, bottom, GREY),
        _text(PANEL_LEFT - 6, quota_y + 4, f"{panel.quota[-1]:,.0f}/s", "end", GREEN, size=11),
        _text(PANEL_LEFT - 6, bottom + 4, "0", "end", GREY, size=11),
        _text(right, bottom + 14, f"{seconds} s", "end", GREY, size=11),
        _curve(points(panel.quota), GREEN, dashed=True),
        _curve(points(panel.throttled), RED),
        _curve(points(panel.accepted), BLUE),
    ]


def _svg(height: float, parts: Iterable[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height:.0f}" '
        f'width="{_WIDTH}" height="{height:.0f}" font-family="sans-serif">\n'
        f'<rect width="100%" height="100%" fill="white"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def _text(x: float, y: float, text: str, anchor: str = "start", colour: str = TEXT, *, size: int = 12) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}" font-size="{size}">'
        f"{escape(text)}</text>"
    )


def _bar(y: float, end: float, colour: str) -> str:
    return (
        f'<rect x="{NAME_WIDTH}" y="{y}" width="{max(1.0, end - NAME_WIDTH):.1f}" '
        f'height="{BAR_HEIGHT - 8}" fill="{colour}"/>'
    )


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, *, width: float = 1.0) -> str:
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
        f'stroke="{colour}" stroke-width="{width}"/>'
    )


def _curve(points: str, colour: str, *, dashed: bool = False) -> str:
    dashes = ' stroke-dasharray="5 4"' if dashed else ""
    return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5"{dashes}/>'
