"""The codes of rejected rows: an extract that brings each about, and its line in the documentation."""

import datetime as dt
import json
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from io import BytesIO
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from loader.extract import open_extract
from loader.formats.ndjson.table import HEAD_BYTES
from loader.model import MAX_EVENT_BYTES, MAX_GROUP_CHARS
from loader.records.row_batch import MAX_VALUE_BYTES
from loader.reject_code import RejectCode
from loader.stage_settings.extract import extract_settings
from tests.formats.workbooks import raw_bytes, text_row

DOCUMENTATION = Path(__file__).parents[2] / "docs" / "values.md"

GOOD_ROWS = 3

RESERVATION = {
    "reservation_id": "R",
    "reservation_detail_id": "1",
    "quantity": "2.5",
    "reservation_date": "2024-01-01",
    "site_id": "S",
    "product_id": "P",
}

STOP = {"shipment_stop_id": "1", "shipment_id": "S", "sequence": "3"}
"""Of the dataset ``shipment_stop``, which has a column of whole numbers."""

OF_STOPS = {"event_type": "scn.data.shipmentstop"}


def csv(bad: str, good: Mapping[str, str] = RESERVATION) -> bytes:
    """Return a CSV file with a line after good ones."""
    lines = [",".join(good), *[",".join(good.values())] * GOOD_ROWS, bad]
    return "".join(f"{line}\n" for line in lines).encode("latin-1")


def cell(column: str, text: str, good: Mapping[str, str] = RESERVATION) -> bytes:
    """Return a CSV file whose last row has a text in a column."""
    return csv(",".join((dict(good) | {column: text}).values()), good)


def ndjson(bad: bytes, **cells: str) -> bytes:
    """Return an NDJSON file with a line after good ones, in which some values are others."""
    line = json.dumps(RESERVATION | cells).encode()
    return b"".join(each + b"\n" for each in [*[line] * GOOD_ROWS, bad])


def parquet(column: str, values: pl.Series, good: Mapping[str, str] = RESERVATION) -> bytes:
    """Return a Parquet file with the given values in one of its columns."""
    frame = pl.DataFrame({name: [text] * len(values) for name, text in good.items()})
    file = BytesIO()
    frame.with_columns(values.alias(column)).write_parquet(file)
    return file.getvalue()


def arrow(column: str, values: pa.Array) -> bytes:
    """Return a Parquet file with values that polars cannot make."""
    table = pl.DataFrame({name: [text] * len(values) for name, text in RESERVATION.items()}).to_arrow()
    file = BytesIO()
    pq.write_table(table.set_column(table.column_names.index(column), column, values), file)
    return file.getvalue()


def spark_2(column: str, day: int) -> bytes:
    """Return a Parquet file of Spark before 2.4.5, whose last row has a day since 1970."""
    table = pl.DataFrame({name: [text] * (GOOD_ROWS + 1) for name, text in RESERVATION.items()}).to_arrow()
    days = pa.array([0] * GOOD_ROWS + [day], pa.date32())
    table = table.set_column(table.column_names.index(column), column, days)
    file = BytesIO()
    pq.write_table(table.replace_schema_metadata({"org.apache.spark.sql.parquet.row.metadata": "{}"}), file)
    return file.getvalue()


def sheet(column: str, cell: str, tail: str = "") -> bytes:
    """Return a workbook whose last row has a cell, as XML, in a column."""
    good = "".join(text_row(row, *RESERVATION.values()) for row in range(2, 2 + GOOD_ROWS))
    cells = {name: f'<c t="inlineStr"><is><t>{text}</t></is></c>' for name, text in RESERVATION.items()}
    last = "".join((cells | {column: cell}).values())
    return raw_bytes(text_row(1, *RESERVATION) + good + f'<row r="{2 + GOOD_ROWS}">{last}</row>', tail=tail)


MERGED = '<mergeCells><mergeCell ref="F4:F5"/></mergeCells>'


def after_good(good: object, bad: object) -> pl.Series:
    return pl.Series([good] * GOOD_ROWS + [bad])


BERLIN = {"time_zone": "Europe/Berlin"}
UTF_8 = {"csv": {"encoding": "utf-8"}}
LATE = json.dumps(RESERVATION | {"colour": "red"}).encode()
MOMENT = dt.datetime(9999, 12, 31, 23, 59)  # noqa: DTZ001 - naive on purpose
DATES = pl.Series([0] * GOOD_ROWS + [3_000_000], dtype=pl.Int32).cast(pl.Date)

