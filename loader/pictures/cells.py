"""A map of many items in few cells, coloured by state; and the shares of a whole as one bar."""

from collections.abc import Sequence
from dataclasses import dataclass

from loader.pictures.svg import element, title

WIDTH, CELL, GAP = 960, 14, 3
_COLUMNS = 32
"""Cells of a row: few enough that a cell can be seen on a phone."""

_MAP_WIDTH = _COLUMNS * (CELL + GAP) - GAP
_BAR_HEIGHT = 18
LEAST_SHARE_WIDTH = 5.0
"""Minimum width of a part of a bar: five failed events of a million must be seen."""


@dataclass(frozen=True, slots=True)
class ColouredCell:
    """One cell.

    Attributes:
        class_: CSS class of its state.
        label: Its text.
        is_round: Whether it is a circle: a sign besides the colour, for readers who cannot see the colour.
    """

    class_: str
    label: str
    is_round: bool = False


@dataclass(frozen=True, slots=True)
class Share:
    """One part of a bar: its size in any unit, its CSS class, and its text."""

    size: float
    class_: str
    label: str


def cell_map(cells: Sequence[ColouredCell], summary: str) -> str:
    """Return the cells in rows, in their order."""
    rows = -(-len(cells) // _COLUMNS)
    height = max(rows * (CELL + GAP) - GAP, CELL)
    parts = [title(summary)]
    parts += [
        element(
            "rect",
            title(cell.label),
            x=number % _COLUMNS * (CELL + GAP),
            y=number // _COLUMNS * (CELL + GAP),
            width=CELL,
            height=CELL,
            rx=CELL / 2 if cell.is_round else 2,
            class_=cell.class_,
        )
        for number, cell in enumerate(cells)
    ]
    return element("svg", "\n".join(parts), viewBox=f"0 0 {_MAP_WIDTH} {height}", role="img", class_="cells")


def share_bar(shares: Sequence[Share], summary: str) -> str:
    """Return one bar divided in proportion; a part above zero has at least a visible width."""
    parts, x = [title(summary)], 0.0
    for share, width in zip(shares, _widths([share.size for share in shares]), strict=True):
        if not width:
            continue
        parts.append(
            element(
                "rect",
                title(share.label),
                x=x,
                y=0,
                width=width,
                height=_BAR_HEIGHT,
                class_=share.class_,
            )
        )
        x += width
    view = f"0 0 {WIDTH} {_BAR_HEIGHT}"
    bar = element("rect", x=0, y=0, width=WIDTH, height=_BAR_HEIGHT, class_="empty")
    return element(
        "svg",
        "\n".join([parts[0], bar, *parts[1:]]),
        viewBox=view,
        preserveAspectRatio="none",
        role="img",
        class_="bar",
    )


def _widths(sizes: Sequence[float]) -> list[float]:
    """Return the widths of the parts of a bar; the widest gives what small ones need to be seen."""
    total = sum(sizes) or 1.0
    widths = [max(WIDTH * size / total, LEAST_SHARE_WIDTH) if size > 0 else 0.0 for size in sizes]
    surplus = sum(widths) - WIDTH
    if surplus > 0:
        widths[widths.index(max(widths))] -= surplus
    return widths
