"""The type of a leaf column's values, and the type as which polars reads them.

Rules kept here:

1. polars gets physical types. It gets annotations only if it reads every value exactly (decimals up to 38
   digits, 16-bit floats). ``leaf_values`` converts all other values and checks each.
2. A logical type has priority over the legacy converted type. A timestamp with only the latter is UTC, as
   defined by the format.
3. A column of an unknown type is unread; the rest of the file stays readable.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import polars as pl

from loader.formats.parquet.arrow_schema import ArrowType
from loader.formats.parquet.leaf_values import (
    Checked,
    Int96Values,
    as_dates,
    as_decimals,
    as_durations,
    as_far_microseconds,
    as_far_timestamps,
    as_integers,
    as_nothing,
    as_seconds,
    as_texts,
    as_they_are,
    as_times,
    as_timestamps,
    as_uuids,
    as_wide_integers,
    int96_parts,
    ticks_of_day,
)
from loader.formats.parquet.schema import BYTE_ARRAY, FIXED, INT32, INT64, INT96, PHYSICAL_NAMES, Node
from loader.formats.parquet.thrift import Struct
from loader.formats.parquet.thrift_writer import Field
from loader.formats.spark_calendar import (
    Ancient,
    Calendar,
    gregorian_days,
    gregorian_int96,
    gregorian_ticks,
)
from loader.row_issues import RowIssue

DECIMAL, DATE, TIME, TIMESTAMP, INTEGER, UNKNOWN, UUID, FLOAT16 = 5, 6, 7, 8, 10, 11, 14, 15
TEXTS = (1, 4, 12)
"""STRING, ENUM and JSON."""
_BYTES = (13, 17, 18)
"""BSON, GEOMETRY and GEOGRAPHY (well-known binary)."""

_UNITS = {1: "ms", 2: "us", 3: "ns"}

NAMES = {2: "MAP", 3: "LIST", 9: "INTERVAL", 16: "VARIANT", **dict.fromkeys((0,), "an unknown logical type")}

CONVERTED: dict[int, tuple[int, Struct]] = {
    **dict.fromkeys((0, 4, 19), (1, {})),
    5: (DECIMAL, {}),
    6: (DATE, {}),
    7: (TIME, {2: {1: {}}}),
    8: (TIME, {2: {2: {}}}),
    9: (TIMESTAMP, {1: True, 2: {1: {}}}),
    10: (TIMESTAMP, {1: True, 2: {2: {}}}),
    **{11 + power: (INTEGER, {1: 8 << power, 2: False}) for power in range(4)},
    **{15 + power: (INTEGER, {1: 8 << power, 2: True}) for power in range(4)},
    20: (13, {}),
    21: (9, {}),
}
"""The logical types that correspond to legacy converted types."""

_MAX_DIGITS = 38
"""Maximum digits of polars' decimals."""

INT96_BYTES = 12


@dataclass(frozen=True, slots=True)
class LeafType:
    """How to read the values of a leaf.

    Attributes:
        dtype: Their type.
        convert: Converts what polars reads to the values.
        annotation: Fields of the SchemaElement that polars gets besides the physical type.
        physical: The physical type for polars.
        length: Bytes of a value, if it has a fixed length.
        unread: Why they cannot be read; empty if they can.
        to_gregorian: Converts what polars reads to the calendar of the format, and returns the values that
            cannot be converted; None if the values are in it.
    """

    dtype: pl.DataType
    convert: Callable[[pl.Series], Checked]
    annotation: dict[int, Field]
    physical: int
    length: int = 0
    unread: str = ""
    to_gregorian: Callable[[pl.Series], tuple[pl.Series, list[RowIssue]]] | None = None

    @property
    def is_int96(self) -> bool:
        """Whether these are timestamps whose precision is known only after all values are read."""
        return self.convert is as_far_timestamps


def leaf_type(leaf: Node, arrow: ArrowType | None) -> LeafType:
    """Return how to read the values of a leaf."""
    physical = leaf.physical
    if not 0 <= physical < len(PHYSICAL_NAMES):
        return _unread(leaf, "an unknown physical type")
    if physical == INT96:
        return LeafType(pl.Datetime("ns"), as_far_timestamps, {}, FIXED, INT96_BYTES)
    logical = leaf.logical
    if logical in (None, (0, {})) and leaf.converted is not None:
        logical = CONVERTED.get(leaf.converted, (0, {}))
    if logical is None:
        return _plain(leaf, arrow)
    number, about = logical
    read = _READERS.get(number)
    found = read(leaf, about) if read is not None else None
    return found or _unread(leaf, NAMES.get(number, "an unknown logical type"))


