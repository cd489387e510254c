"""The extract stage: a job's files, looked at and mapped; then slices of rows, then records.

Rules kept here:

1. All that can be refused is refused when the extract is opened, before anything is sent.
2. The records of a slice are a function of the slice and the plan settings; ``Extract.records`` keeps
   no state and may be called from any thread.
3. Every row of a slice is a record or a rejected row, never both, never neither.
4. Files are looked at side by side, and each is opened again when it is reached, so that thousands of them
   need few file handles and little memory.
"""

from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby

import polars as pl

from loader.datasets import Dataset
from loader.errors import EmptyExtract, SettingsError
from loader.events.plan import SliceRecords
from loader.extract.choosing import choose_files
from loader.extract.notes import folded, lacking
from loader.extract.side_by_side import side_by_side
from loader.extract.tables import files_of, open_table
from loader.formats.partitioned import PartitionedTable
from loader.formats.windows import SIZED_FILES, Cuts, FileToRead, Piece, Slice, Table, cuts_of, read_slices
from loader.job import Job
from loader.mapping.advice import advice_on
from loader.mapping.errors import located
from loader.mapping.mapping import FileMapping, dataset_of, map_file
from loader.model import FileRows, SourceFile
from loader.records.row_reader import RowReader
from loader.sources.stdin import StdinCopy

CLOSELY_LOOKED_AT = 500
"""Up to so many files, the first rows of each are looked at for what users should know; of more files, those
of the first."""

KEPT_PARQUET_TABLES = 64
"""Up to so many Parquet files keep what is known of them until they are read. Of more it is read again:
schema and row groups are some 50 KB of each. What is known of a text file is small, and costly to find."""


@dataclass(frozen=True, slots=True)
class LookedAt:
    """What was found out about a file before anything is read of it.

    Attributes:
        file: The file.
        open: Opens it.
        words: How it is written, in words.
        mapping: What becomes of its columns.
        reader: Makes its records; the same for files with the same columns.
        notes: What the user should know of it.
    """

    file: SourceFile
    open: Callable[[], Table]
    words: str
    mapping: FileMapping
    reader: RowReader
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Extract:
    """An extract that fits its job.

    Attributes:
        files: Its files, in order.
        dataset: The dataset it fills, or None if its columns are not known (a custom dataset).
        warnings: What the user should know although it does not stop the load.
        total_rows: Number of rows if every file tells without being read (Parquet), else None.
        cuts: How it is cut into windows and slices.
        row_bytes: About how long its records are, where they are longest.
        formats: How each file is written, in words: of CSV files, what was told or found.
        mappings: What becomes of the columns, for each file.
        files_left_out: Files that the job names, and that it delivered before.
        files_waiting: Files that wait until an unfinished load has come to its end.
    """

    files: tuple[SourceFile, ...]
    dataset: Dataset | None
    warnings: tuple[str, ...]
    total_rows: int | None
    cuts: Cuts
    row_bytes: int
    formats: tuple[str, ...]
    mappings: tuple[FileMapping, ...]
    files_left_out: int
    files_waiting: int
    _looked_at: Sequence[LookedAt]
    _input: StdinCopy

    def slices(
        self,
        wanted: Callable[[int], bool] = lambda number: True,  # noqa: ARG005 - every window
        known_rows: Mapping[int, int] | None = None,
        on_end: Callable[[int, int], None] = lambda _file, _rows: None,
    ) -> Generator[Slice, None, None]:
        """Read the slices of the wanted windows in order. Blocking: meant for a thread.

        Closing it stops the reading.

        Args:
            wanted: Tells by its number whether a window is needed.
            known_rows: Rows of files that were read to their end before, by file number.
            on_end: Called with the number of each file and its rows when its end is reached, now or before.

        Raises:
            ExtractError: A file cannot be read, or changed since the load began.
        """
        files = (FileToRead(each.file, each.mapping.source_columns, each.open) for each in self._looked_at)
        return read_slices(files, self.cuts, wanted, known_rows or {}, on_end)

    def records(self, rows: Slice) -> SliceRecords:
        """Return the records of a slice, and the rows that could not become records."""
        with_rows = [
            (piece, place)
            for piece, place in zip(rows.pieces, rows.places, strict=True)
            if piece.frame.height
        ]
        read = []
        for reader, group in groupby(with_rows, key=lambda each: self._looked_at[each[0].file].reader):
            pieces, places = zip(*group, strict=True)
            read.append(reader.read(pieces, places))
        frames = [each.frame for each in read]
        frame = pl.concat(frames, how="diagonal", rechunk=True) if frames else pl.DataFrame(schema=NO_RECORDS)
        rejected = [row for each in read for row in each.rejected]
        filtered = {file: count for each in read for file, count in each.filtered.items()}
        unknown = {file: count for each in read for file, count in each.unknown.items()}
        return SliceRecords(
            window=rows.window,
            number=rows.number,
            files=_counts(rows.pieces, frame, Counter(row.file for row in rejected), filtered, unknown),
            frame=frame,
            rejected=rejected,
            ends_window=rows.ends_window,
        )

    def table(self, file: SourceFile) -> Table:
        """Return one of its files, opened."""
        return self._looked_at[file.number].open()

    def close(self) -> None:
        """Remove what was written down of standard input, if it was read."""
        self._input.close()


