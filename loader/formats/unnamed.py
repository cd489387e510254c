"""Columns of a frame as series without a name.

polars evaluates many methods of a series as an expression over a column with the series' name, and interprets
that name as a pattern (``^id$``) or a wildcard (``*``): the method then raises, or uses no column. Build
frames from dicts, never from lists of series: in a list, a series named "" gets another name.
"""

import polars as pl


def unnamed(frame: pl.DataFrame, name: str) -> pl.Series:
    """Return a column of a frame with the empty name, which is never a pattern."""
    return frame.get_column(name).alias("")
