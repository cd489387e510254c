"""``--deadline``: a duration, or a time of day."""

import re
from datetime import datetime, timedelta

_UNIT_SECONDS = {"d": 86_400, "h": 3600, "m": 60, "min": 60, "s": 1}

_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:d|h|min|m|s))+", re.ASCII)
_PART = re.compile(r"(\d+(?:\.\d+)?)(d|h|min|m|s)", re.ASCII)
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)", re.ASCII)


def deadline_seconds(text: str, now: datetime) -> float:
    """Return the number of seconds until a deadline.

    Args:
        text: A duration such as ``6h`` or ``1h30m``, or a time such as ``06:00``, which means its next
            occurrence.
        now: The current time, with the time zone of ``text``.

    Raises:
        ValueError: The text is neither.
    """
    compact = text.replace(" ", "")
    if _DURATION.fullmatch(compact):
        return sum(float(number) * _UNIT_SECONDS[unit] for number, unit in _PART.findall(compact))
    clock = _CLOCK.fullmatch(compact)
    if clock is None:
        raise ValueError("give a duration such as 6h or 1h30m, or a time of day such as 06:00")
    then = now.replace(hour=int(clock[1]), minute=int(clock[2]), second=0, microsecond=0)
    if then <= now:
        then += timedelta(days=1)
    return (then - now).total_seconds()
