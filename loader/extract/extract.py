"""The extract stage: open and map the files of a load, then read slices of rows, then make records.

Rules kept here:

1. Opening the extract detects everything that can be refused, before anything is sent.
2. The records of a slice depend on the slice and the plan settings only. ``Extract.records`` keeps no state
   and may be called from any thread.
3. Every row of a slice is either a record or a rejected row.
4. Several files are examined at the same time. A file is opened again when it is read, so that thousands of
   files need few file handles and little memory.
"""

from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

import polars as pl

from loader.datasets import Dataset
from loader.events import PackingSettings, SliceRecords
from loader.formats.cuts import Cuts
from loader.formats.reading import read_slices
from loader.formats.small_files import FileToRead
from loader.formats.windows import Piece, Slice, Table
from loader.job import Shard
from loader.mapping.mapping import FileMapping
from loader.model import FileRows, SourceFile
from loader.records.joined_rows import ReadRows
from loader.records.row_reader import RowReader
from loader.sources.stdin import StdinCopy


@dataclass(frozen=True, slots=True)
class ExaminedFile:
    """What is known about a file before it is read.

    Attributes:
        file: The file.
        open: Opens it.
        words: Its format, in words.
        mapping: The mapping of its columns.
        reader: Converts its rows; files with the same columns share it.
        notes: Notes for the user.
    """

    file: SourceFile
    open: Callable[[], Table]
    words: str
    mapping: FileMapping
    reader: RowReader
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Extract:
    """An extract that fits its settings.

    Attributes:
        files: Its files, in order.
        dataset: The dataset it fills, or None if its columns are unknown (a custom dataset).
        warnings: Notes for the user that do not stop the load.
        total_rows: Number of rows if every file states it without being read (Parquet), else None.
        cuts: How it is divided into windows and slices.
        packing: How its records are packed into events.
        shard: The shard whose records it has, or None for all records.
        plan_settings: What determines the events besides the files, as JSON values: settings and automatic
            choices.
        bucket_rate: Events per second behind the number of buckets, if that was chosen now.
        row_bytes: Approximate size of its records, in the file with the largest.
        formats: The format of each file, in words; for CSV files with the settings in use.
        mappings: The mapping of the columns, for each file.
        files_waiting: Number of files that wait for the end of an unfinished load.
    """

    files: tuple[SourceFile, ...]
    dataset: Dataset | None
    warnings: tuple[str, ...]
    total_rows: int | None
    cuts: Cuts
    packing: PackingSettings
    shard: Shard | None
    plan_settings: Mapping[str, Any]
    bucket_rate: float | None
    row_bytes: int
    formats: tuple[str, ...]
    mappings: tuple[FileMapping, ...]
    files_waiting: int
    _examined: Sequence[ExaminedFile]
    _input: StdinCopy

    def slices(
        self,
        wanted: Callable[[int], bool] = lambda number: True,  # noqa: ARG005 - every window
        known_rows: Mapping[int, int] | None = None,
        on_end: Callable[[int, int], None] = lambda _file, _rows: None,
    ) -> Generator[Slice, None, None]:
        """Read the slices of the wanted windows in order. Blocking: call it in a thread.

        Closing the iterator stops the reading.

        Args:
            wanted: Returns, for the number of a window, whether it is needed.
            known_rows: Rows of files that were read to their end before, by file number.
            on_end: Called with the number and the rows of each file when its end is reached, now or before.

        Raises:
            ExtractError: A file cannot be read, or changed since the load began.
        """
        files = [FileToRead(each.file, each.mapping.source_columns, each.open) for each in self._examined]
        return read_slices(files, self.cuts, wanted, known_rows or {}, on_end)

    def records(self, rows: Slice) -> SliceRecords:
        """Return the records of a slice, and the rows that could not become records."""
        return self.records_of([rows])[0]

    def records_of(self, slices: Sequence[Slice]) -> Sequence[SliceRecords]:
        """Return the same for each of some slices; for a shard they cost less together."""
        with_rows = [
            (number, piece, place)
            for number, rows in enumerate(slices)
            for piece, place in zip(rows.pieces, rows.places, strict=True)
            if piece.frame.height
        ]
        read: list[list[ReadRows]] = [[] for _ in slices]
        for reader, of_reader in groupby(with_rows, key=lambda each: self._examined[each[1].file].reader):
            by_slice = [(number, list(rows)) for number, rows in groupby(of_reader, key=itemgetter(0))]
            parts = [([piece for _, piece, _ in rows], [place for *_, place in rows]) for _, rows in by_slice]
            for (number, _), result in zip(by_slice, reader.read(parts), strict=True):
                read[number].append(result)
        return [_slice_records(rows, results) for rows, results in zip(slices, read, strict=True)]

    def table(self, file: SourceFile) -> Table:
        """Open one of its files."""
        return self._examined[file.number].open()

    def close(self) -> None:
        """Remove the stored copy of standard input after all of it was read."""
        self._input.close()


def _slice_records(rows: Slice, read: Sequence[ReadRows]) -> SliceRecords:
    frames = [each.frame for each in read if each.frame.height]
    frame = pl.concat(frames, how="diagonal", rechunk=True) if frames else pl.DataFrame(schema=_NO_RECORDS)
    return SliceRecords(
        window=rows.window,
        number=rows.number,
        files=_file_rows(rows.pieces, frame, read),
        frame=frame,
        rejected=[row for each in read for row in each.rejected],
        ends_window=rows.ends_window,
    )


_NO_RECORDS = {
    "place": pl.Int64(),
    "file": pl.UInt32(),
    "row": pl.Int64(),
    "group": pl.String(),
    "timestamp": pl.String(),
    "quoted": pl.Binary(),
    "size": pl.Int64(),
}


def _file_rows(pieces: Sequence[Piece], frame: pl.DataFrame, read: Sequence[ReadRows]) -> list[FileRows]:
    """Return the row counts of each file of a slice."""
    records = dict(frame["file"].value_counts().iter_rows())
    rejected = Counter(row.file for each in read for row in each.rejected)
    filtered = {file: count for each in read for file, count in each.filtered.items()}
    unknown = {file: count for each in read for file, count in each.unknown.items()}
    elsewhere = {file: count for each in read for file, count in each.elsewhere.items()}
    return [
        FileRows(
            file=piece.file,
            first_row=piece.first_row,
            rows_read=piece.frame.height,
            rows_filtered=filtered.get(piece.file, 0),
            rows_rejected=rejected.get(piece.file, 0),
            records=records.get(piece.file, 0),
            last_of_file=piece.last_of_file,
            rows_filtered_unknown=unknown.get(piece.file, 0),
            rows_elsewhere=elsewhere.get(piece.file, 0),
        )
        for piece in pieces
    ]
