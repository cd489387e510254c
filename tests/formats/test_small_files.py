"""Small files that are read together: the same rows, faults and ends as of files that are read one by one."""

import random
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from loader.errors import ExtractError
from loader.extract.find_files import find_files
from loader.formats.csv.table import CsvTable
from loader.formats.cuts import FileCut
from loader.formats.parquet.table import ParquetTable
from loader.formats.partitioned import PartitionedTable
from loader.formats.rows import Rows
from loader.formats.windows import Piece, Table
from loader.job import CsvSettings
from loader.model import SourceFile
from tests.formats.slices import slices_of


@dataclass
class Alone:
    """A file that is never read with others: what reading together must not differ from."""

    table: Table

    @property
    def file(self) -> SourceFile:
        return self.table.file

    @property
    def schema(self) -> Mapping[str, pl.DataType]:
        return self.table.schema

    @property
    def words(self) -> str:
        return self.table.words

    @property
    def advice(self) -> Sequence[str]:
        return self.table.advice

    def has_rows(self) -> bool:
        return self.table.has_rows()

    def row_bytes(self, columns: Sequence[str]) -> int:
        return self.table.row_bytes(columns)

    def pieces(self, cut: FileCut) -> Generator[Piece, None, int]:
        return self.table.pieces(cut)

    def read_whole(self, others: Sequence[Table], columns: Sequence[str]) -> Sequence[Rows | None]:
        assert columns
        return [None] * (1 + len(others))

    def copy_rows(self, rows: Iterator[int], path: Path) -> None:
        self.table.copy_rows(rows, path)

    @property
    def settings_found(self) -> Mapping[str, Sequence[str]]:
        return self.table.settings_found


@dataclass
class Counted(Alone):
    """A file that counts how often it is read by itself."""

    alone: list[str]

    def pieces(self, cut: FileCut) -> Generator[Piece, None, int]:
        self.alone.append(Path(self.file.path).name)
        return self.table.pieces(cut)

    def read_whole(self, others: Sequence[Table], columns: Sequence[str]) -> Sequence[Rows | None]:
        return self.table.read_whole([getattr(other, "table", other) for other in others], columns)


CSV_TEXTS = (
    "a,b\n1,x\n2,y\n",
    "a,b\n3,x",
    'a,b\n"4","x, y"\n"5",""\n',
    "a,b\r\n6,x\r\n7,\r\n",
    "a,b\n",
    'a,b\n8,"two\nlines"\n',
    "a,b\n9\n10,x,z\n11,y\n",
    'a,b\n12,"x"y\n13,z\n',
    "a,b\n14,x\na,b\n15,y\n",
    "b,a\nx,16\ny,17\n",
    "a;b\n18;x\n19;y\n",
    'a,b\n20,"say ""so"""\n',
    "a,b\n21,\u00e9\n",
    "a,b\n22,x\n,\n23,y\n",
)


def said(tables: Sequence[Table], cut_seed: int) -> list[object]:
    """Return all that the slices of files say, and the error that ends them."""
    chance = random.Random(cut_seed)
    window_rows = chance.choice([3, 10, 1000])
    read: list[object] = []
    ends: list[tuple[int, int]] = []
    try:
        for each in slices_of(
            tables,
            ("a", "b"),
            window_rows,
            slice_rows=chance.randint(1, window_rows),
            read_rows=1000,
            wanted=lambda window: window % 3 != cut_seed % 4,
            on_end=lambda file, rows: ends.append((file, rows)),
        ):
            read.append((each.window, each.number, tuple(each.places), each.ends_window))
            read += [
                (piece.file, piece.first_row, piece.last_of_file, piece.frame.rows(), list(piece.bad))
                for piece in each.pieces
                if piece.frame.height or piece.last_of_file
            ]
    except ExtractError as error:
        read.append((error.where, error.why))
    return [*read, ends]


@pytest.mark.parametrize("seed", range(12))
def test_csv_files_together_say_what_each_says_alone(tmp_path: Path, seed: int) -> None:
    """Regular and irregular files in any order, with unneeded windows, give the same rows."""
    chance = random.Random(seed)
    for number in range(24):
        regular = chance.random() < 0.7
        text = chance.choice(CSV_TEXTS[:4] if regular else CSV_TEXTS)
        (tmp_path / f"{number:02}.csv").write_bytes(text.encode())
    files = find_files([str(tmp_path)])
    tables = [CsvTable(file, CsvSettings()) for file in files]
    assert said(tables, seed) == said([Alone(table) for table in tables], seed)


