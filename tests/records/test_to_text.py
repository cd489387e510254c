"""Every type a Parquet file can hold: its text, or a clear refusal (docs/values.md)."""

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import orjson
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.extract import open_extract
from loader.records.to_text import decoded, plain_text
from loader.stage_settings.extract import extract_settings

NAIVE = dt.datetime(2024, 1, 2, 3, 4, 5, 600_000)  # noqa: DTZ001 - naive on purpose


def texts(values: Sequence[object], dtype: pl.DataType | type[pl.DataType]) -> list[str | None]:
    written, problems = plain_text(pl.Series(values, dtype=dtype))
    assert problems == []
    return written.to_list()


@pytest.mark.parametrize(
    ("value", "dtype", "text"),
    [
        ("  00ä\n", pl.String, "  00ä\n"),
        (True, pl.Boolean, "true"),
        (-128, pl.Int8, "-128"),
        (2**63 - 1, pl.Int64, "9223372036854775807"),
        (2**64 - 1, pl.UInt64, "18446744073709551615"),
        (2**127 - 1, pl.Int128, "170141183460469231731687303715884105727"),
        (0.1, pl.Float32, "0.1"),
        (1e300, pl.Float64, "1e+300"),
        (Decimal("0.00"), pl.Decimal(10, 2), "0.00"),
        (Decimal("-1E-30"), pl.Decimal(38, 30), "-0.000000000000000000000000000001"),
        (dt.date(2024, 2, 29), pl.Date, "2024-02-29"),
        (NAIVE, pl.Datetime("ms"), "2024-01-02T03:04:05.6"),
        (NAIVE, pl.Datetime("us"), "2024-01-02T03:04:05.6"),
        (1_704_164_645_600_000_001, pl.Datetime("ns", "UTC"), "2024-01-02T03:04:05.600000001Z"),
        (dt.time(0, 0, 0), pl.Time, "00:00:00"),
        (dt.time(10, 20, 30), pl.Time, "10:20:30"),
        (dt.time(23, 59, 59, 450_000), pl.Time, "23:59:59.45"),
        (1, pl.Time, "00:00:00.000000001"),
        (dt.timedelta(days=1, hours=2, seconds=3.5), pl.Duration("us"), "P1DT2H3.5S"),
        (-dt.timedelta(minutes=90), pl.Duration("ms"), "-PT1H30M"),
        (dt.timedelta(0), pl.Duration("ns"), "PT0S"),
        ("b", pl.Enum(["a", "b"]), "b"),
        ("b", pl.Categorical, "b"),
        ([1, None, 3], pl.List(pl.Int64), "[1,null,3]"),
        ([], pl.List(pl.String), "[]"),
        (['a"b', "ü\n"], pl.List(pl.String), '["a\\"b","ü\\n"]'),
        ([[1], [], None], pl.List(pl.List(pl.UInt8)), "[[1],[],null]"),
        ([1.5, 2.0], pl.Array(pl.Float64, 2), "[1.5,2.0]"),
        (
            {"a b": Decimal("1.10"), "d": dt.date(2024, 1, 2), "l": [True]},
            pl.Struct({"a b": pl.Decimal(10, 2), "d": pl.Date, "l": pl.List(pl.Boolean)}),
            '{"a b":1.10,"d":"2024-01-02","l":[true]}',
        ),
    ],
)
def test_every_type_has_its_text(value: object, dtype: pl.DataType, text: str) -> None:
    """A value beside nulls becomes this text, and the nulls stay null."""
    assert texts([None, value, None], dtype) == [None, text, None]


ROWS = st.lists(
    st.none()
    | st.fixed_dictionaries(
        {
            "text": st.none() | st.text(st.characters(codec="utf-8"), max_size=5),
            "numbers": st.none() | st.lists(st.none() | st.integers(-(2**63), 2**63 - 1), max_size=3),
            "inner": st.none() | st.fixed_dictionaries({"yes": st.none() | st.booleans()}),
            "list": st.lists(
                st.fixed_dictionaries({"x": st.none() | st.floats(allow_nan=False, allow_infinity=False)}),
                max_size=2,
            ),
        }
    ),
    max_size=5,
)
NESTED = pl.Struct(
    {
        "text": pl.String,
        "numbers": pl.List(pl.Int64),
        "inner": pl.Struct({"yes": pl.Boolean}),
        "list": pl.List(pl.Struct({"x": pl.Float64})),
    }
)


@given(rows=ROWS)
def test_lists_and_structs_are_json_that_reads_back(rows: list[dict[str, object] | None]) -> None:
    """Any nesting of nulls, texts, numbers and lists is the same again when the JSON is read."""
    written = texts(rows, NESTED)
    assert [None if text is None else orjson.loads(text) for text in written] == rows


@pytest.mark.parametrize("deep", [False, True])
def test_a_number_that_is_not_finite_rejects_its_row_however_deep(deep: bool) -> None:  # noqa: FBT001 - a case
    """NaN inside a list or a struct is not a null either."""
    values: list[object] = [[1.0], [2.0, float("nan")], [], None]
    dtype: pl.DataType = pl.List(pl.Float64)
    if deep:
        values, dtype = [{"l": value} for value in values], pl.Struct({"l": dtype})
    _, problems = plain_text(pl.Series(values, dtype=dtype))
    assert [problem.rows.to_list() for problem in problems] == [[False, True, False, False]]


def test_bytes_are_what_the_rule_says_they_are() -> None:
    """UTF-8 text, base64 or hexadecimal; bytes that are not text reject their rows under utf8 alone."""
    source = pl.Series([b"caf\xc3\xa9", b"\xff\x00", None, b""], dtype=pl.Binary)
    utf8, problems = decoded(source, "utf8")
    assert utf8.to_list() == ["café", None, None, ""]
    assert [problem.rows.to_list() for problem in problems] == [[False, True, False, False]]
    assert decoded(source[:1], "utf8")[0].to_list() == ["café"]
    assert decoded(source, "base64")[0].to_list() == ["Y2Fmw6k=", "/wA=", None, ""]
    assert decoded(source, "hex")[0].to_list() == ["636166c3a9", "ff00", None, ""]


def test_bytes_feed_texts_numbers_and_times(tmp_path: Path, job_of) -> None:
    """Writers that mark no text as text are read with one line in the job file."""
    path = tmp_path / "x.parquet"
    pl.DataFrame(
        {
            "id": [b"007", b"008", b"\xff"],
            "tpartner_id": [b"V", b"n/a", b"V"],
            "submitted_date": [b"2024-01-02", b"2024-01-02", None],
        }
    ).write_parquet(path)
    job = job_of(extract=[str(path)], defaults={"binary": "utf8", "null_words": "n/a"}, group_by="id")
    extract = open_extract(extract_settings(job))
    (records,) = (extract.records(window) for window in extract.slices())
    assert records.data == [b'{"id":"007","tpartner_id":"V","submitted_date":"2024-01-02T00:00:00Z"}']
    assert [(row.row, row.column, row.reason) for row in records.rejected] == [
        (1, "tpartner_id", "no value in a required column"),
        (2, "id", "bytes that are not UTF-8"),
    ]
