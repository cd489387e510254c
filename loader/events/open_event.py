"""An open event, which still takes records, and its records."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

from loader.model import Borders


@dataclass(slots=True)
class PackedRun:
    """The records of one event.

    Attributes:
        place: Position of its first row in the window.
        rows: Position of each row in its file.
        borders: First position in ``rows`` and number of each file that the rows come from.
        group: ``eventGroupId``.
        timestamp: Timestamp of the last record.
        quoted: One JSON object, or an array of several, in the form of `loader.json_quoting`.
    """

    place: int
    rows: Sequence[int]
    borders: Borders
    group: str
    timestamp: str | None
    quoted: bytes = field(repr=False)


class LaneRecords:
    """The records of some lanes of a slice, lane by lane, as Python objects.

    Attributes:
        places: Position of each record's row in the window.
        files: Number of the file of each record, or one number for all.
        rows: Position of each record's row in its file.
        groups: User's group of each record, or None if no record needs it.
        keys: Primary key of each record, or None if no record needs it.
        timestamps: ``eventTimestamp`` of each record, or None if no record has one.
        quoted: The records as JSON, in the form of `loader.json_quoting`.
        begins: The number of bytes before each record, and at the end that of all records. Each record counts
            with a comma.
        file_changes: Positions of the records that come from another file than the previous record.
    """

    __slots__ = (
        "begins",
        "file_changes",
        "files",
        "groups",
        "keys",
        "places",
        "quoted",
        "rows",
        "timestamps",
    )

    def __init__(
        self,
        *,
        places: Sequence[int],
        files: Sequence[int] | int,
        rows: Sequence[int],
        groups: Sequence[str] | None,
        keys: Sequence[str] | None,
        timestamps: Sequence[str | None] | None,
        quoted: Sequence[bytes],
        begins: Sequence[int],
        file_changes: Sequence[int],
    ) -> None:
        self.places = places
        self.files = files
        self.rows = rows
        self.groups = groups
        self.keys = keys
        self.timestamps = timestamps
        self.quoted = quoted
        self.begins = begins
        self.file_changes = file_changes

    def file(self, position: int) -> int:
        """Return the number of a record's file."""
        return self.files if isinstance(self.files, int) else self.files[position]


class OpenEvent:
    """An event that still takes records.

    Attributes:
        serial: Number of the event in the window, in the order of opening.
        number: Number of the event in its lane.
        place: Position of its first row in the window.
        used: Bytes of its records, each with a comma.
        count: Number of its records.
    """

    __slots__ = (
        "_borders",
        "_file",
        "_pieces",
        "_rows",
        "_timestamp",
        "count",
        "number",
        "place",
        "serial",
        "used",
    )

    def __init__(self, serial: int, number: int, place: int) -> None:
        self.serial = serial
        self.number = number
        self.place = place
        self.used = 0
        self.count = 0
        self._rows: list[int] = []
        self._borders: list[tuple[int, int]] = []
        self._file = -1
        self._timestamp: str | None = None
        self._pieces: list[bytes] = []

    def take(self, records: LaneRecords, start: int, end: int) -> None:
        """Take the records from ``start`` up to ``end``."""
        if records.file(start) != self._file:
            self._begin_file(records.file(start), self.count)
        changes = records.file_changes
        for at in range(bisect_right(changes, start), bisect_left(changes, end)) if changes else ():
            self._begin_file(records.file(changes[at]), self.count + changes[at] - start)
        self._rows += records.rows[start:end]
        self._pieces.append(
            records.quoted[start] if end - start == 1 else b",".join(records.quoted[start:end])
        )
        if records.timestamps is not None:
            self._timestamp = records.timestamps[end - 1]
        elif self._timestamp is not None:
            self._timestamp = None
        self.used += records.begins[end] - records.begins[start]
        self.count += end - start

    def _begin_file(self, file: int, position: int) -> None:
        self._borders.append((position, file))
        self._file = file

    def run(self, group: str) -> PackedRun:
        """Return its records. The caller must call this once."""
        pieces = self._pieces
        if self.count > 1:
            # The brackets are added to the pieces. Adding them to the joined bytes would copy these again.
            pieces[0] = b"[" + pieces[0]
            pieces[-1] += b"]"
        quoted = pieces[0] if len(pieces) == 1 else b",".join(pieces)
        return PackedRun(self.place, self._rows, tuple(self._borders), group, self._timestamp, quoted)
