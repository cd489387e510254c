"""The distribution of a load's events over lanes: number of lanes, and length of the longest."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field

from loader.model import SlicePlan

LARGEST = 5
"""Number of lanes that are listed, longest first."""

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
    """One group and its size.

    Attributes:
        group: Its ``eventGroupId``: a value of the extract, for terminals only.
        events: Number of its events; only one at a time may be in flight.
        records: Number of its records.
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
        count: Number of groups.
        longest_events: Events of the longest lane.
        longest_records: Records of the group with the most records.
        largest: The longest lanes, longest first.
    """

    count: int
    longest_events: int
    longest_records: int
    largest: tuple[LaneLength, ...]


def count_lanes(
    connection: sqlite3.Connection,
) -> tuple[Callable[[SlicePlan], None], Callable[[], LaneSpread]]:
    """Return a function to call with each plan, and a function that returns the result."""
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
