"""Read lines of NDJSON one by one: one object a line, its values as the text that stands in the file.

Rules kept here:

1. Numbers never pass through a float or an int: ``1.10`` and a number of 40 digits stay what they are.
2. ``null`` and a missing key hold no value; an empty text is a text; true and false are these words.
3. A line that is no JSON object by RFC 8259, or that names a key twice, is told and never repaired.
"""

import json
from typing import Any, NoReturn

from loader.formats.bad_record import RecordFault
from loader.reject_code import RejectCode

NO_OBJECT = RecordFault(RejectCode.NOT_AN_OBJECT, "it is not a JSON object")

KEY_TWICE = RecordFault(RejectCode.REPEATED_KEY, "it names a key twice")

NOT_UTF_8 = RecordFault(RejectCode.BAD_ENCODING, "it holds bytes that are not UTF-8")

NOT_UNICODE = RecordFault(RejectCode.BAD_ENCODING, "it holds half a surrogate pair, which is no character")


class _KeyTwice(ValueError):
    """An object names a key twice: one of the values would be lost."""


def read_line(line: bytes) -> dict[str, Any] | RecordFault:
    """Return the object of a line, or why there is none.

    Its values are str, bool, None, or a dict or list where an object or array stands.
    """
    try:
        value = _DECODER.decode(line.decode())
        if b"\\u" in line:
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeDecodeError:
        return NOT_UTF_8
    except UnicodeEncodeError:
        return NOT_UNICODE
    except _KeyTwice:
        return KEY_TWICE
    except (ValueError, RecursionError):
        return NO_OBJECT
    return value if isinstance(value, dict) else NO_OBJECT


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _KeyTwice
    return members


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"JSON knows no {name}")


# The standard library's scanner hands over the digits of numbers; orjson and polars make floats of them.
_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=str, parse_int=str, parse_constant=_no_number
)
