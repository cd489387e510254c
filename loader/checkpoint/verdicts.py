"""The verdicts on accepted events, in half a byte per event.

Rules kept here:

1. A verdict belongs to an event that the service accepted: a whole event, or a part of a divided event.
2. The verdict is 0 until the service was asked about the event. So a verification can continue from any
   state.
3. All verdicts are in memory (5 MB for 10 million events). ``flush`` writes the changed ones to the file.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

from loader.checkpoint.connections import connect, make_single_file
from loader.checkpoint.file_names import CHECKPOINT_NAME
from loader.checkpoint.queries import Totals, read_receipts, read_totals
from loader.checkpoint.reading import check_load_exists, check_whole, open_for_reading, reading_errors
from loader.checkpoint.start.lock import lock_run_dir


class Verdict(IntEnum):
    """The verdict on an accepted event."""

    UNDECIDED = 0
    """The service was not asked yet."""
    IN_PROGRESS = 1
    SUCCEEDED = 2
    FAILED = 3
    KNOWN = 4
    """The service has the event but reports no load status, because its type is not ``scn.data.dataset``."""
    UNKNOWN = 5
    """The service does not keep events of this age."""
    MISSING = 6
    """The service gave a receipt but does not find the event."""
    STILL_IN_PROGRESS = 7
    """The same as IN_PROGRESS. Rounds of requests alternate between the two, to show which events were
    already requested in a round."""


NOT_IN_THE_LAKE = frozenset({Verdict.FAILED, Verdict.MISSING})
"""Verdicts of events that are not in the data lake. All other events count as loaded in the decision whether
an older row may be sent again."""

NO_LONGER_ASKED = frozenset({Verdict.SUCCEEDED, Verdict.FAILED, Verdict.KNOWN, Verdict.UNKNOWN})


@dataclass(frozen=True, slots=True, order=True)
class Receipt:
    """An accepted event, or part of one, with its receipt.

    Attributes:
        window: Number of its window.
        index: Its position in the window's plan.
        first_record: For a part, position of its first record in the event; None for a whole event.
        event_id: The receipt.
    """

    window: int
    index: int
    first_record: int | None
    event_id: str


def _half_in_progress(half: int) -> int:
    return Verdict.IN_PROGRESS if half == Verdict.STILL_IN_PROGRESS else half


_AS_IN_PROGRESS = bytes(
    _half_in_progress(byte & 15) | _half_in_progress(byte >> 4) << 4 for byte in range(256)
)
"""A table that maps each byte to one with ``IN_PROGRESS`` in place of ``STILL_IN_PROGRESS``, so that the
rounds of an earlier run do not affect this one."""


class Verdicts:
    """The verdicts of a load; made by ``open_verdicts``.

    Args:
        connection: The checkpoint.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._events: dict[int, int] = dict(
            connection.execute("SELECT number, events FROM windows WHERE accepted > 0 ORDER BY number")
        )
        self._in_parts: dict[int, set[int]] = {}
        for window, index in connection.execute("SELECT DISTINCT window, event_index FROM parts"):
            self._in_parts.setdefault(window, set()).add(index)
        self._states = {window: bytearray((events + 1) // 2) for window, events in self._events.items()}
        for window, states in connection.execute("SELECT window, states FROM verdicts"):
            if window in self._states:
                self._states[window][: len(states)] = states.translate(_AS_IN_PROGRESS)
        self._part_records: dict[tuple[int, int, int], int] = {
            (window, index, first): records
            for window, index, first, records in connection.execute(
                "SELECT window, event_index, first_record, records FROM parts WHERE state = 'accepted'"
            )
        }
        self._parts: dict[tuple[int, int, int], Verdict] = {
            (window, index, first): Verdict(verdict)
            for window, index, first, verdict in connection.execute(
                "SELECT window, event_index, first_record, verdict FROM parts WHERE state = 'accepted'"
            )
        }
        self._changed: set[int] = set()
        self._changed_parts: set[tuple[int, int, int]] = set()
        self._failures: list[tuple[int, int, int, str]] = []
        self.total = self._count_receipts()

    def totals(self) -> Totals:
        """Return the sums of the load."""
        return read_totals(self._connection)

    def counts(self) -> Mapping[Verdict, int]:
        """Return the number of receipts with each verdict."""
        halves: Counter[int] = Counter()
        for states in self._states.values():
            halves.update(states)
        found = Counter(self._parts.values())
        for byte, number in halves.items():
            found[Verdict(byte & 15)] += number
            found[Verdict(byte >> 4)] += number
        found[Verdict.IN_PROGRESS] += found.pop(Verdict.STILL_IN_PROGRESS, 0)
        found[Verdict.UNDECIDED] = 0
        found[Verdict.UNDECIDED] = self.total - found.total()
        return found

    def receipts(self) -> Iterator[Receipt]:
        """Yield all receipts of the load, in the order of the plan: the newest windows are last."""
        for window in self._events:
            yield from self.receipts_of(window)

    def verdict(self, receipt: Receipt) -> Verdict:
        """Return the verdict on a receipt."""
        if receipt.first_record is not None:
            return self._parts[receipt.window, receipt.index, receipt.first_record]
        byte = self._states[receipt.window][receipt.index // 2]
        return Verdict(byte >> 4 if receipt.index % 2 else byte & 15)

    def record(self, receipt: Receipt, verdict: Verdict, message: str = "") -> None:
        """Record a verdict. ``flush`` makes it durable.

        Args:
            receipt: The receipt of the event.
            verdict: The verdict.
            message: The service's message about a failed load.
        """
        if receipt.first_record is None:
            states, place = self._states[receipt.window], receipt.index // 2
            high = receipt.index % 2
            states[place] = (states[place] & 15) | verdict << 4 if high else (states[place] & 240) | verdict
            self._changed.add(receipt.window)
        else:
            part = (receipt.window, receipt.index, receipt.first_record)
            self._parts[part] = verdict
            self._changed_parts.add(part)
        if verdict is Verdict.FAILED:
            self._failures.append((receipt.window, receipt.index, receipt.first_record or 0, message))

    def flush(self) -> None:
        """Write the recorded verdicts. They are durable on return.

        Raises:
            sqlite3.Error: The write failed. ``open_verdicts`` converts it into a CheckpointError.
        """
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(
            "INSERT OR REPLACE INTO verdicts VALUES (?, ?)",
            [(window, bytes(self._states[window])) for window in self._changed],
        )
        connection.executemany(
            "UPDATE parts SET verdict = ? WHERE window = ? AND event_index = ? AND first_record = ?"
            " AND state = 'accepted'",
            [(self._parts[part], *part) for part in self._changed_parts],
        )
        connection.executemany("INSERT OR REPLACE INTO failed_loads VALUES (?, ?, ?, ?)", self._failures)
        connection.execute("COMMIT")
        self._changed.clear()
        self._changed_parts.clear()
        self._failures.clear()

    def read(self, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Return the result of a query of the checkpoint."""
        return self._connection.execute(query, values).fetchall()

    def records_of_part(self, window: int, index: int, first: int) -> int | None:
        """Return the number of records of an accepted part, or None for an event accepted as a whole."""
        return self._part_records.get((window, index, first))

    def loaded_records(self, window: int, index: int) -> Iterator[tuple[int, int | None]]:
        """Yield first position and number (None: all) of an event's records that are in the data lake."""
        if index in self._in_parts.get(window, ()):
            for (at, of, first), verdict in self._parts.items():
                if (at, of) == (window, index) and verdict not in NOT_IN_THE_LAKE:
                    yield first, self._part_records[at, of, first]
        elif self.verdict(Receipt(window, index, None, "")) not in NOT_IN_THE_LAKE:
            yield 0, None

    def plan_digest(self, window: int, number: int) -> bytes | None:
        """Return the digest of the tokens of a slice, or None if the slice was never planned."""
        found = self.read("SELECT plan_digest FROM slices WHERE window = ? AND number = ?", (window, number))
        return bytes(found[0][0]) if found else None

    def times(self, window: int) -> tuple[float, float | None]:
        """Return the times of the first plan of a window and of its last result, in epoch seconds."""
        ((opened_at, finished_at),) = self.read(
            "SELECT opened_at, finished_at FROM windows WHERE number = ?", (window,)
        )
        return float(opened_at), finished_at

    def generation(self) -> int:
        """Return the number of earlier loads that this load replaces. It is part of its tokens."""
        ((generation,),) = self.read("SELECT generation FROM load")
        return int(generation)

    def _count_receipts(self) -> int:
        (accepted,) = self._connection.execute("SELECT coalesce(sum(accepted), 0) FROM windows").fetchone()
        (whole_in_parts,) = self._connection.execute(
            "SELECT count(*) FROM (SELECT DISTINCT window, event_index FROM parts) AS divided"
            " JOIN windows ON windows.number = divided.window WHERE NOT EXISTS ("
            "  SELECT 1 FROM events WHERE events.window = divided.window"
            "  AND events.event_index = divided.event_index)"
            " AND substr((SELECT event_ids FROM receipts WHERE receipts.window = divided.window),"
            "            16 * divided.event_index + 1, 16) <> zeroblob(16)"
        ).fetchone()
        return int(accepted) - int(whole_in_parts) + len(self._parts)

    def receipts_of(self, window: int) -> Iterator[Receipt]:
        """Yield the receipts of a window in the order of its plan, then those of parts."""
        in_parts = self._in_parts.get(window, ())
        odd = dict(
            self._connection.execute(
                "SELECT event_index, event_id FROM odd_receipts WHERE window = ?", (window,)
            )
        )
        accepted = read_receipts(self._connection, window)
        for index in accepted:
            if index not in in_parts:
                yield Receipt(window, index, None, odd.get(index) or accepted.event_id(index))
        if in_parts:
            parts = self._connection.execute(
                "SELECT event_index, first_record, event_id FROM parts"
                " WHERE window = ? AND state = 'accepted' ORDER BY event_index, first_record",
                (window,),
            )
            for index, first, event_id in parts.fetchall():
                yield Receipt(window, index, first, event_id)


@contextmanager
def open_verdicts(run_dir: Path) -> Iterator[Verdicts]:
    """Open the checkpoint of a run directory to write verdicts. The directory is locked meanwhile.

    Raises:
        CheckpointLocked: A load runs there.
        CheckpointError: There is no checkpoint, or it cannot be used.
    """
    path = run_dir / CHECKPOINT_NAME
    check_load_exists(run_dir)
    with ExitStack() as held, reading_errors(path):
        held.enter_context(lock_run_dir(run_dir))
        with open_for_reading(run_dir, alive=False) as looked:
            check_whole(looked, path)
        connection = held.enter_context(closing(connect(path)))
        try:
            yield Verdicts(connection)
        finally:
            make_single_file(connection)
