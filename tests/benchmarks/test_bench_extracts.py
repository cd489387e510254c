"""The generated extracts, and how peers read them."""

import time
from pathlib import Path

import polars as pl
import pytest

from benchmarks.ceilings import read_requests_per_second
from benchmarks.order_lines import order_lines, write
from benchmarks.peers.rows import Row, Rows


def _lines(rows: int, chunk_rows: int) -> pl.DataFrame:
    return pl.concat(order_lines(rows, chunk_rows))


def test_a_row_is_the_same_however_the_extract_is_cut() -> None:
    """Rows are a function of their position: chunks and length change nothing."""
    assert _lines(1000, 170).equals(_lines(2000, 2000).head(1000))


def test_rows_are_what_makes_loading_hard() -> None:
    """Unique keys, zeros in front, decimals, empty cells, and characters that JSON and CSV escape."""
    lines = _lines(5000, 5000)

    assert lines.width == 20
    assert lines["id"].n_unique() == 5000
    assert lines["product_id"].str.len_chars().unique().to_list() == [18]
    assert lines["product_id"].str.starts_with("0").all()
    assert lines.schema["list_price"] == pl.Decimal(18, 2)
    assert 0 < lines["actual_delivery_date"].null_count() < 5000
    assert lines["product_group_id"].str.contains('"', literal=True).any()
    assert lines["ship_to_site_address_city"].str.contains(",", literal=True).any()
    assert lines["ship_to_site_address_city"].str.contains("ü", literal=True).any()


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_files_hold_the_rows(tmp_path: Path, form: str) -> None:
    """A file has as many rows as were asked for, and appears only when it is whole."""
    path = tmp_path / f"lines.{form}"
    write(300, path)
    read = pl.read_parquet(path) if form == "parquet" else pl.read_csv(path, infer_schema=False)

    assert read.height == 300
    assert read["id"].to_list() == _lines(300, 300)["id"].to_list()
    assert list(tmp_path.iterdir()) == [path]


def test_rows_are_handed_out_again_and_again_until_the_time_is_over(tmp_path: Path) -> None:
    """Peers never run out of rows before their time, and get none after it."""
    path = tmp_path / "rows.jsonl"
    path.write_text('one\t{"id":"1"}\ntwo\t{"id":"2"}\n', encoding="utf-8")
    rows = Rows(path, seconds=0.05)

    one, two = Row("one", '{"id":"1"}'), Row("two", '{"id":"2"}')
    assert [rows.next() for _ in range(3)] == [one, two, one]
    time.sleep(0.06)
    assert rows.next() is None


def test_the_rate_is_read_from_what_wrk_prints() -> None:
    """The rate is found; a run with refused requests has none that can be used."""
    assert read_requests_per_second("Requests/sec:  34210.77\nTransfer/sec: 9MB\n") == 34210.77
    with pytest.raises(RuntimeError, match="told no rate"):
        read_requests_per_second("  Non-2xx or 3xx responses: 3\nRequests/sec: 10.0\n")
