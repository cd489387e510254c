"""JSON without loss: numbers keep their digits, and an object with a repeated key is an error."""

import json
from typing import Any, NoReturn

MAX_DEPTH = 100
"""Maximum nesting of objects and arrays that are written; each level costs stack frames."""


class Digits(str):
    """A number as spelled in the text."""

    __slots__ = ()


class KeyTwice(ValueError):
    """An object repeats a key, so one of the values would be lost."""


class TooDeep(ValueError):
    """A value is nested more than MAX_DEPTH levels deep."""


def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the members of an object.

    Raises:
        KeyTwice: The object repeats a key.
    """
    found = dict(pairs)
    if len(found) != len(pairs):
        raise KeyTwice
    return found


def no_number(name: str) -> NoReturn:
    """Reject NaN and Infinity, which are not JSON.

    Raises:
        ValueError: Always.
    """
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(
    object_pairs_hook=members, parse_float=Digits, parse_int=Digits, parse_constant=no_number
)


def read(text: str) -> Any:
    """Return the value of a JSON text; its numbers are ``Digits``.

    Raises:
        ValueError: The text is not JSON.
        KeyTwice: An object in it repeats a key.
        RecursionError: It is nested too deeply.
    """
    return _DECODER.decode(text)


def written(value: Any, depth: int = 0) -> str:
    """Return the JSON text of a value from ``read``: compact, keys in order, numbers digit by digit.

    Raises:
        TooDeep: It is nested too deeply.
    """
    if isinstance(value, Digits):
        return str(value)
    if isinstance(value, dict | list) and depth >= MAX_DEPTH:
        raise TooDeep
    if isinstance(value, dict):
        inside = [f"{_quoted(key)}:{written(each, depth + 1)}" for key, each in value.items()]
        return "{" + ",".join(inside) + "}"
    if isinstance(value, list):
        return "[" + ",".join([written(each, depth + 1) for each in value]) + "]"
    return _quoted(value)


def _quoted(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
