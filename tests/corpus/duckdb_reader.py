"""What DuckDB says of a file."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb


@contextmanager
def _connected() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("SET enable_progress_bar = false")
        yield connection


def duckdb_table(path: Path) -> Any:
    """Return a Parquet file as an Arrow table.

    Raises:
        duckdb.Error: DuckDB cannot read it.
    """
    with _connected() as connection:
        return connection.read_parquet(str(path), hive_partitioning=False).to_arrow_table()


def duckdb_reads(path: Path) -> bool:
    """Return whether DuckDB, left to its guesses, finds a row in a CSV file."""
    try:
        with _connected() as connection:
            return bool(connection.read_csv(str(path), all_varchar=True).fetchall())
    except (duckdb.Error, UnicodeDecodeError):
        return False
