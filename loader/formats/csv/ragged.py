"""Notes about rows whose number of fields differs from the header's, with the setting for each case."""

from collections.abc import Iterator

from loader.formats.csv.dialect import Dialect


def ragged_rows(path: str, dialect: Dialect) -> Iterator[str]:
    """Yield one sentence for each such case in the first rows of a file."""
    rows, syntax = dialect.rows, dialect.syntax
    if rows.short:
        yield f"Some of the first rows of {path} end before the last column: " + (
            "their missing fields are empty."
            if syntax.fills_short_rows
            else 'they are rejected (csv.short_rows = "fill" treats missing fields as empty).'
        )
    if rows.surplus:
        yield f"Some of the first rows of {path} have empty fields after the last column: " + (
            "these fields are dropped."
            if syntax.dropped_fields != 0
            else 'the rows are rejected (csv.surplus_fields = "drop" drops the fields).'
        )
    if rows.empty and syntax.skips_empty_rows:
        yield (
            f"Rows of {path} with separators only are left out and counted as filtered "
            '(csv.empty_rows = "reject" rejects them).'
        )
