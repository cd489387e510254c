"""Some rows of a file as read: their values, and which of them cannot become rows."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from loader.formats.bad_record import BadRecord


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows of a file.

    Attributes:
        frame: Their values; empty for a bad row or a value with a fault.
        bad: Records that cannot become rows, by position in the frame.
    """

    frame: pl.DataFrame = field(repr=False)
    bad: Sequence[BadRecord] = ()

    def part(self, start: int, rows: int) -> "Rows":
        """Return ``rows`` rows from ``start`` on, with positions relative to ``start``."""
        end = start + rows
        bad = [replace(each, index=each.index - start) for each in self.bad if start <= each.index < end]
        return Rows(self.frame.slice(start, rows), bad)
