"""Some rows of a file as they were read: their values, and which of them cannot be rows."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from loader.formats.bad_record import BadRecord


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows of a file.

    Attributes:
        frame: Their values; none where a row is bad or a value is at fault.
        bad: Those that cannot be rows, by position in the frame.
    """

    frame: pl.DataFrame = field(repr=False)
    bad: Sequence[BadRecord] = ()

    def part(self, start: int, rows: int) -> "Rows":
        """Return ``rows`` rows from ``start`` on; their positions count from there."""
        end = start + rows
        bad = [replace(each, index=each.index - start) for each in self.bad if start <= each.index < end]
        return Rows(self.frame.slice(start, rows), bad)
