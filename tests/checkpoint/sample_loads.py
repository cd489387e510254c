"""Plans, windows and answers for the checkpoint's tests, and looks at what lies on the disk."""

import hashlib
import uuid
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from loader.checkpoint import Checkpoint, Plan
from loader.checkpoint.connections import connect_reader
from loader.checkpoint.file_names import CHECKPOINT_NAME
from loader.checkpoint.queries import is_finished, read_receipts
from loader.checkpoint.reading import open_for_reading
from loader.model import Event, EventResult, EventState, FileRows, RejectedRow, SlicePlan, SourceFile

WINDOW_ROWS = 8
START = 1_760_000_000.0


def source_file(number: int = 0, **changes: Any) -> SourceFile:
    fingerprint = hashlib.sha256(f"content {number}".encode()).hexdigest()
    file = SourceFile(
        number, f"/extracts/orders_{number}.parquet", "parquet", 1000, 10**18, fingerprint, 0, 80
    )
    return replace(file, **changes)


def load_plan(files: int = 1, **settings: Any) -> Plan:
    return Plan(
        settings={"event_type": "scn.data.inboundorder", "pack": "row", "mapping": {}} | settings,
        files=[source_file(number) for number in range(files)],
        window_rows=WINDOW_ROWS,
        slice_rows=WINDOW_ROWS,
        command="scn-loader load orders.parquet",
    )


def event(window: int, index: int, *, file: int = 0, group: str = "") -> Event:
    token = hashlib.sha256(f"{window}/{index}".encode()).hexdigest()
    row = window * WINDOW_ROWS + index
    return Event(window, index, file, (row,), group or f"group {index}", token, None, rb"{\"id\":\"secret\"}")


def receipts_of(checkpoint: Checkpoint, window: int) -> dict[int, str]:
    """Return the durable ``eventId`` of each accepted event of a window, by index."""
    with closing(connect_reader(checkpoint.run_dir / CHECKPOINT_NAME)) as connection:
        accepted = read_receipts(connection, window)
        odd = connection.execute(
            "SELECT event_index, event_id FROM odd_receipts WHERE window = ?", (window,)
        ).fetchall()
    return {index: accepted.event_id(index) for index in accepted} | dict(odd)


def held_back(checkpoint: Checkpoint, window: int) -> set[int]:
    """Return the indexes of the events of a window that wait behind a failed event of their group."""
    with closing(connect_reader(checkpoint.run_dir / CHECKPOINT_NAME)) as connection:
        found = connection.execute(
            "SELECT event_index FROM events WHERE window = ? AND state = 'unprocessed'", (window,)
        ).fetchall()
    return {index for (index,) in found}


def ended_complete(run_dir: Path) -> bool:
    """Return whether the load in a run directory, in which no process works, has nothing left to do."""
    with open_for_reading(run_dir, alive=False) as connection:
        return is_finished(connection)


def up_to(window: int, through_index: int, *, after: int = -1) -> list[tuple[int, int]]:
    """Return the places of the events of a window up to an index, but those up to an earlier one."""
    return [(window, index) for index in range(after + 1, through_index + 1)]


def window_plan(
    number: int = 0,
    events: int = WINDOW_ROWS,
    *,
    file: int = 0,
    first_row: int | None = None,
    rejected: Sequence[RejectedRow] = (),
    filtered: int = 0,
    last_of_file: bool = False,
) -> SlicePlan:
    rows = FileRows(
        file=file,
        first_row=number * WINDOW_ROWS if first_row is None else first_row,
        rows_read=events + len(rejected) + filtered,
        rows_filtered=filtered,
        rows_rejected=len(rejected),
        records=events,
        last_of_file=last_of_file,
    )
    return SlicePlan(
        window=number,
        number=0,
        files=[rows],
        first_index=0,
        rejected=rejected,
        events=[event(number, index, file=file) for index in range(events)],
    )


def event_id(window: int, index: int) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{window}/{index}"))


def accepted(window: int, index: int) -> EventResult:
    return EventResult(event(window, index), EventState.ACCEPTED, event_id(window, index), attempts=1)


def put_aside(
    window: int,
    index: int,
    state: EventState = EventState.FAILED,
    *,
    code: str = "ValidationException",
    group: str = "",
    first_attempt_at: float | None = START,
    attempts: int = 1,
) -> EventResult:
    return EventResult(
        event(window, index, group=group),
        state,
        code=code,
        message="Refused.",
        attempts=attempts,
        first_attempt_at=first_attempt_at,
        last_attempt_at=first_attempt_at,
    )


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file of a folder but the lock, whose content is only a pid."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.name != "load.lock"}


class Clock:
    """Epoch seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now
