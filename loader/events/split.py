"""Cut a packed event into parts: which records, with which token, in which bytes.

Rules kept here:

1. A part is a function of the event and its range of records alone, so every run of a load cuts the same
   parts with the same tokens and bytes.
2. The bytes of a record are never read into values and written again: a part is cut out of its event.
3. The token of a part is never that of its event or of another part: no token has two contents.
"""

import hashlib
import json
from collections.abc import Sequence
from itertools import accumulate

from loader.json_quoting import quote
from loader.model import Borders, Event, Part

RecordSpan = tuple[int, int]
"""Where a record begins in the event's data and where it ends, in bytes."""

_JSON_BLANKS = b" \t\n\r"

# The texts of numbers are of no interest, and turning them into numbers has limits of its own.
_SKIP = json.JSONDecoder(parse_int=len, parse_float=len).raw_decode


def whole(event: Event) -> Part:
    """Return the range of all records of an event."""
    return Part(0, len(event.rows))


def halves(part: Part) -> tuple[Part, Part]:
    """Return the two parts that a refused part of at least two records is cut into, in order."""
    count = part.count // 2
    return Part(part.first, count), Part(part.first + count, part.count - count)


def part_token(token: str, part: Part) -> str:
    """Return the clientToken of a part: 64 hex characters.

    Args:
        token: The token of the whole event.
        part: A range that is not the whole.
    """
    return hashlib.sha256(
        b"scn-loader part 1:%b,%d,%d" % (token.encode(), part.first, part.count)
    ).hexdigest()


def part_event(event: Event, part: Part, data: bytes, places: Sequence[RecordSpan]) -> Event:
    """Return the event that sends a part of another one.

    Args:
        event: The planned event.
        part: A range of its records that is not the whole.
        data: What it holds: ``event.data``.
        places: Positions of its records.
    """
    end = part.first + part.count
    data = data[places[part.first][0] : places[end - 1][1]]
    return Event(
        event.window,
        event.index,
        event.file_of(part.first),
        event.rows[part.first : end],
        event.group,
        part_token(event.token, part),
        event.timestamp,
        quote(data if part.count == 1 else b"[" + data + b"]"),
        borders=_borders(event, part),
    )


def _borders(event: Event, part: Part) -> Borders:
    counts = list(event.rows_by_file(part.first, part.first + part.count))
    starts = accumulate((count for _, count in counts), initial=0)
    return tuple(zip(starts, (file for file, _ in counts), strict=False)) if len(counts) > 1 else ()


def record_places(data: bytes) -> list[RecordSpan]:
    """Return the positions of the records in an array, in order.

    Args:
        data: UTF-8 JSON: an array of objects.

    Raises:
        ValueError: It is something else.
    """
    # One character per byte: all that JSON is built of is ASCII, so only texts look different.
    text = data.decode("latin-1")
    places: list[RecordSpan] = []
    at, before = _after_blanks(data, 0), b"["
    while data[at : at + 1] == before:
        begin = _after_blanks(data, at + 1)
        if data[begin : begin + 1] != b"{":
            raise ValueError("the data is not an array of objects")
        end = _SKIP(text, begin)[1]
        places.append((begin, end))
        at, before = _after_blanks(data, end), b","
    if not places or data[at:].strip(_JSON_BLANKS) != b"]":
        raise ValueError("the data is not an array of objects")
    return places


def _after_blanks(data: bytes, at: int) -> int:
    while data[at : at + 1] and data[at] in _JSON_BLANKS:
        at += 1
    return at