CASES: Sequence[tuple[RejectCode, str, bytes, Mapping[str, object]]] = [
    (RejectCode.WRONG_FIELD_COUNT, "short.csv", csv("R,1"), {}),
    (RejectCode.BROKEN_QUOTES, "quotes.csv", cell("product_id", '"P"x'), {}),
    (RejectCode.REPEATED_HEADER, "joined.csv", csv(",".join(RESERVATION)), {}),
    (RejectCode.BAD_ENCODING, "bytes.csv", cell("product_id", "\xff"), UTF_8),
    (RejectCode.BAD_ENCODING, "bytes.ndjson", ndjson(b'{"product_id": "\xff"}'), {}),
    (RejectCode.BAD_ENCODING, "surrogate.ndjson", ndjson(b'{"product_id": "\\ud800"}'), {}),
    (
        RejectCode.BAD_ENCODING,
        "bytes.parquet",
        parquet("product_id", after_good(b"P", b"\xff")),
        {"defaults": {"binary": "utf8"}},
    ),
    (RejectCode.NOT_AN_OBJECT, "list.ndjson", ndjson(b"[1]"), {}),
    (RejectCode.REPEATED_KEY, "twice.ndjson", ndjson(b'{"site_id": "S", "site_id": "T"}'), {}),
    (RejectCode.UNKNOWN_KEY, "late.ndjson", ndjson(LATE, product_id="P" * (HEAD_BYTES // GOOD_ROWS + 1)), {}),
    (
        RejectCode.NESTED_VALUE,
        "nested.ndjson",
        ndjson(b'{"product_id": %s1%s}' % (b"[" * 101, b"]" * 101)),
        {},
    ),
    (RejectCode.WRONG_FIELD_COUNT, "wide.xlsx", sheet("product_id", "<c/><c><v>1</v></c>"), {}),
    (RejectCode.NOT_A_TEXT, "number.xlsx", sheet("product_id", "<c><v>43</v></c>"), {}),
    (RejectCode.CELL_ERROR, "error.xlsx", sheet("quantity", '<c t="e"><v>#N/A</v></c>'), {}),
    (RejectCode.NO_FORMULA_VALUE, "formula.xlsx", sheet("quantity", "<c><f>1+1</f></c>"), {}),
    (RejectCode.MERGED_CELL, "merged.xlsx", sheet("product_id", "<c/>", MERGED), {}),
    (RejectCode.MISSING_VALUE, "missing.csv", cell("reservation_id", ""), {}),
    (RejectCode.MISSING_VALUE, "missing.ndjson", ndjson(b'{"reservation_id": null}'), {}),
    (RejectCode.MISSING_VALUE, "missing.parquet", parquet("reservation_id", after_good("R", None)), {}),
    (RejectCode.NOT_A_NUMBER, "word.csv", cell("quantity", "many"), {}),
    (RejectCode.NOT_A_NUMBER, "huge.csv", cell("quantity", "1e999"), {}),
    (
        RejectCode.NOT_A_NUMBER,
        "marks.csv",
        cell("quantity", '"1,5"'),
        {"mapping": {"quantity": {"column": "quantity", "thousands": ","}}},
    ),
    (RejectCode.NOT_A_WHOLE_NUMBER, "half.csv", cell("sequence", "1.5", STOP), OF_STOPS),
    (
        RejectCode.NOT_A_WHOLE_NUMBER,
        "half.parquet",
        parquet("sequence", after_good(1.0, 1.5), STOP),
        OF_STOPS,
    ),
    (RejectCode.DOES_NOT_FIT_64_BITS, "large.csv", cell("sequence", str(2**63), STOP), OF_STOPS),
    (
        RejectCode.DOES_NOT_FIT_64_BITS,
        "large.parquet",
        parquet("sequence", after_good(1.0, 2.0**63), STOP),
        OF_STOPS,
    ),
    (
        RejectCode.TOO_MANY_DIGITS,
        "digits.parquet",
        arrow("product_id", pa.array([Decimal(1)] * GOOD_ROWS + [Decimal(10**40)], pa.decimal256(50, 0))),
        {},
    ),
    (RejectCode.NOT_FINITE, "nan.parquet", parquet("quantity", after_good(1.5, float("nan"))), {}),
    (RejectCode.NOT_A_TIMESTAMP, "word.csv", cell("reservation_date", "soon"), {}),
    (
        RejectCode.NOT_A_TIMESTAMP,
        "format.csv",
        cell("reservation_date", "1/2/2024"),
        {"mapping": {"reservation_date": {"column": "reservation_date", "formats": ["%Y-%m-%d"]}}},
    ),
    (RejectCode.YEAR_OUT_OF_RANGE, "late.csv", cell("reservation_date", "9999-12-31T23:59-01:00"), {}),
    (RejectCode.YEAR_OUT_OF_RANGE, "date.parquet", parquet("reservation_date", DATES), {}),
    (RejectCode.UNKNOWN_CALENDAR, "old.parquet", spark_2("reservation_date", -200_000), {}),
    (
        RejectCode.TOO_FINE_A_TIME,
        "fine.csv",
        cell("reservation_date", "2024-01-31T00:00:00.0001Z"),
        {"timestamps": "epoch_ms"},
    ),
    (
        RejectCode.YEAR_OUT_OF_RANGE,
        "late.parquet",
        parquet("reservation_date", after_good(MOMENT.replace(year=2024), MOMENT)),
        {"time_zone": "America/New_York"},
    ),
    (
        RejectCode.NOT_A_TIME_OF_DAY,
        "time.parquet",
        arrow("product_id", pa.array([0, 1, 2, 86_400 * 10**6], pa.time64("us"))),
        {},
    ),
    (RejectCode.NO_SUCH_LOCAL_TIME, "never.csv", cell("reservation_date", "2024-03-31T02:30"), BERLIN),
    (RejectCode.AMBIGUOUS_LOCAL_TIME, "twice.csv", cell("reservation_date", "2024-10-27T02:30"), BERLIN),
    (
        RejectCode.EXPRESSION_FAILED,
        "column.csv",
        cell("quantity", "many"),
        {"mapping": {"quantity": {"expression": "CAST(quantity AS DOUBLE)"}}},
    ),
    (
        RejectCode.EXPRESSION_FAILED,
        "filter.csv",
        cell("quantity", "many"),
        {"filter": "CAST(quantity AS DOUBLE) > 0"},
    ),
    (RejectCode.NO_GROUP, "group.csv", cell("site_id", ""), {"group_by": "site_id"}),
    (
        RejectCode.GROUP_TOO_LONG,
        "group.csv",
        cell("site_id", "S" * (MAX_GROUP_CHARS + 1)),
        {"group_by": "site_id"},
    ),
    (
        RejectCode.VALUE_TOO_LONG,
        "text.parquet",
        parquet("product_id", after_good("P", "P" * (MAX_VALUE_BYTES + 1))),
        {},
    ),
    (RejectCode.RECORD_TOO_LONG, "record.csv", cell("product_id", "P" * MAX_EVENT_BYTES), {}),
]


@pytest.mark.parametrize(
    ("code", "name", "content", "settings"), CASES, ids=[f"{code} {name}" for code, name, *_ in CASES]
)
def test_each_fault_has_its_code(
    tmp_path: Path, job_of, *, code: RejectCode, name: str, content: bytes, settings: Mapping[str, object]
) -> None:
    """The row at fault is rejected with the code, and the good ones before it are records."""
    (tmp_path / name).write_bytes(content)
    settings = {"event_type": "scn.data.reservation", **settings}
    extract = open_extract(extract_settings(job_of(extract=[str(tmp_path / name)], **settings)))
    windows = [extract.records(window) for window in extract.slices()]
    assert [(row.row, row.code) for window in windows for row in window.rejected] == [(GOOD_ROWS, code)]
    assert sum(len(window.rows) for window in windows) == GOOD_ROWS


def test_no_code_is_without_a_fault_or_a_line_in_the_documentation() -> None:
    """Every code has a fault that causes it and a line in the documentation."""
    assert list(dict.fromkeys(code for code, *_ in CASES)) == list(RejectCode)
    section = DOCUMENTATION.read_text().partition("## Rejected rows\n")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == [code.value for code in RejectCode]
