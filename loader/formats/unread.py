"""Columns whose values cannot be read: known by name and type, but never interpreted as another type."""

import polars as pl


class Unread(pl.DataType):
    """The type of a column that cannot be used.

    Args:
        kind: A description of its values for users: ``values of the type INTERVAL``.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __str__(self) -> str:
        return self.kind

    def __repr__(self) -> str:
        return f"Unread({self.kind!r})"

    def __eq__(self, other: object) -> bool:  # type: ignore[override] # polars compares with classes too
        return isinstance(other, Unread) and other.kind == self.kind

    def __hash__(self) -> int:
        return hash(self.kind)
