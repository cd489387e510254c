"""Merge the checkpoints of several shards into one, for commands that only read.

The events of a window are those of the first shard, then those of the second shard, and so on. The index of
an event grows by the number of events of the shards before. Each shard counts only its own rows, so a row is
counted once. Events that a killed run left in doubt are recorded as in doubt, as in the next run of the
shard.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterator
from itertools import zip_longest

from loader.checkpoint.doubt import LOST_ANSWER
from loader.checkpoint.queries import left_in_doubt
from loader.checkpoint.reconciling import LEAVE_IN_DOUBT
from loader.checkpoint.samples import StoredSample, read_samples, write_samples
from loader.shards.samples import summed

COPIED = ("load", "connection", "files")
"""Tables with the same content in all shards, except for the load's id and command."""

MOVED = ("odd_receipts", "events", "parts", "failed_loads")
"""Tables with a row per event, by window and index in the window."""

ADD_WINDOW = """
INSERT INTO windows SELECT * FROM (VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)) WHERE true
ON CONFLICT (number) DO UPDATE SET
    rows_read = rows_read + excluded.rows_read, rows_filtered = rows_filtered + excluded.rows_filtered,
    rows_rejected = rows_rejected + excluded.rows_rejected, records = records + excluded.records,
    events = events + excluded.events,
    rows_filtered_unknown = rows_filtered_unknown + excluded.rows_filtered_unknown,
    slices = slices + excluded.slices, is_whole = min(is_whole, excluded.is_whole),
    accepted = accepted + excluded.accepted, opened_at = min(opened_at, excluded.opened_at),
    finished_at = max(finished_at, excluded.finished_at)"""

ADD_SLICE_FILE = """
INSERT INTO slice_files SELECT * FROM (VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)) WHERE true
ON CONFLICT (window, slice, file) DO UPDATE SET
    rows_read = rows_read + excluded.rows_read, rows_filtered = rows_filtered + excluded.rows_filtered,
    rows_rejected = rows_rejected + excluded.rows_rejected, records = records + excluded.records,
    rows_filtered_unknown = rows_filtered_unknown + excluded.rows_filtered_unknown,
    lines_swallowed = lines_swallowed + excluded.lines_swallowed"""

OWN_ROWS = """
SELECT window, slice, file, first_row, rows_read - rows_elsewhere, rows_filtered, rows_rejected, records,
       last_of_file, rows_filtered_unknown, lines_swallowed, 0 FROM slice_files"""

ADD_RECEIPTS = """
INSERT INTO receipts VALUES (?, ?)
ON CONFLICT (window) DO UPDATE SET event_ids = CAST(event_ids || excluded.event_ids AS BLOB)"""


class MergedCheckpoint:
    """A checkpoint to which shards are added, in the order of their numbers.

    Args:
        connection: An empty checkpoint, in a transaction.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._events: Counter[int] = Counter()
        self._verdicts: dict[int, list[int]] = {}
        self._samples: list[list[StoredSample]] = []
        self._shards = 0

    def add(self, shard: sqlite3.Connection, *, is_running: bool) -> None:
        """Add a shard.

        Args:
            shard: Its checkpoint.
            is_running: Whether a process works on it. Then its sent events are in flight and not in doubt.
        """
        into = self._connection
        if not self._shards:
            for table in COPIED:
                _copy(shard, into, table)
        self._shards += 1
        windows = shard.execute("SELECT * FROM windows").fetchall()
        into.executemany(ADD_WINDOW, windows)
        into.executemany(ADD_SLICE_FILE, shard.execute(OWN_ROWS))
        _copy(shard, into, "rejected")
        into.executemany(ADD_RECEIPTS, shard.execute("SELECT window, event_ids FROM receipts"))
        for table in MOVED:
            for row in self._moved(shard, table):
                into.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)  # noqa: S608 - ours
        if not is_running:
            for window, index, since in left_in_doubt(shard):
                place = (window, self._events[window] + index, since)
                into.execute(LEAVE_IN_DOUBT, (*place, LOST_ANSWER, 1, ""))
        counts = dict(shard.execute("SELECT number, events FROM windows"))
        self._add_verdicts(shard, counts)
        self._events.update(counts)
        self._samples.append(read_samples(shard))

    def finish(self) -> None:
        """Write the values that depend on all shards."""
        for window, states in self._verdicts.items():
            halves = zip_longest(states[::2], states[1::2], fillvalue=0)
            packed = bytes(low | high << 4 for low, high in halves)
            self._connection.execute("INSERT INTO verdicts VALUES (?, ?)", (window, packed))
        write_samples(self._connection, summed(self._samples), replace_all=True)

    def _moved(self, shard: sqlite3.Connection, table: str) -> Iterator[list[object]]:
        cursor = shard.execute(f"SELECT * FROM {table}")  # noqa: S608 - ours
        names = [column[0] for column in cursor.description]
        window, index = names.index("window"), names.index("event_index")
        for row in cursor:
            values = list(row)
            values[index] += self._events[values[window]]
            yield values

    def _add_verdicts(self, shard: sqlite3.Connection, events: dict[int, int]) -> None:
        stored = dict(shard.execute("SELECT window, states FROM verdicts"))
        for window, count in events.items():
            if window not in stored and window not in self._verdicts and not stored:
                continue
            states = self._verdicts.setdefault(window, [0] * self._events[window])
            halves = [half for byte in stored.get(window, b"") for half in (byte & 15, byte >> 4)]
            states += (halves + [0] * count)[:count]


def _copy(source: sqlite3.Connection, into: sqlite3.Connection, table: str) -> None:
    for row in source.execute(f"SELECT * FROM {table}"):  # noqa: S608 - ours
        into.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)  # noqa: S608 - ours
