"""Windows: fixed slices of rows, cut by position alone, each inside one file.

Rules kept here:

1. Window k holds the same rows whatever else is read: numbers run over the whole extract from 0, in file
   order, and every window of a file but its last has the file's number of window rows.
2. A window that nobody wants is not parsed, and a file without a wanted window is not opened if its
   number of rows is known.
3. The number of rows of a window is a function of the file's bytes and the plan settings.
"""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import polars as pl

from loader.formats.bad_record import BadRecord
from loader.formats.unnamed import unnamed
from loader.job import Pack
from loader.model import SourceFile
from loader.sources.files import check_unchanged

SIZING_ROWS = 250
"""How many rows are looked at in each of a few places of a file to tell how long its rows are: extracts are
often sorted by time, and rows grow over the years."""

WINDOW_BYTES = {Pack.ROW: 4 * 2**20, Pack.GROUP: 56 * 2**20}
"""What the records of a window should come to. A window is the unit of resume and is held in memory as
frame, records and events at once; shared events fill up only as far as a window reaches. With 64 groups
56 MiB are 0.87 MiB to each: nearly all of them fit into one event, as they would not with 64 MiB. Measured
over 2,000,000 rows: 5,184 events with 16 MiB and 1,472 with 56, at a peak of 256 and 380 MB."""

WINDOW_ROWS = {Pack.ROW: range(16, 16_385), Pack.GROUP: range(16, 262_145)}
"""Bounds for very long and very short rows."""

SLICE_BYTES = 16 * 2**20
"""How much of a Parquet file is read at a time, in windows: each read fetches the column chunks around
it again, so smaller slices cost time and larger ones memory."""

VALUE_BYTES = 20
"""What a value that is not text counts as: about a number or timestamp with its digits."""

KEY_BYTES = 6
"""Quotes, colon and comma around a key and its value in a record."""


@dataclass(frozen=True, slots=True)
class Window:
    """A slice of the rows of one file, as they are in the file.

    Attributes:
        number: Its number over the whole extract, from 0.
        file: Number of the source file, from 0.
        first_row: Position of its first row in that file, from 0.
        frame: The rows, with the columns the job needs.
        last_of_file: Whether the file ends with it.
        bad: Records that cannot be rows; ``index`` is their position in ``frame``, which holds no
            values there.
    """

    number: int
    file: int
    first_row: int
    frame: pl.DataFrame = field(repr=False)
    last_of_file: bool
    bad: Sequence[BadRecord] = ()


@dataclass(frozen=True, slots=True)
class WindowShape:
    """How a file is cut into windows.

    Attributes:
        columns: The source columns that the job needs.
        window_rows: Rows of a window.
        slice_rows: Rows to read at a time where the format allows to choose: whole windows.
    """

    columns: tuple[str, ...]
    window_rows: int
    slice_rows: int


class Table(Protocol):
    """One file of an extract, opened."""

    @property
    def file(self) -> SourceFile:
        """The file."""

    @property
    def schema(self) -> Mapping[str, pl.DataType]:
        """Its columns and their types, in file order."""

    @property
    def words(self) -> str:
        """How it is written, in words."""

    @property
    def advice(self) -> Sequence[str]:
        """What the user should check although it does not stop the load."""

    def has_rows(self) -> bool:
        """Return whether there is any row."""

    def row_bytes(self, columns: Sequence[str]) -> int:
        """Return about how long records of these columns are, where they are longest."""

    def windows(
        self, cut: WindowShape, first_number: int, wanted: Callable[[int], bool]
    ) -> Generator[Window, None, int]:
        """Read the wanted windows, the file's first being ``first_number``; return its number of rows."""

    def copy_rows(self, rows: Iterator[int], path: Path) -> None:
        """Write some rows (by position, ascending) to a new file that the same settings read."""

    @property
    def settings_found(self) -> Mapping[str, str]:
        """CSV settings that a file with fewer rows might not show, by name."""


def cut_table(table: Table, columns: tuple[str, ...], pack: Pack, window_rows: int | None) -> WindowShape:
    """Return how to cut a file: into windows of ``window_rows``, or of as many as fit their bytes."""
    row_bytes = table.row_bytes(columns)
    if window_rows is None:
        bounds = WINDOW_ROWS[pack]
        window_rows = max(bounds.start, min(bounds.stop - 1, WINDOW_BYTES[pack] // row_bytes))
    windows_per_slice = max(1, SLICE_BYTES // (row_bytes * window_rows))
    return WindowShape(columns, window_rows, windows_per_slice * window_rows)


def read_windows(
    tables: Sequence[tuple[Table, WindowShape]],
    wanted: Callable[[int], bool],
    known_rows: Mapping[int, int],
    on_end: Callable[[int, int], None] = lambda _file, _rows: None,
) -> Generator[Window, None, None]:
    """Read the wanted windows in order. Blocking; closing the iterator stops the reading.

    Args:
        tables: The files and how to cut them.
        wanted: Tells by its number whether a window is needed.
        known_rows: Rows of files that were read to their end before, by file number.
        on_end: Called with the number of each file and its rows when its end is reached, by now or before.

    Raises:
        ExtractError: A file cannot be read, or changed since the load began.
    """
    first_number = 0
    for table, cut in tables:
        rows = known_rows.get(table.file.number, table.file.rows)
        if rows is None or any(map(wanted, _numbers(first_number, rows, cut))):
            check_unchanged(table.file)
            rows = yield from table.windows(cut, first_number, wanted)
        on_end(table.file.number, rows)
        first_number = _numbers(first_number, rows, cut).stop


def _numbers(first_number: int, rows: int, cut: WindowShape) -> range:
    return range(first_number, first_number - (-rows // cut.window_rows))


def mean_row_bytes(rows: pl.DataFrame) -> int:
    """Return about how long the record of a row is, independent of how polars keeps it in memory."""
    texts = sum(
        int(unnamed(rows, name).str.len_bytes().sum())
        for name, dtype in rows.schema.items()
        if dtype == pl.String
    )
    others = VALUE_BYTES * sum(1 for dtype in rows.dtypes if dtype != pl.String)
    keys = sum(len(name) + KEY_BYTES for name in rows.columns)
    return max(1, texts // max(1, rows.height) + others + keys)
