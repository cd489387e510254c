"""The cells of a measurement and their results. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from loader.errors import ExitCode, LoaderError, SettingsError
from loader.latency import NO_LATENCIES, Percentiles
from loader.model import MAX_EVENT_BYTES

ROW, GROUP = "row", "group"
"""One record per event, and full events: the packings of a load."""

RESERVED_CALLS = 60
"""Calls reserved for consent and dataset: seven calls of up to five tries each, and some spare ones."""


@dataclass(frozen=True, slots=True)
class MeasureSettings:
    """What to measure, and for how long.

    Attributes:
        seconds: Time for each cell.
        packings: ``row``, ``group`` or a number of records per event.
        record_bytes: Sizes of a record in UTF-8 bytes; if empty, two sizes that suit the dataset.
        in_flight: Maximum numbers of requests in flight.
        max_calls: Maximum number of calls of the whole measurement, of any operation.
        rate: The user's ceiling in calls per second, or None.
    """

    seconds: float = 15.0
    packings: Sequence[str] = (ROW, GROUP)
    record_bytes: Sequence[int] = ()
    in_flight: Sequence[int] = (1000,)
    max_calls: int = 100_000
    rate: float | None = None


@dataclass(frozen=True, slots=True)
class Cell:
    """One combination that is measured.

    Attributes:
        packing: The packing as the user wrote it.
        record_bytes: Size of a record in bytes.
        in_flight: Maximum number of requests in flight.
    """

    packing: str
    record_bytes: int
    in_flight: int

    @property
    def records_per_event(self) -> int:
        """Records in an event of this packing."""
        if self.packing == ROW:
            return 1
        fitting = most_records(self.record_bytes)
        return fitting if self.packing == GROUP else min(int(self.packing), fitting)


@dataclass(frozen=True, slots=True)
class CellResult:
    """The result of a cell. Counts and latencies cover the time after the warm-up.

    Attributes:
        cell: The cell.
        seconds: Measured time.
        accepted: Events accepted.
        attempted: Requests that ended.
        throttled: Requests that the service throttled.
        failed: Events that the service refused, in the whole cell.
        events_per_second: Rate of acceptances.
        limit_per_second: The limit that the rate controller found, or None.
        latency: Round trips of the requests.
        ended_by: ``time``, ``calls`` (its share of the calls was used up) or ``interrupted``.
    """

    cell: Cell
    seconds: float = 0.0
    accepted: int = 0
    attempted: int = 0
    throttled: int = 0
    failed: int = 0
    events_per_second: float = 0.0
    limit_per_second: float | None = None
    latency: Percentiles = NO_LATENCIES
    ended_by: str = "time"

    @property
    def rows_per_second(self) -> float:
        """Records accepted per second."""
        return self.events_per_second * self.cell.records_per_event

    def as_json(self) -> dict[str, Any]:
        """Return the result for ``--json``."""
        limit = self.limit_per_second
        return {
            "packing": self.cell.packing,
            "record_bytes": self.cell.record_bytes,
            "records_per_event": self.cell.records_per_event,
            "in_flight": self.cell.in_flight,
            "events_per_second": round(self.events_per_second, 3),
            "rows_per_second": round(self.rows_per_second, 3),
            "limit_per_second": None if limit is None else round(limit, 3),
            "throttled": self.throttled,
            "attempted": self.attempted,
            "failed": self.failed,
            "seconds": round(self.seconds, 3),
            "ended_by": self.ended_by,
            "latency_ms": self.latency.as_json(),
        }


@dataclass(frozen=True, slots=True)
class Measurement:
    """The result of a measurement.

    Attributes:
        dataset: Name of the dataset whose rows were sent.
        endpoint_url: The endpoint they were sent to.
        results: The cells that were measured, in their order.
        calls: Calls made, of any operation.
        max_calls: The announced maximum number of calls.
        notes: Notes for readers of the figures.
        error: The error that ended it early, or None.
    """

    dataset: str
    endpoint_url: str
    results: Sequence[CellResult]
    calls: int
    max_calls: int
    notes: Sequence[str] = ()
    error: LoaderError | None = None

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of the command."""
        return ExitCode.DELIVERED if self.error is None else self.error.exit_code

    def as_json(self) -> dict[str, Any]:
        """Return the measurement for ``--json``."""
        return {
            "dataset": self.dataset,
            "endpoint_url": self.endpoint_url,
            "results": [result.as_json() for result in self.results],
            "calls": self.calls,
            "max_calls": self.max_calls,
            "notes": list(self.notes),
            "error": None if self.error is None else self.error.what,
            "exit_code": int(self.exit_code),
        }


def most_records(record_bytes: int) -> int:
    """Return how many records of a size fit into one event; an array needs a comma each and two brackets."""
    return max(1, (MAX_EVENT_BYTES - 1) // (record_bytes + 1))


def cells_of(settings: MeasureSettings, least_record_bytes: int) -> list[Cell]:
    """Return the cells in the order in which they are measured.

    Args:
        settings: What to measure.
        least_record_bytes: Size of the smallest record of the dataset.

    Raises:
        SettingsError: A packing or a size cannot be measured, or there are too few calls for the cells.
    """
    sizes = settings.record_bytes or default_sizes(least_record_bytes)
    for size in sizes:
        if not least_record_bytes <= size <= MAX_EVENT_BYTES:
            raise SettingsError(
                f"Records of {size:,} bytes cannot be measured.",
                where="--record-bytes",
                why=f"the keys and required columns take {least_record_bytes:,} bytes, and an event holds "
                f"{MAX_EVENT_BYTES:,}",
                next_step="give a size between these with --record-bytes",
            )
    for packing in settings.packings:
        is_number = packing.isascii() and packing.isdecimal() and int(packing[:9]) > 0
        if packing not in (ROW, GROUP) and not is_number:
            raise SettingsError(
                "This packing does not exist.",
                where="--packing",
                why=f"'{packing}' is not row, group or a number of records",
                next_step="give one of these with --packing, or leave it out",
            )
    cells = [
        Cell(packing, size, in_flight)
        for packing in settings.packings
        for size in sizes
        for in_flight in settings.in_flight
    ]
    least_calls = RESERVED_CALLS + len(cells)
    if settings.max_calls < least_calls:
        raise SettingsError(
            "There are too few calls for the measurement.",
            where="--max-calls",
            why=f"{len(cells)} combinations and the other calls need at least {least_calls:,}",
            next_step="raise --max-calls, or measure fewer combinations",
        )
    return cells


def default_sizes(least_record_bytes: int) -> tuple[int, int]:
    """Return two clearly different sizes: a small record and a large one."""
    lean = max(300, -(-least_record_bytes // 100) * 100)
    return lean, max(2000, 3 * lean)
