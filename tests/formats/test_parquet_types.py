"""What polars cannot take of a Parquet file: exact, or its row rejected, or refused by the column's name."""

import datetime as dt
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pyarrow as pa
import pytest

from loader.errors import ExtractError
from loader.extract import open_extract
from loader.formats.parquet.levels import BadLevels, count_equal, first_level, unpacked_start
from loader.formats.parquet.thrift import read_struct
from loader.reject_code import RejectCode
from loader.stage_settings.extract import extract_settings
from tests.formats.parquet_files import with_elements, written

CUSTOM = {
    "event_type": "scn.data.dataset",
    "dataset_arn": "arn:aws:scn:us-east-1:123456789012:instance/"
    "a1b2c3d4-5678-90ab-cdef-1234567890ab/namespaces/default/datasets/x",
    "operation": "APPEND",
    "group_by": "id",
}

UUID = "30313233-3435-3637-3839-616263646566"

INFINITY = 2**63 - 1
"""What DuckDB and PostgreSQL write for the timestamp infinity."""

Loaded = tuple[list[str | None], list[tuple[int, str, RejectCode]]]


def table_of(values: pa.Array, name: str = "v") -> pa.Table:
    """Return a table of a column and its rows' numbers."""
    return pa.table({"id": [f"r{row}" for row in range(len(values))], name: values})


def load(path: Path, content: bytes, job_of: Callable[..., Any], **settings: Any) -> Loaded:
    """Return the texts of column v, and the rows that were rejected."""
    path.write_bytes(content)
    extract = open_extract(extract_settings(job_of(extract=[str(path)], **CUSTOM, **settings)))
    windows = [extract.records(window) for window in extract.slices()]
    texts = [orjson.loads(data).get("v") for window in windows for data in window.data]
    rejected = [(bad.row, bad.column, bad.code) for window in windows for bad in window.rejected]
    return texts, rejected


YEAR = RejectCode.YEAR_OUT_OF_RANGE


@pytest.mark.parametrize(
    ("values", "texts", "rejected"),
    [
        (
            pa.array([0, INFINITY, -INFINITY, None], pa.timestamp("us")),
            ["1970-01-01T00:00:00Z", None],
            [1, 2],
        ),
        (pa.array([0, INFINITY], pa.timestamp("ms", "UTC")), ["1970-01-01T00:00:00Z"], [1]),
        (pa.array([0, 2**31 - 1], pa.date32()), ["1970-01-01T00:00:00Z"], [1]),
        (
            pa.array([[0], [0, 2**31 - 1], None, []], pa.list_(pa.date32())),
            ['["1970-01-01"]', None, "[]"],
            [1],
        ),
        (
            pa.array([{"a": 0}, {"a": INFINITY}, None], pa.struct([("a", pa.timestamp("us"))])),
            ['{"a":"1970-01-01T00:00:00"}', None],
            [1],
        ),
        (
            pa.array([[("k", 0)], [("k", 1), ("l", -INFINITY)]], pa.map_(pa.string(), pa.timestamp("ms"))),
            ['[{"key":"k","value":"1970-01-01T00:00:00"}]'],
            [1],
        ),
        (
            pa.array(
                [[[{"a": 5}]], [[], [{"a": INFINITY}]]],
                pa.list_(pa.list_(pa.struct([("a", pa.timestamp("us"))]))),
            ),
            ['[[{"a":"1970-01-01T00:00:00.000005"}]]'],
            [1],
        ),
    ],
)
def test_a_moment_beyond_the_years_rejects_its_row(
    tmp_path: Path, job_of, values: pa.Array, texts: Sequence[str | None], rejected: Sequence[int]
) -> None:
    found, bad = load(tmp_path / "x.parquet", written(table_of(values)), job_of)
    assert found == texts
    assert bad == [(row, "v", YEAR) for row in rejected]


def test_parts_of_a_group_keep_their_names(tmp_path: Path, job_of) -> None:
    """Polars gives a column another name if its name is empty."""
    names = ["", "column_0", "0", "count", "^a$", "*"]
    values = pa.array(
        [dict.fromkeys(names, 1), None], pa.struct([(name, pa.decimal128(5, 0)) for name in names])
    )
    path = tmp_path / "x.parquet"
    found, _ = load(path, written(table_of(values)), job_of)
    assert found == ["{" + ",".join(f'"{name}":1' for name in names) + "}", None]
    mapping = {"v": {"expression": 'v."^a$" + v."*"'}}
    sums, _ = load(path, written(table_of(values)), job_of, mapping=mapping)
    assert sums == ["2", None]


