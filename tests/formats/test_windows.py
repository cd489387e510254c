"""Windows and slices: the same rows under the same number, whatever else is read."""

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

import polars as pl
import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loader.errors import ExtractError
from loader.extract.find_files import find_files
from loader.formats.csv.table import CsvTable
from loader.formats.cuts import (
    BUCKET_WINDOW_BYTES,
    GROUP_WINDOW_BYTES,
    ROW_WINDOW_BYTES,
    SLICE_BYTES,
    cuts_of,
)
from loader.formats.parquet.table import ParquetTable
from loader.formats.windows import Slice, Table
from loader.job import CsvSettings, Pack
from loader.model import SourceFile
from tests.formats.slices import slices_of

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


def tables(files: tuple[SourceFile, ...], block_bytes: int = 64) -> list[Table]:
    return [
        ParquetTable(file) if file.format == "parquet" else CsvTable(file, CsvSettings(), block_bytes)
        for file in files
    ]


Rows = list[tuple[int, int, bool, tuple[str, ...]]]
"""File, first row, whether the file ends, and values of each piece."""


def rows_of(slices: Iterable[Slice]) -> dict[tuple[int, int], Rows]:
    """Return the pieces of each slice, by window and number in it."""
    return {
        (each.window, each.number): [
            (piece.file, piece.first_row, piece.last_of_file, tuple(piece.frame["place"]))
            for piece in each.pieces
        ]
        for each in slices
    }


