"""Find the formats with which the timestamps of a column are written. Pure."""

from collections.abc import Collection, Sequence

import polars as pl

from loader.records.time_zones import UTC
from loader.records.timestamps import ISO_FORMAT, from_text

FORMATS = (
    "%d-%b-%y",
    "%d-%b-%Y",
    "%d %b %Y",
    "%d %B %Y",
    "%b %d, %Y",
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%m/%d/%y",
    "%d/%m/%y",
    "%d.%m.%Y",
    "%d.%m.%y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%Y%m%d",
    "%m/%d/%Y %H:%M",
    "%d/%m/%Y %H:%M",
    "%m/%d/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M:%S",
    "%m/%d/%Y %I:%M %p",
    "%m/%d/%Y %I:%M:%S %p",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y %H:%M:%S",
    "%d-%m-%Y %H:%M:%S",
    "%d-%b-%Y %H:%M:%S",
    "%Y/%m/%d %H:%M:%S",
    "%Y%m%d%H%M%S",
)
"""Formats that are tried for timestamps that are not ISO 8601, in the order of preference."""

FEWEST_DIGITS = 3
"""Digits of the shortest date (``1-Jan-24``). Texts with fewer digits are not tested as dates."""

MOST_FORMATS = 3
"""Maximum number of formats in a column."""


def fitting_formats(
    texts: pl.Series, counts: pl.Series, own: str, known: Collection[str]
) -> tuple[tuple[str, ...], tuple[str, ...], pl.Series]:
    """Return the formats that fit most texts, their rivals, and whether each text fits.

    A rival fits the same texts as a format that is returned. No format means ISO 8601.

    Args:
        texts: The different texts of a column.
        counts: Number of occurrences of each.
        own: Format of the system that wrote the extract; empty if it is unknown.
        known: Formats of other columns. These and ``own`` are preferred.
    """
    owned = (own,) if own else ()
    tried = sorted((*owned, *FORMATS), key=lambda each: each not in owned and each not in known)
    is_read = _read_by(texts, ())
    formats: list[str] = []
    rivals: tuple[str, ...] = ()
    may_be_dated = bool(texts.str.count_matches(r"[0-9]").ge(FEWEST_DIGITS).any())
    while may_be_dated and len(formats) < MOST_FORMATS and not is_read.all():
        fitting = {each: _read_by(texts, (each,)) & ~is_read for each in tried if each not in formats}
        weight = {each: int(counts.filter(rows).sum()) for each, rows in fitting.items()}
        best = max(weight, key=lambda each: weight[each])
        if not weight[best]:
            break
        same = tuple(each for each in weight if each != best and weight[each] == weight[best])
        rivals += tuple(each for each in same if (fitting[each] == fitting[best]).all())
        # If some texts are ISO 8601 (dates of a sheet), this format is kept for them.
        formats += [best] if formats or not is_read.any() else [ISO_FORMAT, best]
        is_read |= fitting[best]
    return tuple(formats), rivals, is_read


def _read_by(texts: pl.Series, formats: Sequence[str]) -> pl.Series:
    instants, problems = from_text(texts, formats, UTC)
    is_read = instants.seconds.is_not_null()
    for problem in problems:
        is_read &= ~problem.rows
    return is_read
