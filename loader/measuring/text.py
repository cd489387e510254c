"""A measurement as text, as a table and as a picture. Pure."""

from collections.abc import Sequence

from loader.measuring.grid import GROUP, ROW, Cell, CellResult, Measurement
from loader.pictures.measured import MeasuredLine, measured
from loader.report import figures

COLUMNS = (
    "packing",
    "record",
    "records/event",
    "events/s",
    "rows/s",
    "throttled",
    "p50",
    "p95",
    "p99",
    "max",
)

FEW_EVENTS = 20
"""One event more or less changes a rate of fewer events by over 5 %."""


def announcement(cells: Sequence[Cell], max_calls: int, seconds: float, dataset: str) -> str:
    """Return the announcement that is shown before the first call."""
    combinations, most = figures.counted(len(cells), "combination"), figures.counted(max_calls, "call")
    return (
        f"Measuring {combinations} with generated rows of {dataset}: at most {most} in "
        f"{figures.duration(seconds)}, into a separate dataset that is deleted at the end."
    )


def line(result: CellResult) -> str:
    """Return the result of a cell in one line."""
    p50 = result.latency.p50
    latency = "" if p50 is None else f", round trip p50 {p50:,.1f} ms"
    return (
        f"{cell_name(result.cell)}: {figures.rate(result.events_per_second)} events/s, "
        f"{figures.rate(result.rows_per_second)} rows/s, {figures.count(result.throttled)} throttled{latency}"
        f"{_end(result)}"
    )


def cell_name(cell: Cell) -> str:
    """Return the name of a cell for users."""
    return f"{packing_name(cell)}, records of {figures.counted(cell.record_bytes, 'byte')}"


def packing_name(cell: Cell) -> str:
    """Return how records share events."""
    names = {ROW: "one record per event", GROUP: "full events"}
    return names.get(cell.packing, f"{figures.counted(cell.records_per_event, 'record')} per event")


def table_rows(measurement: Measurement) -> list[tuple[str, ...]]:
    """Return the cells of a table under ``COLUMNS``."""
    rows = []
    for result in measurement.results:
        cell, latency = result.cell, result.latency
        names = ("p50", "p95", "p99", "max")
        values = [getattr(latency, name) for name in names]
        rows.append(
            (
                cell.packing,
                f"{cell.record_bytes:,} B",
                figures.count(cell.records_per_event),
                figures.rate(result.events_per_second),
                figures.rate(result.rows_per_second),
                figures.percent(result.throttled, result.attempted),
                *("-" if value is None else f"{value:,.1f} ms" for value in values),
            )
        )
    return rows


def remarks(measurement: Measurement) -> list[str]:
    """Return notes for readers of the table, as sentences."""
    notes = list(measurement.notes)
    failed = sum(result.failed for result in measurement.results)
    if failed:
        notes.append(f"{figures.counted(failed, 'event')} failed: the service refused generated rows.")
    short = [result for result in measurement.results if result.ended_by == "calls"]
    if short:
        notes.append(
            f"{figures.counted(len(short), 'combination')} ended early, because the calls were used up: "
            "more calls (--max-calls) or fewer seconds (--seconds) measure the whole time."
        )
    few = [
        result
        for result in measurement.results
        if result.accepted < FEW_EVENTS and result.ended_by != "interrupted"
    ]
    if few:
        notes.append(
            f"{figures.counted(len(few), 'combination')} had fewer than {FEW_EVENTS} events accepted after "
            "the warm-up, so the rate is rough: more seconds (--seconds) measure it better."
        )
    made, most = figures.counted(measurement.calls, "call"), figures.count(measurement.max_calls)
    notes.append(f"{made} of at most {most} made.")
    return notes


def picture(measurement: Measurement) -> str:
    """Return the measurement as an SVG document."""
    lines = [
        MeasuredLine(
            cell_name(result.cell)
            + (f", {result.cell.in_flight:,} in flight" if _several_in_flight(measurement) else ""),
            result.rows_per_second,
            result.events_per_second,
            (result.latency.p50, result.latency.p95, result.latency.p99),
        )
        for result in measurement.results
        if result.events_per_second > 0
    ]
    return measured(f"What the instance accepts: generated rows of {measurement.dataset}", lines)


def _several_in_flight(measurement: Measurement) -> bool:
    return len({result.cell.in_flight for result in measurement.results}) > 1


def _end(result: CellResult) -> str:
    return {"time": "", "calls": " (its calls were used up)"}.get(result.ended_by, f" ({result.ended_by})")