def expected(window_rows: int, slice_rows: int) -> dict[tuple[int, int], Rows]:
    """Return what there is to read, worked out row by row."""
    slices: dict[tuple[int, int], Rows] = {}
    place = 0
    for file, (name, rows) in enumerate(ROWS.items()):
        if not rows:
            at = (place // window_rows, place % window_rows // slice_rows)
            slices.setdefault(at, []).append((file, 0, True, ()))
        for row in range(rows):
            pieces = slices.setdefault((place // window_rows, place % window_rows // slice_rows), [])
            if not pieces or pieces[-1][0] != file:
                pieces.append((file, row, False, ()))
            first, values = pieces[-1][1], pieces[-1][3]
            pieces[-1] = (file, first, row + 1 == rows, (*values, f"{name} {row}"))
            place += 1
    return slices


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_window_is_the_same_whatever_is_wanted(
    extract: tuple[SourceFile, ...], data: st.DataObject
) -> None:
    """Windows and slices are cut by position alone: not by what is wanted, known, or read at a time."""
    window_rows = data.draw(st.integers(1, 60))
    slice_rows = data.draw(st.integers(1, window_rows))
    whole = expected(window_rows, slice_rows)
    wanted = data.draw(st.sets(st.sampled_from(sorted({window for window, _ in whole}))))
    known = data.draw(st.sets(st.sampled_from([0, 2])))
    ends: dict[int, int] = {}
    got = slices_of(
        tables(extract, data.draw(st.integers(1, 400))),
        ("place",),
        window_rows,
        slice_rows=slice_rows,
        read_rows=data.draw(st.integers(1, 100)),
        wanted=wanted.__contains__,
        known_rows={number: list(ROWS.values())[number] for number in known},
        on_end=ends.__setitem__,
    )
    read = list(got)
    assert rows_of(read) == {at: pieces for at, pieces in whole.items() if at[0] in wanted}
    assert [(each.window, each.number) for each in read] == sorted(rows_of(read))
    last = {window: max(number for other, number in whole if other == window) for window in wanted}
    assert all(each.ends_window == (each.number == last[each.window]) for each in read)
    assert ends == dict(enumerate(ROWS.values()))


def test_a_file_nobody_wants_is_not_opened(extract: tuple[SourceFile, ...], tmp_path: Path) -> None:
    """A finished CSV file may even be gone, as long as its number of rows is known."""
    path = tmp_path / "gone.csv"
    path.write_text("place\n1\n2\n3\n")
    files = find_files([str(path), extract[0].path])
    opened = tables(files)
    path.unlink()
    slices = slices_of(opened, ("place",), 3, wanted=lambda window: window >= 1, known_rows={0: 3})
    assert next(slices).pieces[0].frame["place"][0] == "one.csv 0"


def test_closing_the_windows_closes_the_file(extract: tuple[SourceFile, ...]) -> None:
    """A load that stops early leaves no file open."""
    process = psutil.Process()

    def opened() -> int:
        return sum(file.path == extract[0].path for file in process.open_files())

    windows = slices_of(tables(extract[:1]), ("place",), 2)
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
    windows = slices_of(tables(find_files([str(path)])), ("place",), 2)
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
        list(slices_of(tables(find_files([str(path)])), ("place",), 50_000))
    assert caught.value.where == str(path)


def test_bad_records_keep_their_place(tmp_path: Path) -> None:
    """A record that is not a row holds its position in the window, in whichever window that is."""
    path = tmp_path / "x.csv"
    path.write_text("place,b\n" + "".join(f"{row},x\n" if row % 5 else f"{row}\n" for row in range(20)))
    slices = slices_of(tables(find_files([str(path)])), ("place",), 6)
    pieces = [piece for each in slices for piece in each.pieces]
    seen = [(piece.first_row + bad.index, bad.text) for piece in pieces for bad in piece.bad]
    assert seen == [(0, "0"), (5, "5"), (10, "10"), (15, "15")]


@pytest.mark.parametrize(
    ("pack", "buckets", "window_bytes", "most_rows"),
    [
        (Pack.ROW, None, ROW_WINDOW_BYTES, 16_384),
        (Pack.GROUP, None, GROUP_WINDOW_BYTES, 1_048_576),
        (Pack.GROUP, 16, BUCKET_WINDOW_BYTES, 1_048_576),
        (Pack.GROUP, 1_000, GROUP_WINDOW_BYTES, 1_048_576),
    ],
)
@pytest.mark.parametrize("row_bytes", [10, 400, 20_000])
def test_windows_hold_about_as_many_bytes_as_they_should(
    pack: Pack, buckets: int | None, window_bytes: int, most_rows: int, row_bytes: int
) -> None:
    """Short rows make long windows, within bounds, and slices that fit into memory."""
    cuts = cuts_of(row_bytes, pack, buckets, None)
    assert cuts.window_rows == min(most_rows, window_bytes // row_bytes)
    assert cuts.slice_rows == min(cuts.window_rows, 131_072, SLICE_BYTES // row_bytes)
    chosen = cuts_of(row_bytes, pack, buckets, 77)
    assert (chosen.window_rows, chosen.slice_rows) == (77, 77)


@pytest.mark.parametrize(("shards", "slices"), [(1, 2), (2, 2), (3, 3), (16, 4)])
def test_some_slices_are_read_at_a_time(shards: int, slices: int) -> None:
    """A shard keeps few of the rows it reads, so it reads more of them at a time, up to a limit."""
    cuts = cuts_of(400, Pack.GROUP, 64, None, shards)
    assert cuts.read_rows == slices * (SLICE_BYTES // 400)
    assert cuts.slice_rows == cuts_of(400, Pack.GROUP, 64, None).slice_rows


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_rows_that_grow_make_shorter_windows(tmp_path: Path, suffix: str) -> None:
    """The longest rows decide, not the first: a window must not grow a hundredfold with its file."""
    path = tmp_path / f"x{suffix}"
    frame = pl.DataFrame({"place": ["x" * 20] * 10_000 + ["x" * 2_000] * 5_000})
    if suffix == ".csv":
        frame.write_csv(path)
    else:
        frame.write_parquet(path)
    (table,) = tables(find_files([str(path)]))
    cuts = cuts_of(table.row_bytes(("place",)), Pack.ROW, None, None)
    assert cuts.window_rows * 2_000 <= 1.5 * ROW_WINDOW_BYTES


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
    """Unneeded blocks with empty lines, quotes and bad records do not move later windows."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x.csv")
        path.write_text("\n".join(["place,b", *lines, "end,x"]))
        table = CsvTable(find_files([str(path)])[0], CsvSettings(), block_bytes)
        parsed = rows_of(slices_of([table], ("place",), 3))
        last = max(parsed)
        assert parsed[last][0][3][-1] == "end"
        wanted = slices_of([table], ("place",), 3, wanted=lambda window: window == last[0])
        assert rows_of(wanted) == {last: parsed[last]}
