"""Read lines of NDJSON one by one: one object per line, with its values as the text in the file.

Rules kept here:

1. Numbers are never converted to a float or an int: ``1.10`` and a number of 40 digits stay unchanged.
2. An object or array becomes its JSON text: compact, with keys in order and numbers digit by digit.
3. ``null`` and a missing key have no value; an empty text is a text; true and false are these words.
4. A line that is not a JSON object by RFC 8259, or that repeats a key, is reported and never repaired.
"""

import json
from collections.abc import Sequence
from typing import Any

from loader import exact_json
from loader.formats.bad_record import RecordFault
from loader.reject_code import RejectCode

NO_OBJECT = RecordFault(RejectCode.NOT_AN_OBJECT, "not a JSON object")

KEY_TWICE = RecordFault(RejectCode.REPEATED_KEY, "a key that appears twice")

TOO_DEEP = f"nested more than {exact_json.MAX_DEPTH} levels deep"

NOT_UTF_8 = RecordFault(RejectCode.BAD_ENCODING, "bytes that are not UTF-8")

NOT_UNICODE = RecordFault(RejectCode.BAD_ENCODING, "half a surrogate pair, which is not a character")


def read_line(line: bytes, *, marks_fractions: bool = False) -> dict[str, Any] | RecordFault:
    """Return the object of a line, or the reason why it has none.

    Its values are str, bool, None, or a dict or list for an object or array.

    Args:
        line: The line.
        marks_fractions: Whether numbers with a point or exponent are ``exact_json.Digits``, which differ from
            texts.
    """
    try:
        value = (_MARKING_DECODER if marks_fractions else _DECODER).decode(line.decode())
        if b"\\u" in line:
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeDecodeError:
        return NOT_UTF_8
    except UnicodeEncodeError:
        return NOT_UNICODE
    except exact_json.KeyTwice:
        return KEY_TWICE
    except (ValueError, RecursionError):
        return NO_OBJECT
    return value if isinstance(value, dict) else NO_OBJECT


def with_json(line: bytes, columns: Sequence[str]) -> dict[str, Any] | RecordFault:
    """Return the object of a line that ``read_line`` accepted, with nested values of some keys as JSON text.

    Args:
        line: The line.
        columns: The keys.
    """
    row: dict[str, Any] = exact_json.read(line.decode())
    for name in columns:
        if isinstance(row.get(name), dict | list):
            try:
                row[name] = exact_json.written(row[name])
            except exact_json.TooDeep:
                return RecordFault(RejectCode.NESTED_VALUE, TOO_DEEP, name)
    return row


# The standard library's scanner returns the digits of numbers; orjson and polars convert them to floats.
def _decoder(number: type[str]) -> json.JSONDecoder:
    return json.JSONDecoder(
        object_pairs_hook=exact_json.members,
        parse_float=number,
        parse_int=str,
        parse_constant=exact_json.no_number,
    )


_DECODER, _MARKING_DECODER = _decoder(str), _decoder(exact_json.Digits)
