"""Values arrive as they were: whatever another writer put into a file, the records hold it.

The files are written by pyarrow and the ``csv`` module, and the expected texts are made with the standard
library: nothing here is shared with the loader.
"""

import csv
import datetime as dt
import math
import struct
import tempfile
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loader.events.plan import SliceRecords
from loader.extract import open_extract
from loader.stage_settings.extract import extract_settings

TEXTS = st.text(st.characters(codec="utf-8"), max_size=30) | st.sampled_from(
    [
        "",
        " ",
        "00042",
        "-0",
        "1e5",
        "NULL",
        "null",
        "NaN",
        "\x00",
        "\u2028",
        "\ufeff",
        "é",
        "e\u0301",
        "😀",
        "a" * 5000,
    ]
)
FIRST, LAST = dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31, 23, 59, 59, 999_999)  # noqa: DTZ001 - naive
NS_RANGE = (-(2**63) + 1, 2**63 - 1)
EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - naive


def iso(ticks: int, digits: int) -> str:
    """Write ticks of a Parquet timestamp as ISO 8601, without trailing zeros."""
    seconds, rest = divmod(ticks, 10**digits)
    moment = (EPOCH + dt.timedelta(seconds=seconds)).isoformat()
    fraction = f"{rest:0{digits}d}".rstrip("0")
    return f"{moment}.{fraction}Z" if fraction else f"{moment}Z"


def ticks(digits: int) -> "st.SearchStrategy[int]":
    scale = 10**digits
    low, high = ((moment - EPOCH) // dt.timedelta(seconds=1) * scale for moment in (FIRST, LAST))
    return st.integers(max(low, NS_RANGE[0]), min(high, NS_RANGE[1]))


def same_double(text: str, value: float) -> bool:
    return struct.pack("d", float(text)) == struct.pack("d", value)


def same_float(text: str, value: float) -> bool:
    return struct.pack("f", float(text)) == struct.pack("f", value)


def decimals(scale: int) -> "st.SearchStrategy[Decimal]":
    return st.integers(-(10**37), 10**37).map(lambda unscaled: Decimal(unscaled).scaleb(-scale))


def exactly(text_of: Callable[[Any], str]) -> Callable[[str, Any], bool]:
    return lambda text, value: text == text_of(value)


COLUMNS: dict[str, tuple[pa.DataType, Any, Callable[[str, Any], bool]]] = {
    "text": (pa.string(), TEXTS, exactly(str)),
    "large_text": (pa.large_string(), TEXTS, exactly(str)),
    "category": (pa.dictionary(pa.int32(), pa.string()), TEXTS, exactly(str)),
    "int8": (pa.int8(), st.integers(-(2**7), 2**7 - 1), exactly(str)),
    "int64": (pa.int64(), st.integers(-(2**63), 2**63 - 1), exactly(str)),
    "uint64": (pa.uint64(), st.integers(0, 2**63 - 1), exactly(str)),
    "float32": (pa.float32(), st.floats(width=32, allow_nan=False, allow_infinity=False), same_float),
    "float64": (pa.float64(), st.floats(allow_nan=False, allow_infinity=False), same_double),
    **{
        f"decimal{scale}": (pa.decimal128(38, scale), decimals(scale), exactly(f"{{:.{scale}f}}".format))
        for scale in (0, 2, 9, 37)
    },
    "flag": (pa.bool_(), st.booleans(), exactly(lambda value: "true" if value else "false")),
    "day": (pa.date32(), st.dates(), exactly(lambda value: f"{value.isoformat()}T00:00:00Z")),
    **{
        f"at_{unit}_{place}": (pa.timestamp(unit, zone), ticks(digits), exactly(partial(iso, digits=digits)))
        for unit, digits in (("ms", 3), ("us", 6), ("ns", 9))
        for place, zone in (("nowhere", None), ("utc", "UTC"), ("india", "Asia/Kolkata"))
    },
    "clock": (
        pa.time64("us"),
        st.times(),
        exactly(lambda value: value.isoformat().rstrip("0") if value.microsecond else value.isoformat()),
    ),
}


def records_of(path: Path, job_of: Any, **more: Any) -> list[SliceRecords]:
    arn = f"arn:aws:scn:eu-west-1:123456789012:instance/{job_of().instance_id}/namespaces/own/datasets/any"
    common = {"event_type": "scn.data.dataset", "dataset_arn": arn, "operation": "APPEND"}
    extract = open_extract(extract_settings(job_of(**common, extract=[str(path)], group_by="row", **more)))
    return [extract.records(window) for window in extract.slices()]


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_every_parquet_value_arrives(job_of, data: st.DataObject) -> None:
    """Every type, at every resolution, with nulls between: the record says what the file said."""
    names = data.draw(st.lists(st.sampled_from(sorted(COLUMNS)), min_size=1, max_size=4, unique=True))
    rows = data.draw(st.integers(1, 6))
    columns = {}
    for name in names:
        dtype, values, _ = COLUMNS[name]
        drawn = data.draw(st.lists(st.none() | values, min_size=rows, max_size=rows))
        columns[name] = (
            pa.array(drawn, pa.int64()).cast(dtype)
            if pa.types.is_timestamp(dtype)
            else pa.array(drawn, dtype)
        )
        columns[name + "_was"] = drawn
    table = pa.table({"row": [str(row) for row in range(rows)]} | {name: columns[name] for name in names})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.parquet"
        pq.write_table(table, path)
        (window,) = records_of(path, job_of)
    assert window.rejected == []
    for row, record in enumerate(map(orjson.loads, window.data)):
        assert record.pop("row") == str(row)
        for name in names:
            was, text = columns[name + "_was"][row], record.pop(name, None)
            assert (text is None) == (was is None)
            assert was is None or COLUMNS[name][2](text, was)
        assert record == {}


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_numbers_that_are_none_reject_their_row_alone(tmp_path: Path, job_of, number: float) -> None:
    """NaN and the infinities cannot be in a record, and are not nulls either."""
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"row": ["a", "b", "c"], "x": [1.5, number, None]}), path)
    (window,) = records_of(path, job_of)
    assert window.data == [b'{"row":"a","x":"1.5"}', b'{"row":"c"}']
    assert [(row.row, row.column) for row in window.rejected] == [(1, "x")]


