"""Windows: the same rows under the same number, whatever else is read."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loader.errors import ExtractError
from loader.extract.find_files import find_files
from loader.formats.csv.table import CsvTable
from loader.formats.parquet.table import ParquetTable
from loader.formats.windows import WINDOW_BYTES, Table, Window, WindowShape, cut_table, read_windows
from loader.job import CsvSettings, Pack
from loader.model import SourceFile

ROWS = {
    "one.csv": 25,
    "two.parquet": 40,
    "three.csv": 7,
    "none.csv": 0,
    "none.parquet": 0,
    "four.parquet": 12,
}


@pytest.fixture(scope="module")
def extract(tmp_path_factory: pytest.TempPathFactory) -> tuple[SourceFile, ...]:
    """Six files; every row says where it is."""
    folder = tmp_path_factory.mktemp("extract")
    for name, rows in ROWS.items():
        frame = pl.DataFrame(
            {"place": [f"{name} {row}" for row in range(rows)], "odd": [row % 2 == 1 for row in range(rows)]},
            schema={"place": pl.String, "odd": pl.Boolean},
        )
        if name.endswith(".csv"):
            frame.write_csv(folder / name)
        else:
            frame.write_parquet(folder / name, row_group_size=9)
    return find_files([str(folder / name) for name in ROWS])


def tables(
    files: tuple[SourceFile, ...], window_rows: int, slice_windows: int = 2, block_bytes: int = 64
) -> list[tuple[Table, WindowShape]]:
    cut = WindowShape(("place",), window_rows, window_rows * slice_windows)
    return [
        (ParquetTable(file) if file.format == "parquet" else CsvTable(file, CsvSettings(), block_bytes), cut)
        for file in files
    ]


def rows_of(windows: Iterator[Window]) -> dict[int, tuple[int, int, bool, tuple[str, ...]]]:
    return {
        window.number: (window.file, window.first_row, window.last_of_file, tuple(window.frame["place"]))
        for window in windows
    }


def expected(window_rows: int) -> dict[int, tuple[int, int, bool, tuple[str, ...]]]:
    cut = [
        (
            file,
            first,
            first + window_rows >= rows,
            tuple(f"{name} {row}" for row in range(first, min(rows, first + window_rows))),
        )
        for file, (name, rows) in enumerate(ROWS.items())
        for first in range(0, rows, window_rows)
    ]
    return dict(enumerate(cut))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_window_is_the_same_whatever_is_wanted(
    extract: tuple[SourceFile, ...], data: st.DataObject
) -> None:
    """Windows are cut by position alone: not by what is wanted, known, or read at a time."""
    window_rows = data.draw(st.integers(1, 45))
    whole = expected(window_rows)
    wanted = data.draw(st.sets(st.sampled_from(sorted(whole))))
    known = data.draw(st.sets(st.sampled_from([0, 2])))
    slices = tables(extract, window_rows, data.draw(st.integers(1, 4)), data.draw(st.integers(1, 400)))
    known_rows = {number: list(ROWS.values())[number] for number in known}
    got = rows_of(read_windows(slices, wanted.__contains__, known_rows))
    assert got == {number: whole[number] for number in sorted(wanted)}
    assert list(got) == sorted(got)


def test_a_file_nobody_wants_is_not_opened(extract: tuple[SourceFile, ...], tmp_path: Path) -> None:
    """A finished CSV file may even be gone, as long as its number of rows is known."""
    path = tmp_path / "gone.csv"
    path.write_text("place\n1\n2\n3\n")
    files = find_files([str(path), extract[0].path])
    opened = tables(files, 2)
    path.unlink()
    windows = read_windows(opened, lambda number: number >= 2, {0: 3})
    assert next(windows).frame["place"][0] == "one.csv 0"


def test_closing_the_windows_closes_the_file(extract: tuple[SourceFile, ...]) -> None:
    """A load that stops early leaves no file open."""
    process = psutil.Process()

    def opened() -> int:
        return sum(file.path == extract[0].path for file in process.open_files())

    windows = read_windows(tables(extract[:1], 2), lambda number: True, {})
    next(windows)
    assert opened() == 1
    windows.close()
    assert opened() == 0


@pytest.mark.parametrize("name", ["x.csv", "x.parquet"])
def test_a_file_that_changes_under_the_load_stops_it(tmp_path: Path, name: str) -> None:
    """Rows of two versions of a file never mix."""
    path = tmp_path / name
    frame = pl.DataFrame({"place": [str(row) for row in range(10)]})
    write = frame.write_csv if name.endswith("csv") else frame.write_parquet
    write(path)
    windows = read_windows(tables(find_files([str(path)]), 2, 1), lambda number: True, {})
    if name.endswith("csv"):
        os.utime(path, ns=(0, 1))
    else:
        next(windows)
        os.utime(path, ns=(0, 1))
    with pytest.raises(ExtractError, match="changed while"):
        list(windows)


def test_a_damaged_page_stops_the_load(tmp_path: Path) -> None:
    """Bytes that rotted inside a Parquet file are an error that names it, not rows."""
    path = tmp_path / "x.parquet"
    pl.DataFrame({"place": [f"{row * 7919:x}" for row in range(50_000)]}).write_parquet(
        path, compression="zstd"
    )
    rotten = bytearray(path.read_bytes())
    rotten[1000:3000] = bytes(2000)
    path.write_bytes(rotten)
    with pytest.raises(ExtractError) as caught:
        list(read_windows(tables(find_files([str(path)]), 50_000), lambda number: True, {}))
    assert caught.value.where == str(path)


def test_bad_records_keep_their_place(tmp_path: Path) -> None:
    """A record that is no row holds its position in the window, in whichever window that is."""
    path = tmp_path / "x.csv"
    path.write_text("place,b\n" + "".join(f"{row},x\n" if row % 5 else f"{row}\n" for row in range(20)))
    windows = read_windows(tables(find_files([str(path)]), 6), lambda number: True, {})
    seen = [(window.first_row + bad.index, bad.text) for window in windows for bad in window.bad]
    assert seen == [(0, "0"), (5, "5"), (10, "10"), (15, "15")]


@pytest.mark.parametrize("pack", list(Pack))
@pytest.mark.parametrize("text_chars", [1, 100, 20_000])
def test_windows_hold_about_as_many_bytes_as_they_should(tmp_path: Path, pack: Pack, text_chars: int) -> None:
    """Short rows make long windows, within bounds; the file's own bytes decide."""
    path = tmp_path / "x.parquet"
    pl.DataFrame({"place": ["x" * text_chars] * 1200}).write_parquet(path)
    table = ParquetTable(find_files([str(path)])[0])
    cut = cut_table(table, ("place",), pack, None)
    assert cut == cut_table(table, ("place",), pack, None)
    assert cut.slice_rows % cut.window_rows == 0
    if text_chars == 20_000:
        assert 0.8 < cut.window_rows * text_chars / WINDOW_BYTES[pack] < 1.2 or cut.window_rows == 16
    if text_chars == 1:
        assert cut.window_rows == {Pack.ROW: 16_384, Pack.GROUP: 262_144}[pack]
    assert cut_table(table, ("place",), pack, 77).window_rows == 77


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_rows_that_grow_make_shorter_windows(tmp_path: Path, suffix: str) -> None:
    """The longest rows decide, not the first: a window must not grow a hundredfold with its file."""
    path = tmp_path / f"x{suffix}"
    frame = pl.DataFrame({"place": ["x" * 20] * 10_000 + ["x" * 2_000] * 5_000})
    if suffix == ".csv":
        frame.write_csv(path)
    else:
        frame.write_parquet(path)
    ((table, _),) = tables(find_files([str(path)]), 1)
    cut = cut_table(table, ("place",), Pack.ROW, None)
    assert cut.window_rows * 2_000 <= 1.5 * WINDOW_BYTES[Pack.ROW]


@settings(max_examples=100, deadline=None)
@given(
    lines=st.lists(
        st.sampled_from(["1,2", '"1\n",2', '"1","2"', "", "1", "1,2,3", '5",2', "é,2"]), max_size=40
    ),
    block_bytes=st.integers(1, 40),
)
def test_rows_that_are_only_counted_are_counted_like_rows_that_are_parsed(
    lines: list[str], block_bytes: int
) -> None:
    """Blocks nobody wants, with empty lines, quotes and bad records, move no later window."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x.csv")
        path.write_text("\n".join(["place,b", *lines, "end,x"]))
        table = CsvTable(find_files([str(path)])[0], CsvSettings(), block_bytes)
        cut = WindowShape(("place",), 3, 3)
        parsed = rows_of(read_windows([(table, cut)], lambda number: True, {}))
        last = max(parsed)
        assert parsed[last][3][-1] == "end"
        assert rows_of(read_windows([(table, cut)], lambda number: number == last, {})) == {
            last: parsed[last]
        }
