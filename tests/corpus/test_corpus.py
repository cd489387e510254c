"""The corpus command finds what is wrong, and finds nothing where nothing is."""

import math
import subprocess
import sys
from datetime import date, time, timedelta
from decimal import Decimal
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.corpus.comparing import compare
from tests.corpus.expected import Digits, Duration, Float, Nested, OneOf, Reject, is_written
from tests.corpus.page import section_of, with_section
from tests.corpus.source import Row

TABLE = pa.table(
    {
        "whole": pa.array([1, None, -(2**63)], pa.int64()),
        "real": pa.array([0.1, 1e300, math.nan], pa.float64()),
        "narrow": pa.array([0.1, 3.4e38, -0.0], pa.float32()),
        "exact": pa.array([Decimal("0.00"), Decimal("12.30"), None], pa.decimal128(9, 2)),
        "local": pa.array([1704164645_600000, None, -1], pa.timestamp("us")),
        "utc": pa.array([1704164645_000, 0, 1], pa.timestamp("ms", "UTC")),
        "day": pa.array([date(2024, 2, 29), date(1, 1, 1), None], pa.date32()),
        "clock": pa.array([time(23, 59, 59, 450000), time(0), None], pa.time64("us")),
        "length": pa.array([timedelta(days=1, seconds=3), timedelta(seconds=-5), None], pa.duration("us")),
        "bytes": pa.array([b"\x00\xff", b"", None], pa.binary()),
        "list": pa.array([[1, None], [], None], pa.list_(pa.int64())),
        "parts": pa.array([{"a": 1.5, "b": "x"}, {"a": None, "b": None}, None]),
    }
)


def test_a_small_corpus_has_nothing_wrong(tmp_path: Path):
    """Seven files of ours are judged as they are, and the command ends with 0."""
    files = tmp_path / "files" / "ours"
    files.mkdir(parents=True)
    pq.write_table(TABLE, files / "types.parquet")
    day = pa.array([[1704164645_600000, None], [], None], pa.list_(pa.timestamp("us")))
    legacy = pa.table({"list": day, "flat": pa.array([-(62135596800 * 10**6)] * 3, pa.timestamp("us"))})
    pq.write_table(legacy, files / "legacy.parquet", use_deprecated_int96_timestamps=True)
    (files / "damaged.parquet").write_bytes(b"PAR1" + bytes(40) + b"PAR1")
    (files / "rows.csv").write_bytes(b'id;n\r\n"a;b";1\r\nc;2;3\r\n"d""";\r\n')
    (files / "twice.csv").write_bytes(b"a,a\n1,2\n")
    (files / "rows.ndjson").write_bytes(b'{"a": 1.50, "b": "x"}\n{"a": null}\nno\n')
    (files / "empty.csv").touch()

    verdicts = tmp_path / "verdicts.json"
    command = [sys.executable, "-m", "tests.corpus", str(tmp_path / "files"), "--verdicts", str(verdicts)]
    subprocess.run(command, check=True, capture_output=True)

    found = {verdict["file"]: verdict for verdict in orjson.loads(verdicts.read_bytes())}
    outcomes = {Path(file).name: verdict["outcome"] for file, verdict in found.items()}
    assert outcomes == {
        "damaged.parquet": "refused, read by none",
        "legacy.parquet": "loaded",
        "empty.csv": "no rows",
        "rows.csv": "loaded, rows rejected",
        "rows.ndjson": "loaded, rows rejected",
        "twice.csv": "loaded",
        "types.parquet": "loaded, rows rejected",  # NaN
    }
    assert found["ours/types.parquet"]["values"] == 2 * 2 * len(TABLE.column_names)
    assert not [verdict["differs"] for verdict in found.values() if verdict["differs"]]


ROWS = [Row(["1", "a"]), Row(["2", None]), Row(None, "broken"), Row(["4", Reject("too far")])]


def test_equal_records_are_counted():
    """Values that are equal are counted, and rows that must be rejected by reason."""
    found = compare(ROWS, [{"x": "1", "y": "a"}, {"x": "2"}], ["x", "y"])

    assert (found.values, found.unequal, found.unmatched) == (4, {}, "")
    assert found.rejected_for == {"broken": 1, "too far": 1}


def test_a_value_that_differs_is_found():
    """A value that differs is named with its column and row."""
    found = compare(ROWS, [{"x": "1", "y": "a"}, {"x": "2", "y": "z"}], ["x", "y"])

    assert found.unequal["y"][0] == 1
    assert "row 2" in found.unequal["y"][1]


def test_a_row_accepted_in_spite_of_a_value_is_found():
    """A row that must be rejected and is planned names the column."""
    records = [{"x": "1", "y": "a"}, {"x": "2"}, {"x": "3"}, {"x": "4", "y": "far"}]

    assert list(compare([*ROWS[:2], Row(["3", None]), ROWS[3]], records, ["x", "y"]).unequal) == ["y"]


def test_a_row_rejected_in_vain_is_counted():
    """A row that is rejected and could be read is counted."""
    found = compare(ROWS, [{"x": "2"}], ["x", "y"])

    assert (found.rejected_in_vain, found.unmatched) == (1, "")


def test_a_record_that_is_no_row_is_found():
    """A record without an equal row is shown."""
    found = compare(ROWS, [{"x": "1", "y": "a"}, {"x": "2"}, {"x": "4"}], ["x", "y"])

    assert "'4'" in found.unmatched


@pytest.mark.parametrize(
    ("value", "good", "bad"),
    [
        ("007", "007", "7"),
        (None, None, ""),
        (Float(0.1, 64), "0.1", "0.10000000000000001"),
        (Float(0.10000000149011612, 32), "0.1", "0.10000000149011612"),
        (Float(32.875, 16), "32.875", "32.875000001"),
        (Float(-0.0, 64), "-0.0", "0.0"),
        (Float(1e300, 64), "1e+300", "1e+299"),
        (Duration(-5_400 * 10**9), "-PT1H30M", "PT1H30M"),
        (Nested([Digits("1"), None]), "[1,null]", '["1",null]'),
        (Nested((("a", Digits("1.10")),)), '{"a":1.10}', '{"a":1.1}'),
        (Nested(()), "{}", "[]"),
        (OneOf(("x", Reject("y"))), "x", "y"),
    ],
)
def test_a_value_is_known_by_its_form(value: object, good: str | None, bad: str):
    """A form takes its text and not one close to it."""
    assert is_written(value, good)
    assert not is_written(value, bad)


def test_the_section_is_put_into_the_page_and_kept(tmp_path: Path):
    """A newer section takes the place of the older one, and can be read back."""
    page = tmp_path / "page.md"
    text = with_section("# A\n\nb\n\n## Limits\n\nc\n", "## Public files\n\none", "## Limits")
    page.write_text(with_section(text, "## Public files\n\ntwo", "## Limits"))

    assert section_of(page) == "## Public files\n\ntwo"
    assert page.read_text() == "# A\n\nb\n\n## Public files\n\ntwo\n\n## Limits\n\nc\n"
