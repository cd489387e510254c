"""How the events of a load spread over lanes: how many there are, and how long the longest is."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field

from loader.model import SlicePlan

LARGEST = 5
"""How many of the longest lanes are named."""

_CREATE = """
CREATE TABLE lanes (name TEXT PRIMARY KEY, events INTEGER, records INTEGER, file INTEGER, row INTEGER)
WITHOUT ROWID"""
_ADD = """
INSERT INTO lanes VALUES (?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET
    events = events + excluded.events, records = records + excluded.records"""
_TOTALS = "SELECT count(*), coalesce(max(events), 0), coalesce(max(records), 0) FROM lanes"
LONGEST = "SELECT name, events, records, file, row FROM lanes ORDER BY events DESC, records DESC, file, row"


@dataclass(frozen=True, slots=True)
class LaneLength:
    """One group and what it holds.

    Attributes:
        group: Its ``eventGroupId``: a value of the extract, for terminals only.
        events: Its events: one at a time may be under way.
        records: Its records.
        file: Number of the file with its first row.
        row: Position of its first row in that file, from 0.
    """

    group: str = field(repr=False)
    events: int
    records: int
    file: int
    row: int


@dataclass(frozen=True, slots=True)
class LaneSpread:
    """All groups of a load.

    Attributes:
        count: How many there are.
        longest_events: Events of the longest.
        longest_records: Most records that one holds.
        largest: The longest ones, the longest first.
    """

    count: int
    longest_events: int
    longest_records: int
    largest: tuple[LaneLength, ...]


def count_lanes(
    connection: sqlite3.Connection,
) -> tuple[Callable[[SlicePlan], None], Callable[[], LaneSpread]]:
    """Return what to call with each plan, and what gives the result."""
    connection.execute(_CREATE)

    def add(plan: SlicePlan) -> None:
        lanes: dict[str, list[int]] = {}
        for event in plan.events:
            lane = lanes.setdefault(event.group, [0, 0, event.file, event.rows[0]])
            lane[0] += 1
            lane[1] += len(event.rows)
        rows = [(name, *lane) for name, lane in sorted(lanes.items())]
        connection.execute("BEGIN")
        connection.executemany(_ADD, rows)
        connection.execute("COMMIT")

    def result() -> LaneSpread:
        count, longest_events, longest_records = connection.execute(_TOTALS).fetchone()
        largest = connection.execute(f"{LONGEST} LIMIT {LARGEST}").fetchall()
        return LaneSpread(count, longest_events, longest_records, tuple(LaneLength(*row) for row in largest))

    return add, result
