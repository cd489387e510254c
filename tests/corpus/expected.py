"""Forms of expected values, and the comparison of each with what the loader wrote.

Texts are compared exactly. Floating-point numbers are compared by the number that they read back as and by
their number of digits, durations by their length, JSON by its parts: docs/values.md promises these, not one
spelling.
"""

import json
import math
import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

DURATION = re.compile(
    r"(?P<sign>-?)P(?:(?P<days>\d+)D)?(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?"
    r"(?:(?P<seconds>\d+)(?:\.(?P<fraction>\d+))?S)?)?"
)

JSON_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")


class Digits(str):
    """A number of JSON, as its digits."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Float:
    """A floating-point number.

    Attributes:
        value: The number.
        bits: 16, 32 or 64: its width where it comes from.
    """

    value: float
    bits: int

    def is_written(self, text: str) -> bool:
        """Return whether a text reads back as this number, with no more digits than that needs."""
        if not JSON_NUMBER.fullmatch(text):
            return False
        read = float(text)
        if math.copysign(1, read) != math.copysign(1, self.value) or len(_digits(text)) > self._most_digits:
            return False
        return read == self.value or (self.bits < 64 and _rounded(read, self.bits) == self.value)

    @property
    def _most_digits(self) -> int:
        if self.bits == 64:
            return len(_digits(repr(self.value)))
        # A half is exact in 32 bits, and may be written as such a number.
        return next(digits for digits in range(1, 18) if _rounded(self._rounded_to(digits), 32) == self.value)

    def _rounded_to(self, digits: int) -> float:
        return float(f"{self.value:.{digits - 1}e}")


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of time.

    Attributes:
        nanoseconds: The length.
    """

    nanoseconds: int

    def is_written(self, text: str) -> bool:
        """Return whether an ISO 8601 text is this long."""
        match = DURATION.fullmatch(text)
        if match is None:
            return False
        units = {"days": 86_400, "hours": 3600, "minutes": 60, "seconds": 1}
        seconds = sum(int(match[unit] or 0) * length for unit, length in units.items())
        length = seconds * 10**9 + int((match["fraction"] or "").ljust(9, "0"))
        return (-length if match["sign"] else length) == self.nanoseconds


@dataclass(frozen=True, slots=True)
class OneOf:
    """A value that may be written in several ways.

    Attributes:
        forms: The ways.
    """

    forms: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Nested:
    """A list, struct or map: JSON in a text.

    Attributes:
        tree: Lists of items, tuples of (name, part) pairs, and leaves.
    """

    tree: Any


@dataclass(frozen=True, slots=True)
class Reject:
    """A value that no record may hold: its row is rejected.

    Attributes:
        why: A few words.
    """

    why: str


def rejects(value: Any) -> str | None:
    """Return why a value rejects its row, or None if it does not."""
    if isinstance(value, Reject):
        return value.why
    if isinstance(value, Nested):
        return rejects(value.tree)
    if isinstance(value, list):
        return next((why for part in value if (why := rejects(part))), None)
    if isinstance(value, tuple):
        return next((why for _, part in value if (why := rejects(part))), None)
    if isinstance(value, OneOf):
        return rejects(value.forms[0])
    return None


def is_written(value: Any, text: str | None) -> bool:
    """Return whether a record's text is what an expected value must become.

    Args:
        value: None for no value, a text, or one of the forms of this module.
        text: The text in the record, None where the record has none.
    """
    if isinstance(value, OneOf):
        return any(is_written(form, text) for form in value.forms)
    if value is None or text is None:
        return value is None and text is None
    if isinstance(value, Nested):
        try:
            read = json.loads(text, parse_int=Digits, parse_float=Digits, object_pairs_hook=tuple)
        except ValueError:
            return False
        return _same(value.tree, read)
    if isinstance(value, (Float, Duration)):
        return value.is_written(text)
    return isinstance(value, str) and str(value) == text


def _same(expected: Any, read: Any) -> bool:
    """Return whether a part of JSON is the expected one; numbers were read as Digits."""
    if isinstance(expected, OneOf):
        return any(_same(form, read) for form in expected.forms)
    if isinstance(expected, Nested):
        return _same(expected.tree, read)
    if isinstance(expected, (list, tuple)):
        return type(read) is type(expected) and _same_parts(expected, read)
    if isinstance(expected, (Float, Duration)):
        is_number, is_text = isinstance(read, Digits), isinstance(read, str)
        return is_text and is_number == isinstance(expected, Float) and expected.is_written(read)
    if isinstance(expected, str):
        return type(read) is type(expected) and str(read) == str(expected)
    return read is expected  # None, True, False


def _same_parts(expected: Sequence[Any], read: Sequence[Any]) -> bool:
    if len(expected) != len(read):
        return False
    if isinstance(expected, list):
        return all(_same(part, other) for part, other in zip(expected, read, strict=True))
    return all(
        name == other_name and _same(part, other)
        for (name, part), (other_name, other) in zip(expected, read, strict=True)
    )


def _digits(text: str) -> str:
    return re.sub(r"[eE].*", "", text).replace(".", "").lstrip("-0").rstrip("0")


def _rounded(number: float, bits: int) -> float:
    """Return the nearest floating-point number of a width."""
    form = {16: "<e", 32: "<f", 64: "<d"}[bits]
    try:
        return float(struct.unpack(form, struct.pack(form, number))[0])
    except OverflowError:
        return math.inf