def test_the_filter_never_sees_a_value_out_of_range(tmp_path: Path, job_of) -> None:
    """Polars panics on the year of such a moment: its row is rejected before the filter is asked."""
    values = pa.array([0, INFINITY, 86_400_000_000 * 400], pa.timestamp("us"))
    content = written(table_of(values))
    found, bad = load(tmp_path / "x.parquet", content, job_of, filter="DATE_PART('year', v) > 1970")
    assert (found, bad) == (["1971-02-05T00:00:00Z"], [(1, "v", YEAR)])


def int96(*moments: tuple[int, int]) -> bytes:
    """Return a file of INT96 timestamps: days since 1970 and nanoseconds of the day."""
    raw = [
        nanoseconds.to_bytes(8, "little") + (days + 2_440_588).to_bytes(4, "little")
        for days, nanoseconds in moments
    ]
    content = written(table_of(pa.array([*raw, None], pa.binary(12))))

    def as_int96(elements: list[dict[int, Any]]) -> None:
        elements[2] |= {1: 3}
        del elements[2][2]

    return with_elements(content, as_int96)


LAST_DAY = (dt.date(9999, 12, 31) - dt.date(1970, 1, 1)).days
JULIAN_1970 = (2_440_588).to_bytes(4, "little")


def test_timestamps_of_96_bits_are_exact_in_every_year(tmp_path: Path, job_of) -> None:
    """Spark's 9999-12-31 is that day; polars reads it as 2262-04-11."""
    content = int96((0, 1), (1, 86_399 * 10**9))
    assert load(tmp_path / "near.parquet", content, job_of)[0] == [
        "1970-01-01T00:00:00.000000001Z",
        "1970-01-02T23:59:59Z",
        None,
    ]
    content = int96((LAST_DAY, 0), (-719_162, 1000), (LAST_DAY + 1, 0))
    assert load(tmp_path / "far.parquet", content, job_of) == (
        ["9999-12-31T00:00:00Z", "0001-01-01T00:00:00.000001Z", None],
        [(2, "v", YEAR)],
    )
    content = int96((LAST_DAY, 0), (0, 1), (0, 86_400 * 10**9))
    assert load(tmp_path / "mixed.parquet", content, job_of) == (
        ["1970-01-01T00:00:00.000000001Z", None],
        [(0, "v", YEAR), (2, "v", YEAR)],
    )


def test_timestamps_of_96_bits_in_lists_and_structs_are_exact_too(tmp_path: Path, job_of) -> None:
    """Each leaf is examined: one has days of all years, the other nanoseconds."""
    far, fine = bytes(8) + (LAST_DAY + 2_440_588).to_bytes(4, "little"), b"\1" + bytes(7) + JULIAN_1970
    part = pa.struct([("far", pa.binary(12)), ("fine", pa.binary(12))])
    values = pa.array([[{"far": far, "fine": fine}, None], [], None], pa.list_(part))

    def as_int96(elements: list[dict[int, Any]]) -> None:
        for leaf in elements[-2:]:
            leaf |= {1: 3}
            del leaf[2]

    found, rejected = load(tmp_path / "x.parquet", with_elements(written(table_of(values)), as_int96), job_of)
    inside = '{"far":"9999-12-31T00:00:00","fine":"1970-01-01T00:00:00.000000001"}'
    assert (found, rejected) == ([f"[{inside},null]", "[]", None], [])


def change(**fields: Any) -> Callable[[list[dict[int, Any]]], None]:
    """Return a change of the elements of column v; None takes a field away."""

    def changed(elements: list[dict[int, Any]]) -> None:
        for name, value in fields.items():
            number = int(name.removeprefix("field_"))
            elements[2].pop(number, None)
            if value is not None:
                elements[2][number] = value

    return changed


@pytest.mark.parametrize(
    ("values", "changed", "texts"),
    [
        (pa.array([1_719_889_445_000], pa.timestamp("ms")), {"10": None, "6": 9}, ["2024-07-02T03:04:05Z"]),
        (pa.array([Decimal("12.00")], pa.decimal128(9, 2)), {"10": None, "7": None}, ["1200"]),
        (pa.array([b"0123456789abcdef"]).cast(pa.binary(16)), {"10": {14: {}}}, [UUID]),
        (pa.array(['{"a": 1}']), {"6": None, "10": {12: {}}}, ['{"a": 1}']),
        (pa.array(["A"]), {"6": None, "10": {4: {}}}, ["A"]),
        (pa.array([Decimal(10**40)], pa.decimal256(50, 2)), {}, None),
        (pa.array([Decimal("1.50")], pa.decimal256(50, 2)), {}, ["1.50"]),
    ],
)  # fmt: skip
def test_types_that_polars_does_not_read_have_their_value(
    tmp_path: Path, job_of, values: pa.Array, changed: dict[str, Any], texts: list[str] | None
) -> None:
    content = with_elements(
        written(table_of(values)), change(**{f"field_{name}": value for name, value in changed.items()})
    )
    found, bad = load(tmp_path / "x.parquet", content, job_of, time_zone="Europe/Berlin")
    assert found == (texts or [])
    assert bool(bad) == (texts is None)


