"""Columns of a frame by name, as series without one.

Polars evaluates many methods of a series as an expression over a column of the series' own name, and reads
that name as a pattern (``^id$``) or a wildcard (``*``): they raise, or answer for no column at all. Frames
are made of dicts, never of lists of series: in a list, a series named "" gets another name.
"""

import polars as pl


def unnamed(frame: pl.DataFrame, name: str) -> pl.Series:
    """Return a column of a frame under the empty name, which is never a pattern."""
    return frame.get_column(name).alias("")
