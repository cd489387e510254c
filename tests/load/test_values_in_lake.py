"""Values through the whole load: what the emulator's lake holds is what the extract held."""

import calendar
import random
import sqlite3
import time
from contextlib import closing, suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from loader import read_job, run_load

INSTANCE = "8928ae12-15e5-4441-825d-ec2184f0a43a"
ROWS = 120
NASTY = [
    *(
        "",
        " ",
        "00042",
        "-0",
        "1e5",
        "null",
        "NaN",
        "\x00\x1f\x7f",
        "\u2028\u2029\ufeff",
        '"quoted"',
        "a\\b\n\tc",
    ),
    *("e\u0301 é", "😀👩‍👩‍👧", "\U0010ffff", "'; DROP TABLE x", "€" * 3000),
]


def rows(draw: random.Random) -> list[dict[str, Any]]:
    def letter() -> str:
        code = draw.choice([draw.randrange(0x80), draw.randrange(0xD800), draw.randrange(0xE000, 0x110000)])
        return chr(code)

    return [
        {
            "id": f"{row:05d}",
            "order_id": draw.choice([*NASTY, "".join(letter() for _ in range(20))]) or "empty",
            "order_type": draw.choice([None, *NASTY, "".join(letter() for _ in range(20))]),
            "tpartner_id": str(draw.randrange(2**63, 2**64)),
            "product_id": "P",
            "quantity_submitted": 1,
            "cost": draw.choice([None, Decimal(draw.randrange(-(10**30), 10**30)).scaleb(-12)]),
            "submitted_date": draw.choice([None, draw.randrange(-(10**18), 10**18)]),
        }
        for row in range(ROWS)
    ]


def in_lake(value: object) -> str | None:
    return None if value is None else f"{value:.12f}" if isinstance(value, Decimal) else str(value)


@pytest.fixture
def settings(emulator, environment, tmp_path: Path) -> dict[str, Any]:
    return {
        "event_type": "scn.data.inboundorderline",
        "instance_id": INSTANCE,
        "endpoint_url": emulator.url,
        "run_dir": tmp_path / "run",
        "group_by": ["id"],
        "pack": "group",
        "group_buckets": 7,
    }


def in_the_lake(lake_file: Path, columns: str, rows: int) -> list[tuple[Any, ...]]:
    """Return the order lines by id, once there are so many: the emulator stores a moment after it answers."""
    until = time.monotonic() + 60
    arrived: list[tuple[Any, ...]] = []
    while len(arrived) < rows and time.monotonic() < until:
        with closing(sqlite3.connect(lake_file)) as lake, suppress(sqlite3.OperationalError):  # no table yet
            arrived = lake.execute(f"SELECT {columns} FROM inbound_order_line ORDER BY id").fetchall()
        time.sleep(0.05)
    return arrived


def test_values_arrive_in_the_lake(settings, emulator, tmp_path: Path) -> None:
    """Zeros in front, 64-bit ids, 30 digits, nanoseconds, empty text and null, all of Unicode."""
    written = rows(random.Random(7))
    columns = {name: [row[name] for row in written] for name in written[0]}
    table = pa.table(
        columns
        | {
            "tpartner_id": pa.array([int(text) for text in columns["tpartner_id"]], pa.uint64()),
            "cost": pa.array(columns["cost"], pa.decimal128(38, 12)),
            "submitted_date": pa.array(columns["submitted_date"], pa.timestamp("ns", "Europe/Berlin")),
        }
    )
    pq.write_table(table, tmp_path / "x.parquet")
    summary = run_load(read_job(extract=[str(tmp_path / "x.parquet")], **settings))
    assert (summary.records, summary.rows_rejected, summary.events_failed) == (ROWS, 0, 0)
    names = ["id", "order_id", "order_type", "tpartner_id", "cost"]
    arrived = in_the_lake(emulator.lake, f"{', '.join(names)}, submitted_date", ROWS)
    assert [row[:-1] for row in arrived] == [tuple(in_lake(row[name]) for name in names) for row in written]
    for (*_, moment), row in zip(arrived, written, strict=True):
        assert (moment is None) == (row["submitted_date"] is None)
        if moment is not None:
            assert nanoseconds(moment) == row["submitted_date"]


def nanoseconds(moment: str) -> int:
    """Read a UTC text with the standard library, its fraction digit by digit."""
    whole, _, fraction = moment.removesuffix("Z").partition(".")
    return calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) * 10**9 + int(fraction.ljust(9, "0"))


def test_a_filtered_and_mapped_load_adds_up(settings, emulator, tmp_path: Path) -> None:
    """SQL, number marks and placeholders in a job file; left out, rejected and accepted rows are all rows."""
    (tmp_path / "x.csv").write_text(
        "plant;material;qty;status\nP1;007;1.234,50;OPEN\nP2;008;12,00-;OPEN\nP3;009;1,5;DELETED\nP4;010;1.5;OPEN\n"
        "P5;011;;\n"
    )
    (tmp_path / "job.toml").write_text(
        'extract = "x.csv"\nfilter = "status <> \'DELETED\'"\ncsv.separator = ";"\n'
        'defaults = { decimal = ",", thousands = ".", negative = "trailing" }\n'
        '[mapping]\nid = { expression = "plant || \'-\' || material" }\norder_id = "plant"\n'
        'product_id = "material"\nquantity_submitted = "qty"\n'
        '[mapping.tpartner_id]\ncolumn = "status"\nnull_words = "OPEN"\n'
        'placeholder = "SCN_RESERVED_NO_VALUE_PROVIDED"\n'
    )
    summary = run_load(read_job(tmp_path / "job.toml", **settings))
    assert (summary.rows_read, summary.rows_filtered, summary.rows_rejected, summary.records) == (5, 2, 1, 2)
    assert (summary.events_failed, summary.violations()) == (0, [])
    arrived = in_the_lake(emulator.lake, "id, product_id, quantity_submitted, tpartner_id", 2)
    assert arrived == [
        ("P1-007", "007", "1234.50", "SCN_RESERVED_NO_VALUE_PROVIDED"),
        ("P2-008", "008", "-12.00", "SCN_RESERVED_NO_VALUE_PROVIDED"),
    ]
