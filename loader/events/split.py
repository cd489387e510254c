"""Divide a packed event into parts: their records, tokens and bytes.

Rules kept here:

1. A part depends only on the event and its range of records. So each run of a load makes the same parts, with
   the same tokens and bytes.
2. A part is a slice of the bytes of its event. A record is never parsed and written again.
3. The token of a part differs from that of its event and of other parts, because a token must have one
   content.
"""

import hashlib
import json
from collections.abc import Sequence
from itertools import accumulate

from loader.json_quoting import quote
from loader.model import Borders, Event, Part

RecordSpan = tuple[int, int]
"""Start and end of a record in the event's data, in bytes."""

_JSON_BLANKS = b" \t\n\r"

# The values of numbers are not needed, and the conversion to numbers has limits.
_SKIP = json.JSONDecoder(parse_int=len, parse_float=len).raw_decode


def whole(event: Event) -> Part:
    """Return the range of all records of an event."""
    return Part(0, len(event.rows))


def halves(part: Part) -> tuple[Part, Part]:
    """Return the two halves of a refused part with at least two records, in order."""
    count = part.count // 2
    return Part(part.first, count), Part(part.first + count, part.count - count)


def part_token(token: str, part: Part) -> str:
    """Return the clientToken of a part: 64 hex characters.

    Args:
        token: The token of the whole event.
        part: A range that is not the whole event.
    """
    return hashlib.sha256(
        b"scn-loader part 1:%b,%d,%d" % (token.encode(), part.first, part.count)
    ).hexdigest()


def part_event(event: Event, part: Part, data: bytes, places: Sequence[RecordSpan]) -> Event:
    """Return the event that sends a part of another one.

    Args:
        event: The planned event.
        part: A range of its records that is not the whole event.
        data: The payload, ``event.data``.
        places: Spans of its records.
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


def record_spans(data: bytes) -> list[RecordSpan]:
    """Return the spans of the records in an array, in order.

    Args:
        data: UTF-8 JSON: an array of objects.

    Raises:
        ValueError: The data is not an array of objects.
    """
    # One character per byte. The syntax of JSON is ASCII, so only the content of texts changes.
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