NUMBERS = st.decimals(-(10**20), 10**20, places=6).map("{:f}".format) | st.floats(
    allow_nan=False, allow_infinity=False
).map(repr)
TIMES = st.tuples(
    st.datetimes(FIRST + dt.timedelta(days=2), LAST - dt.timedelta(days=2)),
    st.text(st.sampled_from("0123456789"), min_size=1, max_size=9),
    st.integers(-14 * 60, 14 * 60),
)


@settings(max_examples=25, deadline=None)
@given(
    rows=st.lists(st.tuples(TEXTS, NUMBERS, st.integers(-(2**63), 2**63 - 1), TIMES), min_size=1, max_size=5),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    line_end=st.sampled_from(["\n", "\r\n"]),
)
def test_every_csv_value_arrives(job_of, rows: list[tuple[Any, ...]], quoting: Any, line_end: str) -> None:
    """Text is the same text, numbers keep their digits, times their instant; an empty field has no value."""
    if any("\r" in text for text, *_ in rows):
        quoting = csv.QUOTE_ALL  # the module writes a lone CR bare among LF lines, past reading back
    cells = []
    for text, number, whole, (moment, fraction, offset) in rows:
        sign, minutes = "-" if offset < 0 else "+", abs(offset)
        zone = f"{sign}{minutes // 60:02d}:{minutes % 60:02d}"
        time = f"{moment.replace(microsecond=0).isoformat()}.{fraction}{zone}"
        cells.append((text, number, str(whole), time))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.csv"
        with path.open("w", encoding="utf-8", newline="") as handle:
            writer = csv.writer(handle, quoting=quoting, lineterminator=line_end)
            writer.writerow(["row", "text", "number", "whole", "time"])
            writer.writerows([str(row), *fields] for row, fields in enumerate(cells))
        mapping = {"time": {"column": "time", "time_zone": "UTC"}}
        windows = records_of(path, job_of, mapping=mapping)
    records = [orjson.loads(data) for window in windows for data in window.data]
    assert [row for window in windows for row in window.rejected] == []
    for record, (text, number, whole, _), (_, _, _, (moment, fraction, offset)) in zip(
        records, cells, rows, strict=True
    ):
        assert record.get("text") == (text or None)
        assert (record["number"], record["whole"]) == (number, whole)
        utc = moment.replace(microsecond=0) - dt.timedelta(minutes=offset)
        digits = fraction.rstrip("0")
        assert record["time"] == utc.isoformat() + (f".{digits}Z" if digits else "Z")
