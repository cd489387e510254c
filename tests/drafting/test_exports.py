"""Exports as business systems write them: drafted, edited in a few lines, loaded.

The files hold public field names and values of our own. The drafts are golden files: SCN_TESTS_WRITE_GOLDEN=1
writes them again.
"""

import json
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from loader import run_load
from loader.errors import ExitCode
from loader.testing import EmulatedService, emulated_service

EXPORTS = Path(__file__).parent / "exports"
INSTANCE = "8928ae12-15e5-4441-825d-ec2184f0a43a"
DATASETS = f"arn:aws:scn:us-east-1:123456789012:instance/{INSTANCE}/namespaces/asc/datasets"

MOST_EDITS = 5
"""Lines of a draft that a user changes until the export loads."""


def dataset(name: str) -> tuple[str, ...]:
    """Flags for a dataset of the data model that has no event type of its own."""
    target = ("--dataset-arn", f"{DATASETS}/{name}", "--operation", "UPSERT")
    return ("--event-type", "scn.data.dataset", *target)


@dataclass(frozen=True, slots=True)
class Export:
    """An export and what is to become of it.

    Attributes:
        table: Dataset that the records arrive in.
        flags: Flags of ``init``.
        edits: Lines of the draft, by how they begin, and what the user writes instead.
        records: Records that arrive, among others: some of their values.
        arrive: How many arrive.
        rejected: Codes of the rejected rows.
    """

    table: str
    flags: tuple[str, ...]
    records: tuple[dict[str, str], ...]
    arrive: int
    edits: dict[str, str] = field(default_factory=dict)
    rejected: tuple[str, ...] = ()


def partner(kind: str) -> dict[str, str]:
    """The edits for a list of trading partners, which has no column for the period and kind of a partner."""
    return {
        "# NEEDED: tpartner_type": f'tpartner_type = {{ constant = "{kind}" }}',
        "# NEEDED: geo_id": 'geo_id = { constant = "SCN_RESERVED_NO_VALUE_PROVIDED" }',
        "# NEEDED: eff_start_date": 'eff_start_date = { constant = "1900-01-01" }',
        "# NEEDED: eff_end_date": 'eff_end_date = { constant = "9999-12-31" }',
    }


OUTBOUND = ("--event-type", "scn.data.outboundorderline")
INBOUND = ("--event-type", "scn.data.inboundorderline")

