"""Count the rows, records and events of planned windows; pure, in constant memory."""

from collections import Counter
from dataclasses import dataclass, field

from loader.model import RejectedRow, SlicePlan
from loader.reject_code import RejectCode

MOST_KINDS = 1000
"""Maximum number of kinds of rejected rows: reasons may contain numbers, and memory must not grow."""

OTHER_REASONS = "other reasons"


@dataclass(slots=True)
class RejectedKind:
    """Rows that are rejected for the same reason in the same column.

    Attributes:
        code: The reason as a code.
        reason: The reason in words, without values.
        column: The column that caused it; empty if the whole row did.
        file: Number of the file with the first of these rows.
        row: Position of the first of them in that file, from 0.
        count: Number of rows.
    """

    code: RejectCode
    reason: str
    column: str
    file: int
    row: int
    count: int = 0


@dataclass(slots=True)
class Counts:
    """Totals of the slices that were added.

    Attributes:
        windows: Completed windows.
        rows_read: Their rows.
        rows_filtered: Rows that the job left out.
        rows_filtered_unknown: Number of them for which the filter had no result, because a value is missing.
        rows_rejected: Rows that could not become records.
        records: Rows that became records.
        events: Events planned.
        data_bytes: Bytes of the data of all events.
        rows_elsewhere: Rows that other shards deliver.
        rows_of_file: Rows by file number.
        rejected_of_file: Rejected rows by file number.
    """

    windows: int = 0
    rows_read: int = 0
    rows_filtered: int = 0
    rows_filtered_unknown: int = 0
    rows_rejected: int = 0
    records: int = 0
    events: int = 0
    data_bytes: int = 0
    rows_elsewhere: int = 0
    rows_of_file: Counter[int] = field(default_factory=Counter)
    rejected_of_file: Counter[int] = field(default_factory=Counter)
    _kinds: dict[tuple[RejectCode, str, str], RejectedKind] = field(default_factory=dict)

    def add(self, plan: SlicePlan) -> None:
        """Count one slice."""
        self.windows += plan.ends_window
        self.rows_read += plan.rows_read
        self.rows_filtered += plan.rows_filtered
        self.rows_filtered_unknown += plan.rows_filtered_unknown
        self.rows_rejected += len(plan.rejected)
        self.records += plan.records
        self.events += len(plan.events)
        self.data_bytes += sum(len(event.data) for event in plan.events)
        for file in plan.files:
            self.rows_of_file[file.file] += file.rows_read
            self.rows_elsewhere += file.rows_elsewhere
            self.rejected_of_file[file.file] += file.rows_rejected
        for row in plan.rejected:
            self._kind_of(row).count += 1

    def rejected_kinds(self) -> list[RejectedKind]:
        """Return the kinds of rejected rows, the most frequent first."""
        return sorted(self._kinds.values(), key=lambda kind: (-kind.count, kind.file, kind.row))

    def _kind_of(self, row: RejectedRow) -> RejectedKind:
        name = (row.code, row.reason, row.column)
        if name not in self._kinds and len(self._kinds) >= MOST_KINDS:
            name = (row.code, OTHER_REASONS, "")
        return self._kinds.setdefault(name, RejectedKind(*name, row.file, row.row))
