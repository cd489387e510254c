"""Write the small made-up extracts of this folder; the same bytes each time.

python sample_data/make_samples.py
"""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random

import polars as pl

HERE = Path(__file__).parent
CHANCE = Random(2026)  # noqa: S311 - sample data, not secrets
PRODUCTS = [f"{number:06d}" for number in range(10, 510, 10)]  # ids that lose their zeros as numbers
SITES = ["0001", "0002", "DC-WEST", "Überlingen"]


def inventory_levels() -> pl.DataFrame:
    """Snapshots with decimals, zoned timestamps and empty lots, as a warehouse exports them."""
    rows = [
        {
            "snapshot_date": datetime(2026, 9, 1, tzinfo=UTC) + timedelta(days=day),
            "site_id": site,
            "product_id": product,
            "company_id": "0100",
            "on_hand_inventory": Decimal(CHANCE.randrange(0, 5_000_000)).scaleb(-3),
            "allocated_inventory": Decimal(CHANCE.randrange(0, 100_000)).scaleb(-3)
            if CHANCE.random() < 0.7  # noqa: PLR2004 - some cells are empty
            else None,
            "quantity_uom": "EA",
            "inv_condition": "good",
            "lot_number": f"L{CHANCE.randrange(1000):04d}",
            "expiry_date": date(2027, 1, 1) + timedelta(days=CHANCE.randrange(700)),
        }
        for day in range(5)
        for site in SITES
        for product in PRODUCTS
    ]
    return pl.DataFrame(
        rows,
        schema_overrides={
            "on_hand_inventory": pl.Decimal(18, 3),
            "allocated_inventory": pl.Decimal(18, 3),
        },
    )


def outbound_order_lines() -> pl.DataFrame:
    """Customer orders with the dataset's own column names: no job file needed."""
    rows = []
    for order in range(120):
        ordered = datetime(2026, 8, 1, 8, tzinfo=UTC) + timedelta(minutes=37 * order)
        rows += [
            {
                "id": f"{order:05d}-{line}",
                "cust_order_id": f"{order:05d}",
                "product_id": CHANCE.choice(PRODUCTS),
                "order_date": ordered.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "customer_tpartner_id": f"C{order % 17:03d}",
                "status": CHANCE.choice(["open", "shipped", "closed"]),
                "final_quantity_requested": f"{CHANCE.randrange(1, 500)}",
                "quantity_uom": "EA",
                "promised_delivery_date": (ordered + timedelta(days=9)).strftime("%Y-%m-%d"),
                "sold_price": f"{CHANCE.randrange(100, 90_000) / 100:.2f}",
                "ship_from_site_id": CHANCE.choice(SITES),
            }
            for line in range(1, CHANCE.randrange(2, 5))
        ]
    return pl.DataFrame(rows)


def reservations() -> pl.DataFrame:
    """Reservations; three of the rows are wrong on purpose, to show what becomes of them."""
    rows = [
        {
            "reservation_id": f"R{number // 3:04d}",
            "reservation_detail_id": f"{number % 3 + 1}",
            "product_id": CHANCE.choice(PRODUCTS),
            "site_id": CHANCE.choice(SITES),
            "quantity": f"{CHANCE.randrange(1, 900)}.{CHANCE.randrange(10)}",
            "quantity_uom": "EA",
            "reservation_date": f"2026-09-{CHANCE.randrange(1, 31):02d}",
        }
        for number in range(150)
    ]
    rows[11]["quantity"] = "twelve"
    rows[50]["reservation_date"] = "2026-09-31"
    rows[101]["reservation_detail_id"] = ""
    return pl.DataFrame(rows)


def products() -> pl.DataFrame:
    """A product master for scn.data.dataset."""
    return pl.DataFrame(
        {
            "id": PRODUCTS,
            "description": [f"Sample product {number}" for number in range(len(PRODUCTS))],
            "product_group_id": [CHANCE.choice(["VALVES", "PUMPS", "SEALS"]) for _ in PRODUCTS],
        }
    )


if __name__ == "__main__":
    inventory_levels().write_parquet(HERE / "inventory_levels.parquet", row_group_size=250)
    outbound_order_lines().write_csv(HERE / "outbound_order_lines.csv")
    reservations().write_csv(HERE / "reservations.csv")
    products().write_csv(HERE / "products.csv")
