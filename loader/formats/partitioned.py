"""A file with columns in its path: the file's own table, plus those columns.

Rule kept here: a column in the file has priority over one in its path, and a note reports this. A value from
the path never replaces a value in the file.
"""

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import polars as pl

from loader.formats.cuts import FileCut
from loader.formats.rows import Rows
from loader.formats.windows import KEY_BYTES, Piece, Table
from loader.model import SourceFile


class PartitionedTable:
    """One file of a partitioned folder.

    Args:
        table: The file.
        values: The columns from its path, each with its text, or None for no value.
    """

    def __init__(self, table: Table, values: Mapping[str, str | None]) -> None:
        self.table = table
        self._both = [name for name in values if name in table.schema]
        self.path_values = {name: text for name, text in values.items() if name not in table.schema}
        self.schema: Mapping[str, pl.DataType] = {
            **table.schema,
            **dict.fromkeys(self.path_values, pl.String()),
        }

    @property
    def file(self) -> SourceFile:
        """The file."""
        return self.table.file

    @property
    def path_columns(self) -> Sequence[str]:
        """The columns from its path that are not in the file."""
        return tuple(self.path_values)

    @property
    def words(self) -> str:
        """The format in words."""
        names = ", ".join(f"'{name}'" for name in self.path_values)
        return f"{self.table.words}, {names} from its path" if names else self.table.words

    @property
    def advice(self) -> Sequence[str]:
        """Notes for the user, including columns that are both in the file and in its path."""
        both = [
            f"'{name}' is in {self.file.path} and in its path; the file's values are used."
            for name in self._both
        ]
        return [*self.table.advice, *both]

    def has_rows(self) -> bool:
        """Return whether the file has a row."""
        return self.table.has_rows()

    def row_bytes(self, columns: Sequence[str]) -> int:
        """Return the approximate size of records of these columns, at the place where they are largest."""
        texts = [(name, self.path_values[name] or "") for name in columns if name in self.path_values]
        own = self.table.row_bytes(self._own(columns))
        return own + sum(len(name) + KEY_BYTES + len(text.encode()) for name, text in texts)

    def pieces(self, cut: FileCut) -> Generator[Piece, None, int]:
        """Read the wanted slices; return the number of rows of the file.

        Raises:
            ExtractError: The file is damaged, or changed since the load began.
        """
        columns = self.from_path(cut.columns)
        pieces = self.table.pieces(replace(cut, columns=self._own(cut.columns)))
        while True:
            try:
                piece = next(pieces)
            except StopIteration as end:
                rows: int = end.value
                return rows
            yield replace(piece, frame=_with(piece.frame, columns))
            # Otherwise its rows would stay in memory while the next piece is read.
            del piece

    def read_whole(self, others: Sequence[Table], columns: Sequence[str]) -> Sequence[Rows | None]:
        """Read all rows of this small file, and of others with the same columns in their paths, at once."""
        alike = [
            table
            for table in (self, *others)
            if isinstance(table, PartitionedTable) and table.path_values.keys() == self.path_values.keys()
        ]
        read = self.table.read_whole([table.table for table in alike[1:]], self._own(columns))
        found = {
            id(table): replace(rows, frame=_with(rows.frame, table.from_path(columns)))
            for table, rows in zip(alike, read, strict=True)
            if rows is not None
        }
        return [found.get(id(table)) for table in (self, *others)]

    def copy_rows(self, rows: Iterator[int], path: Path) -> None:
        """Write some rows to a new file. The folders of the new file must have the same columns."""
        self.table.copy_rows(rows, path)

    @property
    def settings_found(self) -> Mapping[str, Sequence[str]]:
        """CSV settings that a file with fewer rows might not show, by name."""
        return self.table.settings_found

    def from_path(self, names: Sequence[str]) -> list[str | pl.Series]:
        """Return, for each column, its name, or its value if it comes from the path."""
        return [
            pl.Series(name, [self.path_values[name]], pl.String) if name in self.path_values else name
            for name in names
        ]

    def _own(self, columns: Sequence[str]) -> tuple[str, ...]:
        """Return the columns to read from the file: at least one, which gives the number of rows."""
        own = tuple(name for name in columns if name not in self.path_values)
        return own or tuple(self.table.schema)[:1]


def _with(frame: pl.DataFrame, columns: Sequence[str | pl.Series]) -> pl.DataFrame:
    """Return the named columns of a frame, plus columns with one value each."""
    return pl.DataFrame(
        {
            column if isinstance(column, str) else column.name: frame.get_column(column)
            if isinstance(column, str)
            else column.new_from_index(0, frame.height)
            for column in columns
        }
    )
