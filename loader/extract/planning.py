"""Plan windows ahead of their delivery in a separate thread."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, Callable, Generator, Iterator, Sequence
from contextlib import closing
from itertools import chain

from loader.errors import contained
from loader.events import EventPlanner, SliceRecords
from loader.extract import Extract, Slice
from loader.model import Destination, SlicePlan, SourceFile
from loader.process.daemon_thread import DaemonWorker

log = logging.getLogger(__name__)

CLOSE_SECONDS = 2.0
"""How long to wait for the end of the planning, which may be in a read that does not end."""


def plan_slices(
    destination: Destination,
    extract: Extract,
    slices: Generator[Slice, None, None] | None = None,
    *,
    on_records: Callable[[Slice, SliceRecords], None] | None = None,
    generation: int = 0,
) -> Iterator[SlicePlan]:
    """Read slices of an extract and plan their events, in order.

    The plan of a window does not depend on the run, the process or the order of planning.

    Args:
        destination: The destination of the events.
        extract: The extract.
        slices: The slices of some windows, from ``extract.slices``; by default those of all windows. They are
            closed together with the returned iterator.
        on_records: Called with each slice and its records before its events are planned.
        generation: Number of earlier loads of the run directory that this one replaced.

    Raises:
        ExtractError: A file cannot be read, or changed since it was opened.
        UnhandledCase: Reading, converting or packing raised something that is not an Exception.
    """
    planner = EventPlanner(destination, extract.files, extract.packing, generation)
    place = extract.files[0].path

    def records_of(slices: Sequence[Slice]) -> Sequence[SliceRecords]:
        return [extract.records(slices[0])] if len(slices) == 1 else extract.records_of(slices)

    def noted(rows: Slice, records: SliceRecords) -> SliceRecords:
        if on_records is not None:
            on_records(rows, records)
        return records

    def converted(some: list[Slice]) -> Iterator[SliceRecords]:
        nonlocal place
        place = _place(extract.files, some[0])
        waiting = deque(zip(some, records_of(some), strict=True))
        some.clear()
        while waiting:
            yield noted(*waiting.popleft())

    # A shard keeps few of the rows that are read at a time, so it converts them together.
    most_rows = 0 if extract.shard is None else extract.cuts.read_rows
    # Separate functions, so that no rows are referenced while their events are planned, and no rows or
    # records while a plan is delivered or the next slice is read.
    with contained(lambda: place), closing(extract.slices() if slices is None else slices) as read:
        together = _together(read, most_rows)
        yield from map(planner.plan, chain.from_iterable(map(converted, together)))


def _place(files: Sequence[SourceFile], rows: Slice) -> str:
    first = rows.pieces[0]
    file = files[first.file]
    return f"{file.path}, row {file.row_number(first.first_row):,} or later"


def _together(slices: Iterator[Slice], most_rows: int) -> Iterator[list[Slice]]:
    """Yield lists of slices that end when they have so many rows. The consumer empties each list."""
    waiting: list[Slice] = []
    rows = 0
    try:
        for each in slices:
            waiting.append(each)
            rows += sum(piece.frame.height for piece in each.pieces)
            del each
            if rows >= most_rows:
                yield waiting
                waiting, rows = [], 0
    except Exception:
        if waiting:
            yield waiting  # rows that were read before the fault are planned
        raise
    if waiting:
        yield waiting


def log_rejected(plan: SlicePlan, files: Sequence[SourceFile]) -> None:
    """Log each rejected row of a window: its place and the reason, but no values.

    Args:
        plan: The window, or a slice of it.
        files: The files of the extract.
    """
    for row in plan.rejected:
        log.warning(
            "A row was rejected: %s.",
            row.reason,
            extra={
                "file": files[row.file].path,
                "row": files[row.file].row_number(row.row),
                "column": row.column,
                "code": row.code,
            },
        )


async def plan_ahead(
    plans: Iterator[SlicePlan], is_idle: Callable[[], bool]
) -> AsyncGenerator[SlicePlan, None]:
    """Yield plans while a thread makes the next one: one window is delivered, one planned.

    Planning of the next window starts when the consumer asks for it, or at once if delivery is idle. An
    earlier start would hold three windows in memory if planning is faster than delivery: the rest of one
    window, the next one waiting for room, and a planned one.

    Args:
        plans: Makes the plans.
        is_idle: Returns whether delivery holds no events.
    """
    thread = DaemonWorker("planning")

    def next_plan() -> asyncio.Future[SlicePlan | None]:
        return thread.submit(lambda: next(plans, None))

    try:
        plan = await next_plan()
        while plan is not None:
            ahead = next_plan() if is_idle() else None
            yield plan
            # Otherwise the delivered events would stay in memory while the next window is planned.
            del plan
            plan = await (ahead or next_plan())
    finally:
        # This also frees the file and what polars read ahead; only this thread may touch them.
        closed = thread.submit(lambda: _close(plans))
        thread.close()
        await asyncio.wait({closed}, timeout=CLOSE_SECONDS)


def _close(plans: Iterator[SlicePlan]) -> None:
    close = getattr(plans, "close", None)
    if close is not None:
        close()