@pytest.mark.parametrize(
    ("values", "changed", "told"),
    [
        (pa.array([b"0123456789ab"]).cast(pa.binary(12)), {"6": 21}, "INTERVAL"),
        (pa.array([b"x"]), {"10": {16: {}}}, "VARIANT"),
        (pa.array([b"x"]), {"10": {99: {}}}, "unknown logical type"),
        (pa.array([b"x"]), {"10": {}}, "unknown logical type"),
        (pa.array([b"x"]), {"10": {17: {}}}, "bytes: set binary"),
    ],
)
def test_a_column_of_no_use_is_named_and_can_be_left_out(
    tmp_path: Path, job_of, values: pa.Array, changed: dict[str, Any], told: str
) -> None:
    """Its type is the reason, never damage; a load that does not use it goes on without it."""
    path = tmp_path / "x.parquet"
    path.write_bytes(
        with_elements(written(table_of(values)), change(**{f"field_{n}": v for n, v in changed.items()}))
    )
    with pytest.raises(ExtractError, match="'v' does not fit 'v'") as refused:
        open_extract(extract_settings(job_of(extract=[str(path)], **CUSTOM)))
    assert told in str(refused.value.why)
    if "binary" not in told:
        extract = open_extract(extract_settings(job_of(extract=[str(path)], ignore_unknown=True, **CUSTOM)))
        assert [data for window in extract.slices() for data in extract.records(window).data] == [
            b'{"id":"r0"}'
        ]
        assert any("'v'" in warning for warning in extract.warnings)


def test_bytes_that_are_not_utf_8_reject_their_row(tmp_path: Path, job_of) -> None:
    """A text column with bytes that are not UTF-8 was a damaged file."""
    content = with_elements(written(table_of(pa.array([b"a", b"\xff", "ü".encode()]))), change(field_6=0))
    found, bad = load(tmp_path / "x.parquet", content, job_of)
    assert (found, bad) == (["a", "ü"], [(1, "v", RejectCode.BAD_ENCODING)])


def test_zones_and_names_that_polars_does_not_know_stop_nothing(tmp_path: Path, job_of) -> None:
    """A zone is a note beside a moment in UTC; names of columns are never patterns."""
    table = pa.table(
        {
            "id": ["r0"],
            "v": pa.array([1_704_164_645_000], pa.timestamp("ms", "+05:30")),
            "^.*$": [1],
            "": [2],
            "*": [3],
            "count": [4],
        }
    )
    found, bad = load(tmp_path / "x.parquet", written(table), job_of, ignore_unknown=True)
    assert (found, bad) == (["2024-01-02T03:04:05Z"], [])


@pytest.mark.parametrize("count", [1, 3])
def test_a_page_that_lies_about_its_nulls_is_refused(tmp_path: Path, job_of, count: int) -> None:
    """Polars believes the number of nulls in a page of version 2, and moves values to other rows."""
    values = pa.array(["a", None, "b", "c", None, "d"])
    content = written(
        table_of(values),
        data_page_version="2.0",
        use_dictionary=False,
        compression="none",
        write_statistics=False,
    )
    assert load(tmp_path / "x.parquet", content, job_of)[0] == ["a", None, "b", "c", None, "d"]
    place = next(
        at
        for at in range(4, len(content))
        if _nulls_of_page_at(content, at) == 2  # of column v, not of id
    )
    header, _ = read_struct(content, place)
    true, lie = (bytes([0x5C, 0x15, 12, 0x15, 2 * number]) for number in (2, count))
    assert header[8][2] == 2
    assert true in content[place:]
    lying = content[:place] + content[place:].replace(true, lie, 1)
    with pytest.raises(ExtractError, match="cannot be read") as refused:
        load(tmp_path / "x.parquet", lying, job_of)
    assert "nulls" in str(refused.value.why)


def _nulls_of_page_at(content: bytes, place: int) -> int | None:
    try:
        header, _ = read_struct(content, place)
    except Exception:  # noqa: BLE001 - any byte may be tried
        return None
    about = header.get(8)
    return about.get(2) if header.get(1) == 3 and isinstance(about, dict) else None


def test_levels_are_counted_as_they_are_written() -> None:
    """Runs and bit-packed levels, of one and of more bits, are counted; too few levels are reported."""
    assert count_equal(bytes([6 << 1, 1]), 6, 1, 1) == 6
    assert count_equal(bytes([3, 0b0101_1101]), 6, 1, 1) == 4
    assert count_equal(bytes([3, 0b11_10_01_00, 0b11_11_00_01]), 8, 3, 3) == 3
    assert count_equal(bytes([3, 0b11_10_01_00, 0b11_11_00_01]), 8, 3, 0) == 2
    for levels in (b"", b"\x03", b"\x00\x00", b"\xff\xff\xff\xff\xff\xff\xff"):
        with pytest.raises(BadLevels):
            count_equal(levels, 6, 1, 1)


