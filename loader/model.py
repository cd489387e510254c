"""The nouns of a load, as plain values.

Rules kept here:

1. A payload (``Event.quoted``) never appears in a repr: the service marks it sensitive.
2. Nothing here knows files, sockets, clocks or settings.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import TYPE_CHECKING

from loader.json_quoting import unquote
from loader.reject_code import RejectCode

if TYPE_CHECKING:
    from hashlib import _Hash

# Service facts (service model 2024-01-01; docs/service.md 2).
MAX_EVENT_BYTES = 1_048_576
"""``DataIntegrationEventData.max``, counted here in UTF-8 bytes, the strictest reading."""

MAX_GROUP_CHARS = 255
"""``DataIntegrationEventGroupId.max``."""

TOKEN_LIFE_SECONDS = 8 * 3600.0
"""How long the service remembers a ``clientToken``."""

WHOLE_FILE_BYTES = 256 * 2**20
"""Source files up to this size are fingerprinted whole: at most a second at the start of a load."""


Borders = tuple[tuple[int, int], ...]
"""For the rows of an event: from which position on they come from which file. The first position is 0."""


class Operation(StrEnum):
    """What an event of type ``scn.data.dataset`` does to the dataset."""

    APPEND = "APPEND"
    UPSERT = "UPSERT"
    DELETE = "DELETE"


@dataclass(frozen=True, slots=True)
class Destination:
    """Where every event of a load goes: the parts of a request that do not change.

    Attributes:
        instance_id: UUID of the AWS Supply Chain instance.
        event_type: ``scn.data.*``.
        dataset_arn: Target dataset, for event type ``scn.data.dataset`` only.
        operation: What to do with the records, for event type ``scn.data.dataset`` only.
    """

    instance_id: str
    event_type: str
    dataset_arn: str | None = None
    operation: Operation | None = None


@dataclass(slots=True, eq=False)
class Event:
    """One call's payload.

    Attributes:
        window: Number of the window it was planned in, counted over the whole extract from 0.
        index: Position in that window's plan, from 0: events count in the order in which they are closed.
        file: Number of the source file of its first row, from 0.
        rows: Position of each of its rows in its file, counted from 0, in the order of the extract.
        group: ``eventGroupId``.
        token: ``clientToken``: 64 hex characters, a function of what the event is.
        timestamp: ``eventTimestamp`` as the decimal text of epoch seconds, or None to leave it out.
        quoted: The records: UTF-8 JSON, one object or an array of several, as it stands between the quotes of
            a JSON string (`loader.json_quoting`).
        begun: SHA-256 of a request's body up to the end of ``quoted``, or None: only packed events keep it,
            so that a megabyte is hashed once.
        borders: Where in ``rows`` each file begins, if the rows come from several files; else empty.
    """

    window: int
    index: int
    file: int
    rows: Sequence[int]
    group: str
    token: str
    timestamp: str | None
    quoted: bytes = field(repr=False)
    begun: "_Hash | None" = field(default=None, repr=False)
    borders: Borders = ()

    def file_of(self, position: int) -> int:
        """Return the number of the file that a row comes from.

        Args:
            position: The row's position in ``rows``; negative ones count from the end.
        """
        if not self.borders:
            return self.file
        at = position if position >= 0 else len(self.rows) + position
        return next(file for start, file in reversed(self.borders) if start <= at)

    def rows_by_file(self, first: int = 0, end: int | None = None) -> Iterator[tuple[int, int]]:
        """Yield for each file how many of the rows from position ``first`` up to ``end`` come from it."""
        end = len(self.rows) if end is None else end
        borders = self.borders or ((0, self.file),)
        ends = [start for start, _ in borders[1:]] + [len(self.rows)]
        for (start, file), stop in zip(borders, ends, strict=True):
            count = min(stop, end) - max(start, first)
            if count > 0:
                yield file, count

    @property
    def data(self) -> bytes:
        """The records as the service reads them. Made anew at each look: a packed event has a megabyte."""
        return unquote(self.quoted)


class OutcomeKind(Enum):
    """What an attempt came to; delivery/retry.py says what happens next for each."""

    ACCEPTED = "accepted"
    THROTTLED = "throttled"
    TRANSIENT = "transient"
    REFRESH = "refresh"
    SKEWED = "skewed"
    REJECTED = "rejected"
    QUOTA = "quota"
    STOP = "stop"
    BLOCKED = "blocked"
    UNKNOWN = "unknown"


@dataclass(slots=True)  # not frozen, as one is made for every attempt: that would take three times as long
class Outcome:
    """The answer to one attempt, or why there was none.

    Attributes:
        kind: What it means for the event and the load.
        code: The service's error code, or ours for what never was an answer ("Timeout").
        message: The service's words, clipped; may echo the payload, so it is never logged.
        status: HTTP status, or None if no answer came.
        event_id: The receipt, for ACCEPTED only.
        request_id: ``x-amzn-RequestId``, for support cases; not of an acceptance.
        retry_after_seconds: The server's hint, if it gave one.
        server_time: The answer's ``Date`` header in epoch seconds, if it had one; not of an acceptance.
        may_have_been_accepted: True if the service may hold the event although no receipt came
            (a timeout or reset after the request went out, a 5xx, an unreadable answer).
        of_service: Whether the answer is the service's own. If not, it came from something on the way (a
            proxy, a load balancer, a captive portal), or there was no answer.
    """

    kind: OutcomeKind
    code: str = ""
    message: str = field(default="", repr=False)
    status: int | None = None
    event_id: str | None = None
    request_id: str | None = None
    retry_after_seconds: float | None = None
    server_time: float | None = None
    may_have_been_accepted: bool = False
    of_service: bool = True


class EventState(StrEnum):
    """Where an event stands when a load ends: each event is in exactly one of these."""

    ACCEPTED = "accepted"
    FAILED = "failed"
    IN_DOUBT = "in_doubt"
    UNPROCESSED = "unprocessed"


@dataclass(frozen=True, slots=True)
class Part:
    """A range of the records of an event that was refused as a whole.

    Attributes:
        first: Position of its first record in the event, from 0.
        count: How many records it has.
    """

    first: int
    count: int


class PartState(StrEnum):
    """What became of a part."""

    ACCEPTED = "accepted"
    FAILED = "failed"
    DIVIDED = "divided"


@dataclass(frozen=True, slots=True)
class PartResult:
    """What a part of an event came to.

    Attributes:
        part: Which records.
        state: What became of it.
        token: Its ``clientToken``; that of the event if it is the whole.
        event_id: The receipt, if it was accepted.
        code: Why it was refused: the service's error code.
        message: The service's words on it (may echo payload; not for logs).
    """

    part: Part
    state: PartState
    token: str
    event_id: str | None = None
    code: str = ""
    message: str = field(default="", repr=False)


@dataclass(slots=True)  # not frozen, as `Outcome`
class EventResult:
    """What an event came to, with what a user needs to find it again.

    Attributes:
        event: The event.
        state: Where it stands.
        event_id: The receipt, if it was accepted.
        code: Why it was not accepted: the last error code.
        message: The service's last words on it (may echo payload; not for logs).
        attempts: HTTP requests made for it in this run.
        first_attempt_at: Epoch seconds of the first attempt that may have reached the service,
            or None if none was made.
        last_attempt_at: Epoch seconds of the last attempt, or None.
        in_parts: Whether it was refused as a whole and sent in parts.
        left_out: If so, the positions in ``event.rows`` of those that were not accepted, else None.
    """

    event: Event
    state: EventState
    event_id: str | None = None
    code: str = ""
    message: str = field(default="", repr=False)
    attempts: int = 0
    first_attempt_at: float | None = None
    last_attempt_at: float | None = None
    in_parts: bool = False
    left_out: Sequence[int] | None = None

    @property
    def positions(self) -> Sequence[int]:
        """The positions in ``event.rows`` of the rows that ``state`` speaks of, in order."""
        return range(len(self.event.rows)) if self.left_out is None else self.left_out

    @property
    def rows(self) -> Sequence[int]:
        """The rows that ``state`` speaks of, in order, each by its position in its file."""
        if self.left_out is None:
            return self.event.rows
        return [self.event.rows[position] for position in self.left_out]

    def rows_by_file(self) -> Iterator[tuple[int, int]]:
        """Yield for each file how many of the rows that ``state`` speaks of come from it."""
        if self.left_out is None:
            yield from self.event.rows_by_file()
        else:
            yield from Counter(map(self.event.file_of, self.left_out)).items()


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that could not become a record.

    Attributes:
        file: Number of the source file, from 0.
        row: Position in that file, from 0.
        column: The source or dataset column at fault; empty if it is the row as a whole.
        code: Why, for machines.
        reason: Why, in words that hold no value of the row.
        value: The offending text, clipped; goes only into files with mode 0600.
        lines: How many lines of the file it takes up: more than one where a quote swallowed others.
    """

    file: int
    row: int
    column: str
    code: RejectCode
    reason: str
    value: str = field(default="", repr=False)
    lines: int = 1


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of an extract, as it was when the load began.

    Attributes:
        number: Position in the extract, from 0.
        path: Absolute path.
        format: ``parquet``, ``csv`` or ``ndjson``.
        size_bytes: File size.
        fingerprint: Hex digest of the content; the same bytes give the same one on every machine.
        copy: How many earlier files of this extract have the same fingerprint (normally 0); keeps
            the tokens of identical files apart.
        modified_ns: Modification time; part of the identity where ``fingerprint`` is a sample.
        rows: Number of rows if the format tells without reading (Parquet), else None.
        changed_ns: Time of the last change of content, owner, mode or name (ctime), which no program can set;
            0 if it is not known.
        inode: Number of the file in its file system; 0 if it is not known.
    """

    number: int
    path: str
    format: str
    size_bytes: int
    modified_ns: int
    fingerprint: str
    copy: int
    rows: int | None
    changed_ns: int = 0
    inode: int = 0

    @property
    def is_sampled(self) -> bool:
        """Whether ``fingerprint`` covers only parts of the file."""
        return self.size_bytes > WHOLE_FILE_BYTES


@dataclass(frozen=True, slots=True)
class FileRows:
    """The rows of one file in a slice, and what became of them.

    ``rows_read == rows_filtered + rows_rejected + records`` always holds.

    Attributes:
        file: Number of the source file, from 0.
        first_row: Position of the first row in that file, from 0.
        rows_read: Rows of the file in the slice; 0 of a file without rows.
        rows_filtered: Rows the job's filter left out, and rows of a CSV file without any value.
        rows_rejected: Rows that could not become records.
        records: Rows that became records.
        last_of_file: Whether the file ends with them.
        rows_filtered_unknown: Those of ``rows_filtered`` for which the filter had no answer: it read a
            missing value.
    """

    file: int
    first_row: int
    rows_read: int
    rows_filtered: int
    rows_rejected: int
    records: int
    last_of_file: bool
    rows_filtered_unknown: int = 0


@dataclass(frozen=True, slots=True)
class SlicePlan:
    """What one slice adds to the plan of its window: the events that it closes, and what became of its rows.

    Attributes:
        window: The window's number over the whole extract, from 0.
        number: Number of the slice in its window, from 0.
        files: Its rows, file by file, in the order of the extract.
        first_index: Index of the first of its events, hence the number of events of earlier slices.
        rejected: Its rows that could not become records.
        events: The events that are closed by it, ``events[i].index == first_index + i``. They may hold rows
            of earlier slices of the window.
        ends_window: Whether the window ends with it: all its events are closed.
    """

    window: int
    number: int
    files: Sequence[FileRows]
    first_index: int
    rejected: Sequence[RejectedRow] = field(repr=False)
    events: Sequence[Event] = field(repr=False)
    ends_window: bool = True

    @property
    def rows_read(self) -> int:
        """Rows in the slice."""
        return sum(file.rows_read for file in self.files)

    @property
    def rows_filtered(self) -> int:
        """Rows the job's filter left out, and rows of a CSV file without any value."""
        return sum(file.rows_filtered for file in self.files)

    @property
    def rows_filtered_unknown(self) -> int:
        """Those of them for which the filter had no answer: it read a missing value."""
        return sum(file.rows_filtered_unknown for file in self.files)

    @property
    def records(self) -> int:
        """Rows that became records."""
        return sum(file.records for file in self.files)

    def lines_swallowed(self) -> Counter[int]:
        """Return, by file, the lines of rejected rows beyond the first of each: an open quote makes them."""
        lines: Counter[int] = Counter()
        for row in self.rejected:
            lines[row.file] += row.lines - 1
        return lines