NO_RECORDS = {
    "place": pl.Int64(),
    "file": pl.UInt32(),
    "row": pl.Int64(),
    "group": pl.String(),
    "timestamp": pl.String(),
    "quoted": pl.Binary(),
    "size": pl.Int64(),
}


def _counts(
    pieces: Sequence[Piece],
    frame: pl.DataFrame,
    rejected: Mapping[int, int],
    filtered: Mapping[int, int],
    unknown: Mapping[int, int],
) -> list[FileRows]:
    """Return what became of the rows of each file of a slice."""
    records = dict(frame["file"].value_counts().iter_rows())
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
        )
        for piece in pieces
    ]


def open_extract(job: Job, *, schema: Dataset | None = None, with_keys: bool = False) -> Extract:
    """Open the files of a job and settle how they become records.

    Args:
        job: The job.
        schema: The dataset it fills, as the service describes it, in place of the package's description.
        with_keys: Whether records are to come with their primary keys also where packing does not need them.

    Raises:
        NothingToLoad: No file, or no row.
        NothingNew: Every file was delivered before.
        SettingsError: A setting does not fit the files or the dataset.
        ExtractError: A file cannot be read or does not fit the dataset.
    """
    kept = StdinCopy(job.run_dir or job.default_run_dir())
    try:
        return _opened(job, schema or dataset_of(job), kept, with_keys=with_keys)
    except SettingsError as error:
        kept.close()
        raise located(error, job) from error
    except BaseException:
        kept.close()
        raise


def _opened(job: Job, dataset: Dataset | None, kept: StdinCopy, *, with_keys: bool) -> Extract:
    named, warnings = files_of(job, kept)
    chosen = choose_files(job, named)
    warnings += chosen.notes
    look = _Look(job, dataset, with_keys=with_keys, files=len(chosen.files))
    looked_at = side_by_side(look.at, chosen.files)
    files = tuple(each.file for each in looked_at)
    sized = {len(files) * sample // SIZED_FILES for sample in range(SIZED_FILES)} | {len(files) - 1}
    row_bytes = max(_row_bytes(looked_at[number]) for number in sorted(sized))
    if not any(each.open().has_rows() for each in looked_at):
        raise EmptyExtract("The extract has no rows.", where=", ".join(file.path for file in files))
    mappings = [each.mapping for each in looked_at]
    warnings += folded((each.file, note) for each in looked_at for note in each.notes)
    warnings += lacking(files, mappings)
    rows = [file.rows for file in files]
    return Extract(
        files=files,
        dataset=dataset,
        warnings=tuple(dict.fromkeys(warnings)),
        total_rows=None if None in rows else sum(row for row in rows if row is not None),
        cuts=cuts_of(row_bytes, job.pack, job.group_buckets, job.window_rows),
        row_bytes=row_bytes,
        files_left_out=chosen.left_out,
        files_waiting=chosen.waiting,
        formats=tuple(each.words for each in looked_at),
        mappings=tuple(mappings),
        _looked_at=looked_at,
        _input=kept,
    )


def _row_bytes(looked_at: LookedAt) -> int:
    return looked_at.open().row_bytes(looked_at.mapping.source_columns)


class _Look:
    """Looks at files; what files with the same columns have in common is worked out once.

    Args:
        job: The job.
        dataset: The dataset it fills, or None if its columns are not known.
        with_keys: Whether records are to come with their primary keys also where packing does not need them.
        files: How many files the extract has.
    """

    def __init__(self, job: Job, dataset: Dataset | None, *, with_keys: bool, files: int) -> None:
        self._job = job
        self._dataset = dataset
        self._with_keys = with_keys
        self._keeps_parquet = files <= KEPT_PARQUET_TABLES
        self._looks_closely = files <= CLOSELY_LOOKED_AT
        self._known: dict[object, tuple[FileMapping, RowReader]] = {}

    def at(self, file: SourceFile) -> LookedAt:
        """Return what is to be known of a file before it is read."""
        table = self._open(file)
        path_columns = tuple(table.path_columns) if isinstance(table, PartitionedTable) else ()
        columns = (tuple(table.schema.items()), path_columns)
        known = self._known.get(columns)
        if known is None:
            mapping = map_file(self._job, self._dataset, file, table.schema, path_columns)
            reader = RowReader(self._job, mapping, with_keys=self._with_keys)
            # Whoever was faster is right too: the same columns make the same mapping.
            known = self._known.setdefault(columns, (mapping, reader))
        mapping, reader = known
        file = table.file
        keeps = self._keeps_parquet or file.format != "parquet"
        return LookedAt(
            file=file,
            open=(lambda: table) if keeps else partial(self._open, file),
            words=table.words,
            mapping=mapping,
            reader=reader,
            notes=(
                *table.advice,
                *advice_on(self._job, table, mapping, closely=self._looks_closely or not file.number),
            ),
        )

    def _open(self, file: SourceFile) -> Table:
        return open_table(self._job, self._dataset, file)
