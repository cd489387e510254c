"""What another reader says of a file: its columns and its rows, as the forms that records must hold."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a file.

    Attributes:
        values: The form of each column's value, or None if the row cannot be read.
        why: Why it must be rejected; empty if it must not. A row that has values too may be accepted with
            these.
    """

    values: Sequence[Any] | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """A file as another reader reads it.

    Attributes:
        reader: The reader.
        names: The columns' names, in file order.
        count: Number of rows.
        column: Returns the forms of a column's values, by its position and the type of the dataset's column;
            raises NoForm.
    """

    reader: str
    names: tuple[str, ...]
    count: int
    column: Callable[[int, str], Sequence[Any]]


class Unreadable(Exception):
    """No other reader can read the file."""
