"""Plan the events of a window: which records share an event, in which order, with which token.

Rules kept here:

1. The plan is a function of the window's records and the settings: no clock, no outcome, no chance.
2. Events are numbered in the order in which they are full, and every event of a window is closed at its end.
3. The events of a user's group hold its records in row order, each record exactly once.
4. No event is larger than the service allows, and none holds two records of one primary key
   (the order inside an array is not documented).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl

from loader.events.packing import Packer, PackingSettings, with_buckets
from loader.events.token import TokenSource, begin_hash
from loader.json_quoting import unquote
from loader.model import Destination, Event, RejectedRow, SourceFile, WindowPlan


@dataclass(frozen=True, slots=True)
class WindowRecords:
    """The records of one window.

    Attributes:
        number: The window's number over the whole extract, from 0.
        file: Number of the source file, from 0.
        first_row: Position of the window's first row in that file, from 0.
        rows_read: Rows in the window.
        rows_filtered: Rows the job's filter left out.
        rows_filtered_unknown: Those of them for which the filter had no answer: it read a missing value.
        last_of_file: Whether the file ends with this window.
        frame: The records, one a row, with the columns ``row`` (position in the file, ascending), ``group``
            (the group it asks for, 1..255 characters), ``timestamp`` (``eventTimestamp`` as decimal text of
            epoch seconds, or null), ``quoted`` (one JSON object, UTF-8, in the form of ``json_quoting``),
            ``size`` (its bytes without the quoting, at most MAX_EVENT_BYTES) and, where packing needs it and
            there is one, ``key`` (a text that tells its primary key from all others).
        rejected: The rows that could not become records.
    """

    number: int
    file: int
    first_row: int
    rows_read: int
    rows_filtered: int
    last_of_file: bool
    frame: pl.DataFrame = field(repr=False)
    rejected: Sequence[RejectedRow] = field(repr=False)
    rows_filtered_unknown: int = 0

    @property
    def rows(self) -> list[int]:
        """Position in the file of each record's row."""
        return self.frame["row"].to_list()

    @property
    def groups(self) -> list[str]:
        """The group each record asks for."""
        return self.frame["group"].to_list()

    @property
    def keys(self) -> list[str] | None:
        """What tells each record's primary key from all others; None if nobody needs it."""
        return self.frame["key"].to_list() if "key" in self.frame.columns else None

    @property
    def timestamps(self) -> list[str | None]:
        """``eventTimestamp`` of each record."""
        return self.frame["timestamp"].to_list()

    @property
    def data(self) -> list[bytes]:
        """Each record as JSON."""
        return [unquote(record) for record in self.frame["quoted"]]


class EventPlanner:
    """Plans the windows of one extract.

    Args:
        destination: Where the events go.
        files: The source files, in order.
        packing: How records are put into events.
        generation: How many loads of the run directory made way for this one.
    """

    def __init__(
        self,
        destination: Destination,
        files: Sequence[SourceFile],
        packing: PackingSettings,
        generation: int = 0,
    ) -> None:
        self._packing = packing
        self._tokens = [TokenSource(destination, source, generation) for source in files]

    def plan(self, records: WindowRecords) -> WindowPlan:
        """Return the events of a window; called again for the same records it returns the same."""
        make_events = self._shared_events if self._packing.shared else self._single
        return WindowPlan(
            number=records.number,
            file=records.file,
            first_row=records.first_row,
            rows_read=records.rows_read,
            rows_filtered=records.rows_filtered,
            rows_filtered_unknown=records.rows_filtered_unknown,
            records=records.frame.height,
            rejected=records.rejected,
            events=make_events(records),
            last_of_file=records.last_of_file,
        )

    def _single(self, records: WindowRecords) -> list[Event]:
        frame = with_buckets(records.frame, self._packing.group_buckets)
        token = self._tokens[records.file].token
        names = ("row", "group", "timestamp", "quoted")
        columns = zip(*(frame[name].to_list() for name in names), strict=True)
        return [
            Event(
                records.number,
                index,
                records.file,
                (row,),
                group,
                token(records.first_row, index, group, timestamp, begin_hash(quoted)),
                timestamp,
                quoted,
            )
            for index, (row, group, timestamp, quoted) in enumerate(columns)
        ]

    def _shared_events(self, records: WindowRecords) -> list[Event]:
        frame = records.frame.with_columns(
            file=pl.lit(records.file, pl.UInt32), place=pl.col("row") - records.first_row
        )
        packer = Packer(self._packing)
        token = self._tokens[records.file].token
        events = []
        for index, run in enumerate(packer.add(frame) + packer.end()):
            begun = begin_hash(run.quoted)
            events.append(
                Event(
                    records.number,
                    index,
                    records.file,
                    run.rows,
                    run.group,
                    token(records.first_row, index, run.group, run.timestamp, begun.copy()),
                    run.timestamp,
                    run.quoted,
                    begun,
                )
            )
        return events