def test_a_fault_in_one_csv_file_is_told_where_it_is_reached(tmp_path: Path) -> None:
    """The files before a quote that is never closed are delivered, and the error names file and row."""
    for number, text in enumerate(["a,b\n1,x\n", "a,b\n2,x\n", 'a,b\n3,"x\n', "a,b\n4,x\n"]):
        (tmp_path / f"{number}.csv").write_text(text)
    tables = [CsvTable(file, CsvSettings()) for file in find_files([str(tmp_path)])]
    told = said(tables, 3)
    assert told == said([Alone(table) for table in tables], 3)
    assert str(told[-2]).startswith(f"('{tmp_path}/2.csv, row 1")


def test_regular_csv_and_parquet_files_are_read_together(tmp_path: Path) -> None:
    """Else this module would compare files that are read alone with themselves."""
    frame = pl.DataFrame({"a": ["1", "2"], "b": ["x", "y"]})
    for number in range(5):
        frame.write_csv(tmp_path / f"c-{number}.csv")
        frame.write_parquet(tmp_path / f"p-{number}.parquet")
    alone: list[str] = []
    for suffix in ("csv", "parquet"):
        files = find_files([str(tmp_path / f"*.{suffix}")])
        tables = [
            Counted(CsvTable(file, CsvSettings()) if suffix == "csv" else ParquetTable(file), alone)
            for file in files
        ]
        slices = slices_of(tables, ("a", "b"), 4, read_rows=100)
        assert sum(piece.frame.height for each in slices for piece in each.pieces) == 10
    assert alone == []


@pytest.mark.parametrize("seed", range(8))
def test_parquet_files_together_say_what_each_says_alone(tmp_path: Path, seed: int) -> None:
    """With values that are none of their type, row groups, files without rows and files of other types."""
    chance = random.Random(seed)
    for number in range(20):
        rows = chance.choice([0, 1, 5, 30])
        frame = pl.DataFrame(
            {"a": [f"{number} {row}" for row in range(rows)], "b": range(rows)},
            schema={"a": pl.String, "b": chance.choice([pl.Int64, pl.Int64, pl.Int64, pl.Int32])},
        )
        if chance.random() < 0.2:
            frame = frame.with_columns(pl.lit(b"\xff\xfe").alias("a"))
        path = tmp_path / f"{number:02}.parquet"
        frame.write_parquet(path, row_group_size=chance.choice([2, 100]))
        if frame.schema["a"] == pl.Binary:
            as_text(path)
    tables = [ParquetTable(file) for file in find_files([str(tmp_path)])]
    assert said(tables, seed) == said([Alone(table) for table in tables], seed)


def as_text(path: Path) -> None:
    """Make the binary column of a file a text column, whose bytes are then no UTF-8."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    buffers = table.column("a").combine_chunks()
    if isinstance(buffers, pa.ChunkedArray):
        buffers = pa.concat_arrays(buffers.chunks) if buffers.num_chunks else pa.array([], pa.large_binary())
    texts = buffers.cast(pa.binary()).view(pa.string())
    pq.write_table(table.set_column(0, "a", texts), path)


def test_a_damaged_parquet_file_among_small_ones_is_told_when_it_is_reached(tmp_path: Path) -> None:
    """Its neighbours are read all the same."""
    for number in range(4):
        pl.DataFrame({"a": [str(number)] * 40, "b": range(40)}).write_parquet(tmp_path / f"{number}.parquet")
    damaged = tmp_path / "2.parquet"
    content = bytearray(damaged.read_bytes())
    content[5:30] = b"\xff" * 25
    damaged.write_bytes(content)
    tables = [ParquetTable(file) for file in find_files([str(tmp_path)])]
    told = said(tables, 3)
    assert told == said([Alone(table) for table in tables], 3)
    assert str(damaged) in str(told[-2])


def test_partitioned_files_together_have_the_columns_of_their_own_paths(tmp_path: Path) -> None:
    """Each file gets the value of its own folder."""
    tables: list[Table] = []
    for number, file in enumerate(csv_files(tmp_path)):
        tables.append(PartitionedTable(CsvTable(file, CsvSettings()), {"b": f"day {number}"}))
    told = said(tables, 3)
    assert told == said([Alone(table) for table in tables], 3)
    assert "day 0" in str(told)
    assert "day 2" in str(told)


def csv_files(folder: Path) -> Sequence[SourceFile]:
    for number in range(3):
        (folder / f"{number}.csv").write_text(f"a\n{number}\n{number}0\n")
    return find_files([str(folder)])
