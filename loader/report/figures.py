"""Numbers as short text (counts, rates, shares, sizes, durations), and other text without control characters.

Rules kept here:

1. A figure never overstates: a share below 100 % is never "100 %", and one above 0 is never "0 %".
2. Figures are ASCII on one line: they fit a log file, a pipe and any terminal.
"""

import math
from datetime import UTC, datetime

_MINUTE = 60
_HOUR = 3600
_DAY = 86_400
_KIB = 1024

_WHOLE_FROM = 100
"""Rates from this value on are shown without a decimal."""

_WHOLE_SECONDS_FROM = 10
"""Durations from this value on are shown without a decimal."""

_STEPS = ((_MINUTE, 5), (10 * _MINUTE, 30), (_HOUR, _MINUTE), (2 * _DAY, 10 * _MINUTE), (math.inf, _DAY))
"""Estimates up to (seconds) are shown in steps of (seconds)."""

_WIDE = 10
"""If the high end of the time left is this many times the low end, the estimate is only "more than"."""


def count(number: int) -> str:
    """Return ``1204113`` as ``1,204,113``."""
    return f"{number:,}"


def counted(number: int, noun: str) -> str:
    """Return ``1 row``, ``2 rows``: the number with its noun."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def of_unknown(rows: int) -> str:
    """Return a note on filtered rows whose filter value is missing; empty without such rows."""
    return f" ({count(rows)} of them because a value that the filter reads is missing)" if rows else ""


def rate(per_second: float) -> str:
    """Return a rate such as ``37.5`` or ``15,230``."""
    return f"{per_second:,.0f}" if per_second >= _WHOLE_FROM else f"{per_second:,.1f}"


def percent(part: float, whole: float) -> str:
    """Return the share of ``part`` in ``whole``, rounded down to one decimal."""
    if part <= 0 or whole <= 0:
        return "0 %"
    if part >= whole:
        return "100 %"
    tenths = math.floor(part / whole * 1000)
    return f"{min(tenths, 999) / 10:.1f} %" if tenths else "<0.1 %"


def size(number_of_bytes: int) -> str:
    """Return bytes as ``12 MiB``."""
    value = float(number_of_bytes)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < _KIB:
            return f"{value:,.0f} {unit}"
        value /= _KIB
    return f"{value:,.0f} TiB"


def duration(seconds: float) -> str:
    """Return seconds as ``0.8 s``, ``42 s``, ``3 min 12 s``, ``2 h 05 min`` or ``3 d 4 h``."""
    if round(seconds, 1) < _WHOLE_SECONDS_FROM:
        return f"{max(seconds, 0.0):.1f} s"
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE:02} s"
    if whole < _DAY:
        return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE:02} min"
    return f"{whole // _DAY:,} d {whole % _DAY // _HOUR} h"


def time_left(low_seconds: float, high_seconds: float) -> str:
    """Return a range of seconds as text, rounded to the precision of an estimate.

    Args:
        low_seconds: The optimistic end.
        high_seconds: The pessimistic end.
    """
    low, high = _coarse(low_seconds), _coarse(high_seconds)
    if low == high:
        return f"about {low} left"
    if high_seconds > _WIDE * low_seconds:
        return f"more than {low} left"
    return f"{low} to {high} left"


def _coarse(seconds: float) -> str:
    step = next(step for limit, step in _STEPS if seconds <= limit)
    rounded = max(math.ceil(seconds / step), 1) * step
    if rounded < _MINUTE:
        return f"{rounded} s"
    if rounded > 2 * _DAY:
        return f"{rounded // _DAY:,} d"
    if rounded < _HOUR:
        return _two_units(rounded, _MINUTE, "min", 1, "s")
    return _two_units(rounded, _HOUR, "h", _MINUTE, "min")


def _two_units(seconds: int, large: int, large_name: str, small: int, small_name: str) -> str:
    rest = seconds % large // small
    return f"{seconds // large} {large_name}" + (f" {rest} {small_name}" if rest else "")


def printable(text: str, max_chars: int | None = None) -> str:
    r"""Return ``text`` on one line, clipped, without characters that control a terminal.

    Line ends, escape sequences and text-direction marks in a path or in a message of the service become
    visible forms such as ``\x1b``. Foreign text therefore cannot move a cursor or imitate a line of ours.
    """
    if max_chars is not None and len(text) > max_chars:
        text = text[: max_chars - 3] + "..."
    if text.isascii() and text.isprintable():
        return text
    return "".join(_visible(character) for character in text)


def _visible(character: str) -> str:
    # isprintable() is false for controls, line separators, direction marks and lone surrogates.
    if character.isprintable():
        return character
    return character.encode("unicode_escape").decode("ascii")


def moment(at: float) -> str:
    """Return epoch seconds as ``2026-11-27 05:49:43 UTC``."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} UTC"
