"""Show a few rows of each table of an emulator's lake.

python sample_data/show_lake.py LAKE.sqlite
"""

import sqlite3
import sys
from contextlib import closing

from rich.console import Console
from rich.table import Table

ROWS = 4
WIDTH = 100
COLUMNS = {
    "inbound_order_line": "id, order_id, quantity_submitted, cost, shipping_cost, expected_delivery_date",
    "inv_level": "snapshot_date, site_id, product_id, on_hand_inventory, allocated_inventory",
}


def show(lake: sqlite3.Connection, table: str, columns: str) -> None:
    """Print the first rows of a table, and how many there are."""
    (count,) = lake.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608 - names written above
    rows = lake.execute(f"SELECT {columns} FROM {table} LIMIT {ROWS}").fetchall()  # noqa: S608 - the same
    shown = Table(*columns.split(", "), title=f"{table}: {count:,} rows", title_justify="left", box=None)
    for row in rows:
        shown.add_row(*("" if value is None else str(value) for value in row))
    Console(width=WIDTH, markup=False, emoji=False).print(shown)  # values are printed as they are


if __name__ == "__main__":
    with closing(sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)) as connection:
        for name, wanted in COLUMNS.items():
            show(connection, name, wanted)