CASES = {
    "sap_sales.csv": Export(
        "outbound_order_line",
        OUTBOUND,
        (
            {
                "cust_order_id": "0000012345",
                "id": "000010",
                "product_id": "000000000000000043",
                "init_quantity_requested": "1200.000",
                "sold_price": "12.50",
                "requested_delivery_date": "2024-02-01T00:00:00Z",
            },
            {"cust_order_id": "0000012345", "id": "000020", "sold_price": "1099.00"},
            {"cust_order_id": "0000012347", "init_quantity_requested": "-3.500"},
            {"cust_order_id": "0000012349", "product_id": "Schraube; M6x20", "sold_price": "0.04"},
        ),
        arrive=5,
        rejected=("RepeatedHeader", "WrongFieldCount"),
    ),
    "sap_purchases.txt": Export(
        "inbound_order_line",
        (*INBOUND, "--csv-skip-rows", "4", "--csv-comment", "-"),
        (
            {
                "order_id": "4500000001",
                "id": "00010",
                "product_id": "M-100",
                "quantity_submitted": "1234.500",
            },
            {"order_id": "4500000002", "id": "00010", "quantity_submitted": "-500.000", "cost": "12.00"},
            {
                "order_id": "4500000002",
                "id": "00020",
                "product_id": "000043",
                "quantity_submitted": "15000.000",
            },
        ),
        arrive=5,
    ),
    "sap_deliveries.xls": Export(
        "outbound_shipment",
        ("--event-type", "scn.data.outboundshipment"),
        (
            {
                "id": "0080000001",
                "cust_order_id": "0000012345",
                "cust_order_line_id": "000010",
                "shipped_qty": "1200.000",
                "bill_weight": "1530.5",
                "actual_ship_date": "2024-01-30T00:00:00Z",
            },
            {"id": "0080000003", "product_id": "Schaltgerät", "shipped_qty": "-2.000"},
        ),
        arrive=4,
    ),
    "sap_materials.csv": Export(
        "product",
        dataset("product"),
        (
            {"id": "000000000000000043", "shipping_weight": "0.004", "creation_date": "2019-03-05T00:00:00Z"},
            {"id": "000000000000000044", "gtin": "04006381333948", "unit_volume": "0.900"},
            {"id": "000000000000000045", "description": 'Kabel, "rot"', "shipping_weight": "-0.080"},
        ),
        arrive=4,
    ),
    "sap_vendors.txt": Export(
        "trading_partner",
        dataset("trading_partner"),
        (
            {
                "id": "0000700003",
                "address_1": "12, rue du Port",
                "postal_code": "01000",
                "tpartner_type": "Vendor",
            },
        ),
        arrive=3,
        edits=partner("Vendor"),
    ),
    "sap_customers.csv": Export(
        "trading_partner",
        (*dataset("trading_partner"), "--csv-skip-rows", "2"),
        (
            {"id": "0000100201", "description": "Bäckerei Çelik", "city": "Köln"},
            {"id": "0000100202", "description": "Two\nlines Ltd", "postal_code": "EH6 6QH"},
        ),
        arrive=3,
        edits=partner("Customer"),
    ),
    "jde_sales.csv": Export(
        "outbound_order_line",
        OUTBOUND,
        (
            {
                "cust_order_id": "204501",
                "id": "1000",
                "product_id": "000043",
                "ship_from_site_id": "M30",
                "init_quantity_requested": "120.00",
                "sold_price": "125.0000",
                "order_date": "2024-01-15T00:00:00Z",
            },
            {
                "cust_order_id": "204502",
                "init_quantity_requested": "-1.00",
                "order_date": "2024-12-31T00:00:00Z",
            },
            {"cust_order_id": "204503", "order_date": "1999-12-31T00:00:00Z", "sold_price": "4.5000"},
        ),
        arrive=4,
        edits={
            name: f'{name} {{ expression = "CAST({field} AS DECIMAL(15)) * {scale}" }}'
            for name, field, scale in [
                ("init_quantity_requested =", "SDUORG", 0.01),
                ("sold_price =", "SDUPRC", 0.0001),
            ]
        },
        rejected=("MissingValue",),
    ),
    "jde_items.txt": Export(
        "product",
        (*dataset("product"), "--csv-skip-rows", "3"),
        (
            {"id": "000043", "description": "Hex nut M6", "gtin": "0614141000036"},
            {"id": "000044", "description": 'Bracket "L"'},
        ),
        arrive=4,
        rejected=("RepeatedHeader",),
    ),
    "ebs_sales.lst": Export(
        "outbound_order_line",
        (*OUTBOUND, "--csv-skip-rows", "2"),
        (
            {"cust_order_id": "90210", "id": "7001001", "requested_delivery_date": "2024-01-31T00:00:00Z"},
            {"cust_order_id": "90211", "init_quantity_requested": "1000000", "sold_price": ".25"},
        ),
        arrive=4,
        rejected=("RepeatedHeader", "WrongFieldCount"),
    ),
    "ebs_purchases.csv": Export(
        "inbound_order_line",
        INBOUND,
        (
            {"order_id": "110011", "id": "220001", "product_id": "149", "quantity_submitted": "1200"},
            {
                "order_id": "110011",
                "id": "220002",
                "cost": "1099",
                "line_creation_date": "2024-01-05T09:12:44Z",
            },
        ),
        arrive=2,
        rejected=("MissingValue", "MissingValue"),
    ),
    "dynamics_purchases.csv": Export(
        "inbound_order_line",
        INBOUND,
        (
            {"order_id": "000123", "id": "1", "cost": "12.50", "confirmation_date": "2024-02-05T00:00:00Z"},
            {
                "order_id": "000123",
                "id": "2",
                "product_id": "000043",
                "cost": "1099.00",
                "company_id": "usmf",
            },
        ),
        arrive=3,
        rejected=("MissingValue",),
    ),
    "netsuite_purchases.csv": Export(
        "inbound_order_line",
        INBOUND,
        (
            {"order_id": "PO10045", "id": "1", "quantity_submitted": "1200.00", "tpartner_id": "V-1001"},
            {
                "order_id": "PO10045",
                "id": "2",
                "product_id": "000043",
                "submitted_date": "2024-01-15T00:00:00Z",
            },
            {"order_id": "PO10045", "id": "1", "expected_delivery_date": "2024-02-01T00:00:00Z"},
        ),
        arrive=3,
        rejected=("MissingValue", "MissingValue"),
    ),
}