def in_calendar(leaf: LeafType, calendar: Calendar) -> LeafType:
    """Return how to read the values of a leaf of a file whose dates are in a calendar."""
    ancient = calendar.int96 if leaf.is_int96 else calendar.dates
    if ancient is Ancient.GREGORIAN or leaf.unread or not leaf.dtype.is_temporal():
        return leaf
    is_utc = calendar.is_utc
    if leaf.is_int96:
        return replace(
            leaf,
            to_gregorian=lambda raw: gregorian_int96(raw, int96_parts(raw)[0], ancient, is_utc=is_utc),
        )
    if leaf.dtype == pl.Date:
        return replace(leaf, to_gregorian=lambda raw: gregorian_days(raw, ancient))
    if isinstance(leaf.dtype, pl.Datetime):
        day_ticks = ticks_of_day(leaf.dtype.time_unit)
        return replace(leaf, to_gregorian=lambda raw: gregorian_ticks(raw, day_ticks, ancient, is_utc=is_utc))
    return leaf


def looked_at(leaf: LeafType, seen: Int96Values | None) -> LeafType:
    """Return how to examine the values of a leaf; without ``seen``, they are read as stored."""
    if seen is None:
        return replace(leaf, convert=as_they_are, to_gregorian=None)
    return replace(leaf, convert=seen.look)


def with_digits_of(leaf: LeafType, seen: Int96Values | None) -> LeafType:
    """Return how to read a leaf whose values were examined: as microseconds if these represent all."""
    if seen is None or seen.are_fine or not seen.are_far:
        return leaf
    return replace(leaf, dtype=pl.Datetime("us"), convert=as_far_microseconds)


def _of(leaf: Node, dtype: pl.DataType, convert: Callable[[pl.Series], Checked]) -> LeafType:
    return LeafType(dtype, convert, {}, leaf.physical, leaf.length)


def _unread(leaf: Node, what: str) -> LeafType:
    kind = f"values of the type {what}" if what.isupper() else f"values of {what}"
    physical = leaf.physical if 0 <= leaf.physical < len(PHYSICAL_NAMES) else BYTE_ARRAY
    if physical == INT96:
        physical = FIXED
    return LeafType(pl.Binary(), as_they_are, {}, physical, leaf.length, unread=kind)


def _plain(leaf: Node, arrow: ArrowType | None) -> LeafType:
    if arrow is not None and arrow.duration is not None and leaf.physical == INT64:
        if arrow.duration == "s":
            return _of(leaf, pl.Duration("ms"), as_seconds)
        dtype = pl.Duration(arrow.duration)  # type: ignore[arg-type] # one of polars' three units
        return _of(leaf, dtype, as_durations(dtype))
    if arrow is not None and arrow.bits == 128 and leaf.physical == FIXED and leaf.length == 16:  # noqa: PLR2004
        dtype_of_16 = pl.Int128() if arrow.signed else pl.UInt128()
        return _of(leaf, dtype_of_16, as_wide_integers(dtype_of_16))
    return stored(leaf)


def stored(leaf: Node) -> LeafType:
    """Return how to read the physical values of a leaf, whatever they mean.

    polars supports more encodings for 16-bit floats than for other two-byte values.
    """
    if leaf.logical == (FLOAT16, {}) and (half := _float16(leaf, {})) is not None:
        return half
    if leaf.physical == INT96:
        return LeafType(pl.Binary(), as_they_are, {}, FIXED, INT96_BYTES)
    plain = (pl.Boolean(), pl.Int32(), pl.Int64(), None, pl.Float32(), pl.Float64(), pl.Binary(), pl.Binary())
    dtype = plain[leaf.physical]
    assert dtype is not None
    return _of(leaf, dtype, as_they_are)


def _text(leaf: Node, _: Struct) -> LeafType | None:
    if leaf.physical not in (BYTE_ARRAY, FIXED):
        return None
    return _of(leaf, pl.String(), as_texts)


