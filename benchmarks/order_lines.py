"""Generated outbound order lines with 20 columns, as an ERP exports them; equal for equal numbers of rows.

python -m benchmarks.order_lines 1000000 order-lines.parquet

They have zero-padded ids, decimals, dates, timestamps, empty cells, umlauts, commas and quotes, like real
extracts.
"""

import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import polars as pl
from pyarrow import parquet

from benchmarks.extracts import extract
from benchmarks.folder import EVENT_TYPE, INSTANCE
from loader.extract import open_extract
from loader.job import Job
from loader.stage_settings.extract import extract_settings

CHUNK_ROWS = 262_144
"""Rows made at a time, and rows of a Parquet row group: what polars writes by default."""

MOST_JSON_ROWS = 100_000
"""Rows that peers get; they send them again and again for as long as they are measured."""

LINES_PER_ORDER = 7


def write(rows: int, path: Path) -> None:
    """Write an extract of so many rows, in the format that the file's name says."""
    part = path.with_name(f"{path.name}.part")
    {".parquet": _write_parquet, ".csv": _write_csv, ".jsonl": _write_json_lines}[path.suffix](rows, part)
    part.replace(path)


def _write_parquet(rows: int, path: Path) -> None:
    writer = None
    for chunk in order_lines(rows):
        table = chunk.to_arrow()
        writer = writer or parquet.ParquetWriter(path, table.schema, compression="zstd")
        writer.write_table(table, row_group_size=CHUNK_ROWS)
    if writer is not None:
        writer.close()


def _write_csv(rows: int, path: Path) -> None:
    with path.open("wb") as file:
        for number, chunk in enumerate(order_lines(rows)):
            chunk.write_csv(file, include_header=number == 0)


def _write_json_lines(rows: int, path: Path) -> None:
    job = Job(extract=(str(extract(rows)),), event_type=EVENT_TYPE, instance_id=INSTANCE)
    opened = open_extract(extract_settings(job))
    records = (
        (group, record)
        for window in map(opened.records, opened.slices())
        for group, record in zip(window.groups, window.data, strict=True)
    )
    with path.open("wb") as file:
        file.writelines(
            b"%b\t%b\n" % (group.encode(), record) for group, record in islice(records, MOST_JSON_ROWS)
        )


def order_lines(rows: int, chunk_rows: int = CHUNK_ROWS) -> Iterator[pl.DataFrame]:
    """Return the rows in pieces. Row i is the same in every extract, however it is cut.

    Args:
        rows: How many rows.
        chunk_rows: How many rows of them at a time.
    """
    for start in range(0, rows, chunk_rows):
        numbers = pl.DataFrame({"n": pl.int_range(start, min(start + chunk_rows, rows), eager=True)})
        yield numbers.select(_columns())


def _columns() -> list[pl.Expr]:
    n = pl.col("n")
    order = n // LINES_PER_ORDER
    ordered = pl.datetime(2026, 1, 1, 6, time_unit="ms", time_zone="UTC") + pl.duration(seconds=order * 41)
    quantity = _chance(1, 500_000)
    price = _chance(2, 10_000_000)
    return [
        pl.concat_str(_digits(order, 10), pl.lit("-"), _digits(n % LINES_PER_ORDER + 1, 5)).alias("id"),
        _digits(order, 10).alias("cust_order_id"),
        pl.lit("0100").alias("company_id"),
        ordered.alias("order_date"),
        _digits(_chance(3, 40_000) + 400_000, 18).alias("product_id"),
        _one_of(["VALVES", "PUMPS", "SEALS", "Rohre & Fittings", 'Pipe 3/4"', "HOSES"], 4).alias(
            "product_group_id"
        ),
        _digits(_chance(5, 9_000, of=order) + 100_000, 10).alias("customer_tpartner_id"),
        _one_of(["Open", "Shipped", "Closed", "Backordered"], 6).alias("status"),
        _decimal(quantity, 3).alias("init_quantity_requested"),
        _decimal(quantity - quantity % 10, 3).alias("final_quantity_requested"),
        _one_of(["EA", "PC", "KG", "M"], 7).alias("quantity_uom"),
        (ordered.dt.date() + pl.duration(days=_chance(8, 30) + 3)).alias("requested_delivery_date"),
        (ordered.dt.date() + pl.duration(days=_chance(9, 30) + 5)).alias("promised_delivery_date"),
        pl.when(_chance(10, 10) < 7)
        .then(ordered + pl.duration(hours=_chance(11, 900) + 30))
        .alias("actual_delivery_date"),
        _decimal(price + 1, 2).alias("list_price"),
        _decimal(price - price % 100 + 1, 2).alias("sold_price"),
        _one_of(["EUR", "USD", "GBP"], 12).alias("currency_uom"),
        _one_of(["0001", "0002", "0017", "DC-WEST"], 13).alias("ship_from_site_id"),
        _one_of(["Köln", "München", "Frankfurt, Main", "Zürich", "Saint-Étienne"], 14, of=order).alias(
            "ship_to_site_address_city"
        ),
        pl.lit("SAP-ECC-P01").alias("source"),
    ]


def _chance(salt: int, below: int, of: pl.Expr | None = None) -> pl.Expr:
    """Return a number below ``below`` that looks random and is a function of the row (or ``of``)."""
    # The multipliers of MurmurHash3 and of Knuth; what matters is only that neighbours differ widely.
    mixed = (pl.col("n") if of is None else of) * 2_654_435_761 + salt * 2_246_822_519
    return ((mixed % 4_294_967_296) // 7 * 40_503 % 2_147_483_647) % below


def _one_of(values: list[str], salt: int, of: pl.Expr | None = None) -> pl.Expr:
    return pl.lit(pl.Series(values)).gather(_chance(salt, len(values), of))


def _digits(number: pl.Expr, width: int) -> pl.Expr:
    return number.cast(pl.String).str.zfill(width)


def _decimal(units: pl.Expr, scale: int) -> pl.Expr:
    value: pl.Expr = units.cast(pl.Decimal(18, scale)) / 10**scale
    return value.cast(pl.Decimal(18, scale))


if __name__ == "__main__":
    write(int(sys.argv[1]), Path(sys.argv[2]))
