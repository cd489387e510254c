"""Check that a timestamp format in strftime notation is unambiguous.

Rule kept here: literal words and digits of a format carry no meaning. So literals that would change the
moment are rejected: zones, offsets, AM and PM, digits.
"""

import re
from collections import Counter
from datetime import UTC, datetime

import polars as pl

from loader.strptime.directives import DIRECTIVES, pieces_of
from loader.strptime.reading import moments

MOMENTS = (
    datetime(2006, 11, 2, 15, 4, 5, 678_000, UTC),
    datetime(1999, 1, 31, 9, 30, 0, 0, UTC),
    datetime(1969, 12, 31, 12, 0, 59, 0, UTC),
)
"""Moments that are written and read back with a format. They distinguish noon, order, width and century."""

CLOCK_DIRECTIVES = frozenset("HIMSfp")

_CLOCK_WORDS = frozenset(
    re.findall(
        r"\S+",
        "t h m s hr hrs min mins sec secs hour hours minute minutes seconds o'clock clock uhr heure heures",
    )
)
"""Literal words that may appear next to the time of day: units of time."""

ZONE_WORDS = frozenset(
    re.findall(
        r"\S+",
        """
        z zulu utc gmt ut wet west cet cest mez mesz eet eest msk bst ist est edt cst cdt mst mdt pst pdt
        akst akdt hst ast adt nst ndt brt art clt sast wat cat eat pkt npt ict wib hkt sgt pht jst kst awst
        acst aest acdt aedt nzst nzdt local pm a.m p.m noon midnight vorm nachm
        """,
    )
)
"""Literal words that mean a zone or a half of the day. They are rejected anywhere in a format."""

_WORD = re.compile(r"[^\W\d_][^\W\d_'.]*")


def format_fault(text: str) -> str | None:
    """Return why ``text`` is not a usable timestamp format, or None.

    A format is usable if the text that it writes for a moment is read back as Python reads it.
    """
    directives = Counter(re.findall(r"%(.?)", text, re.DOTALL))
    unknown = set(directives) - set(DIRECTIVES)
    if unknown:
        return f"%{min(unknown)} is not one of the directives {' '.join(f'%{known}' for known in DIRECTIVES)}"
    twice = [known for known, count in directives.items() if count > 1 and known != "%"]
    if twice:
        return f"%{min(twice)} occurs more than once"
    if "%f" in text.replace(".%f", ""):
        return "%f must follow a point, as in %S.%f"
    if "%I" in text and "%p" not in text:
        return "%I needs %p to distinguish morning from evening"
    fault = _literal_fault(pieces_of(text))
    return fault or next((fault for moment in MOMENTS if (fault := _fault_at(moment, text))), None)


def _literal_fault(pieces: list[str]) -> str | None:
    """Return why a literal text of a format is rejected, or None."""
    behind_clock = False
    for piece in pieces:
        if piece.startswith("%"):
            behind_clock |= piece[1:] in CLOCK_DIRECTIVES
            continue
        words = (_word_fault(word.rstrip("."), behind_clock=behind_clock) for word in _WORD.findall(piece))
        if why := next(filter(None, words), None):
            return why
        if any(each.isdigit() and each != "0" for each in piece):
            return f"'{piece}' has digits that would not be read: write the directives for them"
        behind_clock |= "0" in piece
        if behind_clock and re.search("[+\\-\u2212]0", piece):
            return f"'{piece}' is an offset from UTC: use %z"
    return None


def _word_fault(word: str, *, behind_clock: bool) -> str | None:
    plain = word.lower()
    if plain in ("z", "zulu"):
        return f"{word} is a zone: use %z, or omit the format if the texts are ISO 8601"
    if plain in ZONE_WORDS or (behind_clock and plain not in _CLOCK_WORDS):
        return (
            f"'{word}' may be a zone or a half of the day, and would not be read: use %z for an offset, %p "
            "for AM and PM, or remove the word with an expression and set time_zone"
        )
    return None


def _fault_at(moment: datetime, text: str) -> str | None:
    written = moment.strftime(text)
    try:
        expected = datetime.strptime(written, text)  # noqa: DTZ007 - naive is what most formats are
        read = moments(pl.Series([written]), text).to_list()[0]
    except (ValueError, pl.exceptions.PolarsError):
        return "it cannot be read back"
    if expected.date() != moment.date():
        return "it does not contain a whole date"
    if read is None or _naive(read) != _naive(expected):
        return "it cannot be read back"
    return None


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