def _bytes(leaf: Node, _: Struct) -> LeafType | None:
    return _of(leaf, pl.Binary(), as_they_are) if leaf.physical in (BYTE_ARRAY, FIXED) else None


def _decimal(leaf: Node, about: Struct) -> LeafType | None:
    """Read a decimal. A missing scale is 0 by the format; a missing precision is the maximum."""
    most = {INT32: 9, INT64: 18, FIXED: _digits_of(leaf.length), BYTE_ARRAY: _MAX_DIGITS}.get(leaf.physical)
    if most is None:
        return None
    scale = about.get(1, leaf.element.get(7, 0))
    precision = about.get(2, leaf.element.get(8, most))
    if not isinstance(scale, int) or not isinstance(precision, int) or not 0 <= scale <= _MAX_DIGITS:
        return None
    precision = max(precision, scale, 1)
    by_polars = leaf.physical in (INT32, INT64) or (leaf.physical == FIXED and leaf.length <= 16)  # noqa: PLR2004
    if by_polars and precision <= _MAX_DIGITS:
        annotation: dict[int, Field] = {6: 5, 7: scale, 8: precision}
        dtype = pl.Decimal(precision, scale)
        return LeafType(dtype, as_they_are, annotation, leaf.physical, leaf.length)
    if leaf.physical not in (FIXED, BYTE_ARRAY):
        return None
    return _of(leaf, pl.Decimal(_MAX_DIGITS, scale), as_decimals(scale))


def _digits_of(length: int) -> int:
    return max(1, len(str(1 << max(1, 8 * length - 1))) - 1)


def _date(leaf: Node, _: Struct) -> LeafType | None:
    return _of(leaf, pl.Date(), as_dates) if leaf.physical == INT32 else None


def _unit(about: Struct) -> str | None:
    unit = about.get(2)
    return _UNITS.get(next(iter(unit), 0)) if isinstance(unit, dict) else None


def _time(leaf: Node, about: Struct) -> LeafType | None:
    unit = _unit(about)
    if unit is None or leaf.physical != (INT32 if unit == "ms" else INT64):
        return None
    return _of(leaf, pl.Time(), as_times(unit))


def _timestamp(leaf: Node, about: Struct) -> LeafType | None:
    unit = _unit(about)
    if unit is None or leaf.physical != INT64:
        return None
    dtype = pl.Datetime(unit, "UTC" if about.get(1) else None)  # type: ignore[arg-type] # one of three
    return _of(leaf, dtype, as_timestamps(dtype))


def _integer(leaf: Node, about: Struct) -> LeafType | None:
    bits, signed = about.get(1), bool(about.get(2))
    kinds: dict[object, pl.DataType] = (
        {8: pl.Int8(), 16: pl.Int16(), 32: pl.Int32(), 64: pl.Int64()}
        if signed
        else {8: pl.UInt8(), 16: pl.UInt16(), 32: pl.UInt32(), 64: pl.UInt64()}
    )
    dtype = kinds.get(bits)
    fits = leaf.physical == INT64 or (leaf.physical == INT32 and bits != 64)  # noqa: PLR2004 - of the format
    return _of(leaf, dtype, as_integers(dtype)) if dtype is not None and fits else None


def _nothing(leaf: Node, _: Struct) -> LeafType | None:
    return _of(leaf, pl.Null(), as_nothing)


def _uuid(leaf: Node, _: Struct) -> LeafType | None:
    fits = leaf.physical == FIXED and leaf.length == 16  # noqa: PLR2004 - of the format
    return _of(leaf, pl.String(), as_uuids) if fits else None


def _float16(leaf: Node, _: Struct) -> LeafType | None:
    if leaf.physical != FIXED or leaf.length != 2:  # noqa: PLR2004 - of the format
        return None
    return LeafType(pl.Float16(), as_they_are, {10: {15: {}}}, leaf.physical, leaf.length)


_READERS: dict[int, Callable[[Node, Struct], LeafType | None]] = {
    **dict.fromkeys(TEXTS, _text),
    **dict.fromkeys(_BYTES, _bytes),
    DECIMAL: _decimal,
    DATE: _date,
    TIME: _time,
    TIMESTAMP: _timestamp,
    INTEGER: _integer,
    UNKNOWN: _nothing,
    UUID: _uuid,
    FLOAT16: _float16,
}