def test_a_decimal_of_many_digits_has_a_code_of_its_own(tmp_path: Path, job_of) -> None:
    """It is a number; what is wrong is its length."""
    content = written(table_of(pa.array([Decimal(10**40)], pa.decimal256(50, 0))))
    assert load(tmp_path / "x.parquet", content, job_of) == ([], [(0, "v", RejectCode.TOO_MANY_DIGITS)])


@pytest.mark.parametrize(("version", "codec"), [("1.0", "none"), ("2.0", "none"), ("2.0", "snappy")])
def test_a_list_that_begins_before_any_row_is_refused(
    tmp_path: Path, job_of, version: str, codec: str
) -> None:
    """Levels 1, 0, 1, 0 in place of 0, 1, 0, 1: polars would give the values to other rows."""
    values = pa.array([[1, 2], [3, 4]])
    content = written(table_of(values), data_page_version=version, use_dictionary=False, compression=codec)
    assert load(tmp_path / "x.parquet", content, job_of)[0] == ["[1,2]", "[3,4]"]
    levels, moved = bytes([3, 0b1010]), bytes([3, 0b0101])
    assert content.count(levels) == 1
    with pytest.raises(ExtractError, match="cannot be read") as refused:
        load(tmp_path / "x.parquet", content.replace(levels, moved), job_of)
    assert "column 'v' does not begin with a row" in str(refused.value.why)


@pytest.mark.parametrize(("codec", "number"), [("snappy", 1), ("gzip", 2), ("zstd", 6)])
def test_the_start_of_a_packed_page_is_what_was_packed(codec: str, number: int) -> None:
    """Literals of all lengths and overlapping copies are unpacked; a damaged page has no start."""
    texts = [b"", b"a", bytes(40), b"\x02\0\0\0\x03\x0a" * 30, bytes(range(256)) * 300, b"ab" + bytes(70_000)]
    for text in texts:
        packed = pa.Codec(codec).compress(text, asbytes=True)
        for wanted in (1, 6, 16, 64):
            start = unpacked_start(packed, number, wanted)
            assert start is not None
            assert len(start) >= min(wanted, len(text))
            assert text.startswith(start[: len(text)])
    assert unpacked_start(b"\x10\x01", number, 8) is None
    assert unpacked_start(b"abc", 4, 8) is None
    assert [first_level(bytes(levels), 3) for levels in ([3, 0b10], [4, 1])] == [2, 1]
    with pytest.raises(BadLevels):
        first_level(b"\x03", 1)


@pytest.mark.parametrize("encoding", ["BYTE_STREAM_SPLIT", "DELTA_BYTE_ARRAY"])
def test_an_encoding_that_polars_does_not_read_stops_its_column_only(
    tmp_path: Path, job_of, encoding: str
) -> None:
    """The column is refused by its name, and a load that does not use it copies its rejected rows."""
    path, copy = tmp_path / "x.parquet", tmp_path / "copy.parquet"
    table = table_of(pa.array([b"abcd"] * 3, pa.binary(4)))
    path.write_bytes(written(table, use_dictionary=False, column_encoding={"v": encoding}))
    with pytest.raises(ExtractError, match="'v' does not fit 'v'") as refused:
        open_extract(extract_settings(job_of(extract=[str(path)], **CUSTOM)))
    assert encoding in str(refused.value.why)
    extract = open_extract(extract_settings(job_of(extract=[str(path)], ignore_unknown=True, **CUSTOM)))
    assert [len(extract.records(window).data) for window in extract.slices()] == [3]
    extract.table(extract.files[0]).copy_rows(iter([1]), copy)
    assert pl.read_parquet(copy).rows() == [("r1",)]


def test_half_floats_are_read_in_every_encoding(tmp_path: Path, job_of) -> None:
    """Polars reads them where it reads no other values of two bytes; so their copies are read as floats."""
    path, copy = tmp_path / "x.parquet", tmp_path / "copy.parquet"
    table = table_of(pa.array([0.5, None, 1.5], pa.float16()))
    content = written(table, use_dictionary=False, column_encoding={"v": "BYTE_STREAM_SPLIT"})
    assert load(path, content, job_of)[0] == ["0.5", None, "1.5"]
    extract = open_extract(extract_settings(job_of(extract=[str(path)], **CUSTOM)))
    extract.table(extract.files[0]).copy_rows(iter([1, 2]), copy)
    assert load(copy, copy.read_bytes(), job_of)[0] == [None, "1.5"]
