"""Timestamp formats in strftime notation: may this one be relied on?"""

import re
from datetime import UTC, datetime

import polars as pl

from loader.records.timestamps import DIRECTIVES, from_text

MOMENTS = (
    datetime(2006, 11, 2, 15, 4, 5, 678_000, UTC),
    datetime(1999, 1, 31, 9, 30, 0, 0, UTC),
)
"""Written in a format and read back by both; hours, days and months tell noon, order and width."""


def format_fault(text: str) -> str | None:
    """Return why ``text`` is no timestamp format that can be relied on, or None.

    A format is good if what it writes for a moment is read back as Python reads it.
    """
    unknown = set(re.findall(r"%(.?)", text)) - set(DIRECTIVES)
    if unknown:
        return f"%{min(unknown)} is not among the directives {' '.join(f'%{known}' for known in DIRECTIVES)}"
    if "%f" in text.replace(".%f", ""):
        return "%f must follow a point, as in %S.%f"
    if "%I" in text and "%p" not in text:
        return "%I needs %p to tell morning from evening"
    if text.endswith("Z"):
        return "Z at the end is a zone: write %z, or leave the format out if the texts are ISO 8601"
    return next((fault for moment in MOMENTS if (fault := _fault_at(moment, text))), None)


def _fault_at(moment: datetime, text: str) -> str | None:
    written = moment.strftime(text)
    try:
        expected = datetime.strptime(written, text)  # noqa: DTZ007 - naive is what most formats are
        instants, problems = from_text(pl.Series([written]), [text], "UTC")
    except (ValueError, pl.exceptions.PolarsError):
        return "it cannot be read back"
    if expected.date() != moment.date():
        return "it does not name a whole date"
    if problems or instants.iso_8601()[0] != _iso_text(expected):
        return "it cannot be read back"
    return None


def _iso_text(moment: datetime) -> str:
    digits = f".{moment.microsecond:06d}".rstrip("0") if moment.microsecond else ""
    moment = moment.astimezone(UTC) if moment.tzinfo else moment
    return f"{moment:%Y-%m-%dT%H:%M:%S}{digits}Z"
