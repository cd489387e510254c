"""The real extract arrives whole and unchanged, judged by a reader that shares nothing with the loader's."""

import csv
import json
import re
import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from contextlib import closing
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from loader import read_job
from loader.datasets import dataset_by_name

SAMPLES = Path(__file__).parents[2] / "sample_data"
INSTANCE = "8928ae12-15e5-4441-825d-ec2184f0a43a"
ROWS = 10_324


def source_rows() -> list[dict[str, str]]:
    """Read the extract with the standard library: a byte-order mark, and lines that end with a lone CR."""
    text = (SAMPLES / "scms_delivery_history.csv").read_bytes().decode("utf-8-sig")
    return list(csv.DictReader(text.split("\r")))


def as_date(text: str, form: str) -> str | None:
    return datetime.strptime(text, form).strftime("%Y-%m-%dT00:00:00Z")  # noqa: DTZ007 - a date


def expected(row: dict[str, str]) -> dict[str, str | None]:
    """What the job file says about a row, written a second time."""
    asked, sent = row["PQ First Sent to Client Date"], row["PO Sent to Vendor Date"]
    freight = row["Freight Cost (USD)"]
    return {
        "id": row["ID"],
        "order_id": row["PO / SO #"],
        "tpartner_id": row["Vendor"],
        "product_id": row["Item Description"],
        "product_group_id": row["Product Group"],
        "supplier_product_id": row["Molecule/Test Type"],
        "order_type": row["Fulfill Via"],
        "from_site_id": row["Manufacturing Site"],
        "to_site_id": row["Country"],
        "quantity_submitted": row["Line Item Quantity"],
        "quantity_uom": "pack",
        "cost": row["Line Item Value"],
        "cost_uom": "USD",
        "reference_object_id": row["ASN/DN #"],
        "source": "SCMS",
        "requisition_number": None if row["PQ #"] == "Pre-PQ Process" else row["PQ #"],
        "incoterm": None if row["Vendor INCO Term"] == "N/A - From RDC" else row["Vendor INCO Term"],
        "shipping_cost": freight if re.fullmatch(r"[\d.]+", freight) else None,
        "line_creation_date": as_date(asked, "%m/%d/%y") if asked[0].isdigit() else None,
        "submitted_date": as_date(sent, "%m/%d/%y") if sent[0].isdigit() else None,
        "expected_delivery_date": as_date(row["Scheduled Delivery Date"], "%d-%b-%y"),
        "order_receive_date": as_date(row["Delivered to Client Date"], "%d-%b-%y"),
        "confirmation_date": as_date(row["Delivery Recorded Date"], "%d-%b-%y"),
    }


def test_every_row_of_the_real_extract_is_in_the_lake_with_equal_values(scn_loader, emulator, tmp_path):
    """10,324 rows in, 10,324 records in the lake, every value as it was, in order within each order."""
    summary_file = tmp_path / "summary.json"
    done = scn_loader(
        *("load", "--job", SAMPLES / "scms_inbound_order_lines.toml", "--instance-id", INSTANCE),
        *("--endpoint-url", emulator.url, "--run-dir", tmp_path / "run", "--summary-json", summary_file),
    )
    assert done.returncode == 0, done.stderr
    summary = json.loads(summary_file.read_bytes())
    assert (summary["rows_read"], summary["records"], summary["events_accepted"]) == (ROWS, ROWS, ROWS)
    assert summary["violations"] == []

    wanted = [expected(row) for row in source_rows()]
    assert len(wanted) == ROWS
    columns = ", ".join(wanted[0])
    emulator.flush()
    with closing(sqlite3.connect(emulator.lake)) as lake:
        stored = lake.execute(f"SELECT {columns} FROM inbound_order_line").fetchall()
        (other_columns,) = lake.execute(
            "SELECT count(*) FROM inbound_order_line WHERE company_id IS NOT NULL OR status IS NOT NULL"
        ).fetchone()
    assert set(stored) == {tuple(row.values()) for row in wanted}
    assert len(stored) == ROWS
    assert other_columns == 0
    with closing(sqlite3.connect(emulator.ledger)) as ledger:
        accepted = ledger.execute(
            "SELECT event_group, data_sha256 FROM attempts WHERE verdict = 'accepted' ORDER BY seq"
        ).fetchall()
    assert in_order_of_groups(accepted) == in_order_of_groups(
        (row["order_id"], data_sha256(row)) for row in wanted
    )


def data_sha256(row: dict[str, str | None]) -> str:
    """Hash what AWS's examples would send: columns with a value, in the dataset's order, as strings."""
    names = [column.name for column in dataset_by_name("inbound_order_line").columns]
    record = {name: row[name] for name in names if row.get(name) is not None}
    return sha256(json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()


def in_order_of_groups(pairs: Iterable[tuple[str | None, str]]) -> dict[str | None, list[str]]:
    groups = defaultdict(list)
    for group, content in pairs:
        groups[group].append(content)
    return dict(groups)


def test_the_job_file_of_the_real_extract_names_no_column_twice():
    """Each dataset column has one origin, and each source column it names is in the header."""
    job = read_job(SAMPLES / "scms_inbound_order_lines.toml", instance_id=INSTANCE)
    header = set(source_rows()[0])
    assert {rule.column for rule in job.mapping.values() if rule.column is not None} <= header
