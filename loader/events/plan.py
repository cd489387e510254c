"""Plan the events of a window, slice by slice: their records, their order and their tokens.

Rules kept here:

1. The plan is a function of the window's records and the settings. It uses no clock, no outcome and no random
   number.
2. Events are numbered in the order of closing. Every event of a window is closed at the end of the window.
3. The events of a user's group have its records in row order, each record exactly once.
4. No event is larger than the service allows. No event has two records of one primary key, because the
   service does not document the order inside an array.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl

from loader.events.open_event import PackedRun
from loader.events.packing import Packer, PackingSettings, with_buckets
from loader.events.token import TokenSource, WindowTokens, begin_hash
from loader.json_quoting import unquote
from loader.model import Destination, Event, FileRows, RejectedRow, SliceCounts, SlicePlan, SourceFile


@dataclass(frozen=True, slots=True)
class SliceRecords(SliceCounts):
    """The records of one slice.

    Attributes:
        window: Number of its window in the whole extract, from 0.
        number: Its number in the window, from 0.
        files: The counts of its rows, file by file.
        frame: The records, one in each row, in the order of the extract. The columns are ``place`` (position
            of the row in the window, ascending), ``file`` and ``row`` (number of the file, and position in
            it), ``group`` (the user's group, 1..255 characters), ``timestamp`` (``eventTimestamp`` as decimal
            text of epoch seconds, or null), ``quoted`` (one JSON object, UTF-8, in the form of
            ``json_quoting``), ``size`` (its bytes without the quoting, at most MAX_EVENT_BYTES) and, if
            packing needs it and the dataset has a primary key, ``key`` (a text that is unique to the primary
            key).
        rejected: The rows that could not become records.
        ends_window: Whether the window ends with the slice.
    """

    window: int
    number: int
    files: Sequence[FileRows]
    frame: pl.DataFrame = field(repr=False)
    rejected: Sequence[RejectedRow] = field(repr=False)
    ends_window: bool = True

    @property
    def rows(self) -> list[int]:
        """Position of each record's row in its file."""
        return self.frame["row"].to_list()

    @property
    def groups(self) -> list[str]:
        """The group of each record, before groups are spread over buckets."""
        return self.frame["group"].to_list()

    @property
    def keys(self) -> list[str] | None:
        """A unique text for the primary key of each record, or None if it is not needed."""
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
    """Plans the windows of one extract, slice by slice.

    Args:
        destination: The destination of the events.
        files: The source files, in order.
        packing: The settings of packing.
        generation: Number of earlier loads of the run directory that the load replaces.
    """

    def __init__(
        self,
        destination: Destination,
        files: Sequence[SourceFile],
        packing: PackingSettings,
        generation: int = 0,
    ) -> None:
        self._packing = packing
        self._tokens = TokenSource(destination, files, generation)
        self._window: _WindowInWork | None = None

    def plan(self, records: SliceRecords) -> SlicePlan:
        """Return the part of a window's plan that a slice adds.

        The caller must pass the slices of a window in order, beginning with the first one. The same slices
        give the same plan.
        """
        if records.number == 0 or self._window is None:
            assert records.number == 0
            self._window = _WindowInWork(records.window, self._packing)
        window = self._window
        if window.tokens is None and (
            begin := next((file for file in records.files if file.rows_read), None)
        ):
            window.tokens = self._tokens.of_window(begin.file, begin.first_row)
        first_index = window.events
        events, places = window.add(records)
        window.events += len(events)
        if records.ends_window:
            self._window = None
        return SlicePlan(
            window=records.window,
            number=records.number,
            files=records.files,
            first_index=first_index,
            rejected=records.rejected,
            events=events,
            ends_window=records.ends_window,
            places=places,
        )


class _WindowInWork:
    """A window whose last slice is not planned yet.

    Args:
        number: Its number.
        packing: The settings of packing.

    Attributes:
        events: The events planned so far.
        tokens: Makes their tokens; None before the first row.
    """

    def __init__(self, number: int, packing: PackingSettings) -> None:
        self._number = number
        self._packing = packing
        self._packer = Packer(packing) if packing.shared else None
        self.events = 0
        self.tokens: WindowTokens | None = None

    def add(self, records: SliceRecords) -> tuple[list[Event], list[int]]:
        """Return the events that a slice closes, and the position in the window of the first row of each."""
        if self._packer is None:
            return self._single(records.frame)
        runs = self._packer.add(records.frame)
        if records.ends_window:
            runs += self._packer.end()
        return (
            [self._shared(index, run) for index, run in enumerate(runs, self.events)],
            [run.place for run in runs],
        )

    def _single(self, frame: pl.DataFrame) -> tuple[list[Event], list[int]]:
        if self.tokens is None:
            return [], []
        frame = with_buckets(frame, self._packing.group_buckets)
        token = self.tokens.token
        names = ("place", "file", "row", "group", "timestamp", "quoted")
        columns = zip(*(frame[name].to_list() for name in names), strict=True)
        events = [
            Event(
                self._number,
                index,
                file,
                (row,),
                group,
                token(place, (file,), group, timestamp, begin_hash(quoted)),
                timestamp,
                quoted,
            )
            for index, (place, file, row, group, timestamp, quoted) in enumerate(columns, self.events)
        ]
        return events, frame["place"].to_list()

    def _shared(self, index: int, run: PackedRun) -> Event:
        assert self.tokens is not None
        begun = begin_hash(run.quoted)
        files = [file for _, file in run.borders]
        return Event(
            self._number,
            index,
            files[0],
            run.rows,
            run.group,
            self.tokens.token(run.place, files, run.group, run.timestamp, begun.copy()),
            run.timestamp,
            run.quoted,
            begun,
            run.borders if len(files) > 1 else (),
        )
