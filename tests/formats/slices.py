"""Reads opened files in slices, as an extract does."""

from collections.abc import Callable, Generator, Iterable, Mapping
from functools import partial

from loader.formats.cuts import Cuts
from loader.formats.reading import read_slices
from loader.formats.small_files import FileToRead
from loader.formats.windows import Slice, Table


def _same(table: Table) -> Table:
    return table


def slices_of(
    tables: Iterable[Table],
    columns: tuple[str, ...],
    window_rows: int,
    *,
    slice_rows: int | None = None,
    read_rows: int | None = None,
    wanted: Callable[[int], bool] = lambda _: True,
    known_rows: Mapping[int, int] | None = None,
    on_end: Callable[[int, int], None] = lambda _file, _rows: None,
) -> Generator[Slice, None, None]:
    """Yield the slices of the wanted windows; by default, a window is one slice."""
    slice_rows = slice_rows or window_rows
    cuts = Cuts(window_rows, slice_rows, read_rows or slice_rows)
    files = [FileToRead(table.file, columns, partial(_same, table)) for table in tables]
    return read_slices(files, cuts, wanted, known_rows or {}, on_end)