WITHOUT = {
    "sap_sales.csv": ("0000012346", "requested_delivery_date"),
    "sap_purchases.txt": ("4500000001", "expected_delivery_date"),
    "sap_deliveries.xls": ("0080000003", "actual_ship_date"),
    "dynamics_purchases.csv": ("000124", "confirmation_date"),
}
"""Documents that have no date of a kind, which their systems write as zeros or as 1900-01-01."""


@pytest.fixture
def service() -> Any:
    with emulated_service() as running:
        yield running


def drafted(ask: Any, name: str) -> str:
    """Let ``init`` look at a copy of an export in the current folder, and return the draft."""
    shutil.copy(EXPORTS / name, name)
    answer = ask("init", name, *CASES[name].flags, "-o", "job.toml")
    assert answer.code == ExitCode.DELIVERED, answer.err
    return Path("job.toml").read_text().replace(f"{Path.cwd()}/", "")


@pytest.mark.parametrize("name", CASES)
def test_an_export_is_drafted_edited_in_a_few_lines_and_loaded(
    ask: Any, service: EmulatedService, name: str
) -> None:
    """The draft is the golden one; with its edits every row arrives, or is rejected for a known reason."""
    case = CASES[name]
    draft = drafted(ask, name)
    golden = EXPORTS / f"{name}.toml"
    if os.environ.get("SCN_TESTS_WRITE_GOLDEN"):
        golden.write_text(draft)
    assert draft == golden.read_text()
    lines = draft.splitlines()
    assert len(case.edits) <= MOST_EDITS
    for beginning, line in case.edits.items():
        (place,) = (number for number, old in enumerate(lines) if old.startswith(beginning))
        lines[place] = line
    Path("edited.toml").write_text("\n".join(lines))
    summary = run_load(service.job("edited.toml", run_dir="run"))
    records = service.records(case.table)
    assert len(records) == case.arrive == summary.records
    for expected in case.records:
        assert any(expected.items() <= record.items() for record in records), (expected, records)
    if case.rejected:
        reasons = map(json.loads, Path("run/rejected/reasons.jsonl").read_text().splitlines())
        assert sorted(reason["code"] for reason in reasons) == list(case.rejected)
    assert summary.rows_read == case.arrive + len(case.rejected)
    if name in WITHOUT:
        document, column = WITHOUT[name]
        of_document = [record for record in records if document in record.values()]
        assert any(column not in record for record in of_document)


def test_every_guess_has_its_reason() -> None:
    """What is guessed by name says why, in every golden draft."""
    guessed = [
        line
        for path in EXPORTS.glob("*.toml")
        for line in path.read_text().splitlines()
        if "# guess: name" in line
    ]
    assert len(guessed) > len(CASES)
    assert all(line.endswith(")") for line in guessed)
