"""Measurements to tables in Markdown. Pure."""

from collections.abc import Iterable, Sequence

from benchmarks.results import Figure, Measurement


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; the first column is text, the others are numbers."""
    marks = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [head, marks, *rows])


def throughput_table(measurements: Sequence[Measurement], base: str) -> str:
    """Return the table of all measurements, slowest first.

    Args:
        measurements: What was measured.
        base: Name of the one that the others are given as multiples of, if it was measured.
    """
    unit = next((each.rows for each in measurements if each.name == base), None)
    ordered = sorted(measurements, key=lambda each: each.rows)
    return markdown_table(
        ["", "rows/s", "lowest..highest", "requests/s", f"times {base}", "server's core"],
        [
            [
                _named(each),
                number(each.rows),
                f"{number(min(each.rows_per_second))}..{number(max(each.rows_per_second))}",
                number(each.requests),
                "" if unit is None else ratio(each.rows, unit),
                f"{each.server_share:.0%}",
            ]
            for each in ordered
        ],
    )


def _named(measurement: Measurement) -> str:
    name = f"**{measurement.name}**" if measurement.kind in ("row", "packed") else measurement.name
    return f"{name} ({measurement.remark})" if measurement.remark else name


def figures_table(figures: Sequence[Figure]) -> str:
    """Return the table of single numbers beside what they were aimed at."""
    verdicts = {True: "yes", False: "**no**", None: ""}
    return markdown_table(
        ["", "measured", "aimed at", "met"],
        [[each.name, each.value, each.target, verdicts[each.met]] for each in figures],
    )


def number(value: float) -> str:
    """Return a number with three digits that mean something."""
    if value >= 1000:
        digits = len(str(int(value)))
        return f"{round(value, 3 - digits):,.0f}"
    return f"{value:.3g}"


def ratio(value: float, unit: float) -> str:
    """Return how many times ``unit`` a value is."""
    return f"{value / unit:.1f}" if value < 100 * unit else f"{value / unit:.0f}"
