"""Values of Arrow arrays as the forms that a record must hold, by the table of docs/values.md.

Times and dates are taken as integers: Python's own cannot hold what Parquet files can.
"""

from collections.abc import Callable, Iterable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pyarrow as pa

from tests.corpus.expected import Digits, Duration, Float, Nested, OneOf, Reject

EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
DAY_SECONDS = 86_400

OUT_OF_YEARS = Reject("outside the years 0001 to 9999")


class NoForm(Exception):
    """A type for which docs/values.md has no form."""


def values_of(array: pa.Array, target: str) -> list[Any]:
    """Return the form of each value of a column.

    Args:
        array: The column.
        target: Type of the dataset's column: ``string``, ``int``, ``double`` or ``timestamp``.

    Raises:
        NoForm: The column's type has none.
    """
    kind = array.type
    if isinstance(kind, pa.BaseExtensionType):
        return _of_extension(array, target)
    if pa.types.is_dictionary(kind):
        return values_of(array.dictionary_decode(), target)
    if _is_nested(kind):
        return [None if value is None else Nested(value) for value in _parts(array)]
    values = _leaves(array, target, as_bytes=bytes.hex)
    return [value if not isinstance(value, bool) else str(value).lower() for value in values]


def _is_nested(kind: pa.DataType) -> bool:
    types = pa.types
    is_list = types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)
    return bool(is_list or types.is_struct(kind) or types.is_map(kind))


def _of_extension(array: pa.Array, target: str) -> list[Any]:
    storage = values_of(array.storage, target)
    if array.type.extension_name != "arrow.uuid":
        return storage
    # A UUID may be written as the text that it is, or as the bytes that binary = "hex" asks for.
    return [None if text is None else OneOf((str(UUID(text)), text)) for text in storage]


def _parts(array: pa.Array) -> list[Any]:
    """Return the parts of nested values: what becomes JSON."""
    kind = array.type
    if isinstance(kind, pa.BaseExtensionType):
        return _parts(array.storage)
    if pa.types.is_dictionary(kind):
        return _parts(array.dictionary_decode())
    if not _is_nested(kind):
        return [_as_number(value, kind) for value in _leaves(array, "string", as_bytes=_enum)]
    there = array.is_valid().to_pylist()
    return [value if is_there else None for value, is_there in zip(_nested(array), there, strict=True)]


def _nested(array: pa.Array) -> Iterable[Any]:
    """Yield nested values; where there is none, anything."""
    kind, rows = array.type, range(len(array))
    if pa.types.is_struct(kind):
        names = [kind.field(at).name for at in range(kind.num_fields)]
        fields = [_parts(array.field(at)) for at in range(kind.num_fields)]
        return (tuple((name, parts[row]) for name, parts in zip(names, fields, strict=True)) for row in rows)
    if pa.types.is_map(kind):
        return _maps(array)
    items = _parts(array.values)
    if pa.types.is_fixed_size_list(kind):
        size = kind.list_size
        starts = [(array.offset + row) * size for row in rows]
        return (items[start : start + size] for start in starts)
    offsets = array.offsets.to_pylist()
    return (items[offsets[row] : offsets[row + 1]] for row in rows)


def _maps(array: pa.Array) -> Iterable[Any]:
    """Yield maps, which may be lists of entries or, with texts as keys, objects."""
    offsets, keys, items = array.offsets.to_pylist(), _parts(array.keys), _parts(array.items)
    for row in range(len(array)):
        span = range(offsets[row], offsets[row + 1])
        entries = [(("key", keys[at]), ("value", items[at])) for at in span]
        if all(isinstance(keys[at], str) for at in span):
            yield OneOf((entries, tuple((str(keys[at]), items[at]) for at in span)))
        else:
            yield entries


def _as_number(value: Any, kind: pa.DataType) -> Any:
    is_number = pa.types.is_integer(kind) or pa.types.is_decimal(kind)
    return Digits(value) if is_number and value is not None else value


def _enum(value: bytes) -> str:
    """Return the text of bytes inside a nested value: pyarrow reads an enum there as bytes."""
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise NoForm("bytes inside a nested value") from error


def _leaves(array: pa.Array, target: str, *, as_bytes: Callable[[bytes], str]) -> list[Any]:
    kind, types = array.type, pa.types
    if types.is_null(kind) or types.is_boolean(kind):
        values: list[Any] = array.to_pylist()
        return values
    if types.is_temporal(kind) and not types.is_interval(kind):
        return _each(_integers(array), _temporal(kind, target))
    if types.is_string(kind) or types.is_large_string(kind) or kind == pa.string_view():
        return _each(array.cast(pa.large_binary()).to_pylist(), _text)
    if types.is_fixed_size_binary(kind) or kind in (pa.binary(), pa.large_binary(), pa.binary_view()):
        return _each(array.to_pylist(), as_bytes)
    return _each(array.to_pylist(), _number(kind, target))


def _number(kind: pa.DataType, target: str) -> Callable[[Any], Any]:
    if pa.types.is_integer(kind):
        return lambda value: _integer(value, target)
    if pa.types.is_floating(kind):
        return lambda value: _float(float(value), kind.bit_width)
    if pa.types.is_decimal(kind):
        return lambda value: f"{Decimal(value):f}"
    raise NoForm(str(kind))


def _temporal(kind: pa.DataType, target: str) -> Callable[[int], Any]:
    types = pa.types
    if types.is_date(kind):
        per_day = 1 if types.is_date32(kind) else DAY_SECONDS * PER_SECOND["ms"]
        return lambda value: _date(value // per_day, target)
    per_second = PER_SECOND[kind.unit]
    if types.is_timestamp(kind):
        mark = "Z" if kind.tz is not None or target == "timestamp" else ""
        return lambda value: _timestamp(value, per_second, mark)
    if types.is_time(kind):
        return lambda value: _time(value, per_second)
    return lambda value: Duration(value * 10**9 // per_second)


def _each(values: Iterable[Any], form: Callable[[Any], Any]) -> list[Any]:
    return [None if value is None else form(value) for value in values]


def _integers(array: pa.Array) -> list[int | None]:
    narrow = pa.types.is_date32(array.type) or pa.types.is_time32(array.type)
    values: list[int | None] = array.view(pa.int32() if narrow else pa.int64()).to_pylist()
    return values


def _text(value: bytes) -> Any:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return Reject("not UTF-8")


def _integer(value: int, target: str) -> Any:
    return str(value) if target != "int" or -(2**63) <= value < 2**63 else Reject("beyond 64 bits")


def _float(value: float, bits: int) -> Any:
    return Float(value, bits) if value - value == 0 else Reject("not a finite number")


def _day(days: int) -> date | None:
    ordinal = EPOCH_ORDINAL + days
    return date.fromordinal(ordinal) if 1 <= ordinal <= date.max.toordinal() else None


def _date(days: int, target: str) -> Any:
    day = _day(days)
    if day is None:
        return OUT_OF_YEARS
    return f"{day.isoformat()}T00:00:00Z" if target == "timestamp" else day.isoformat()


def _timestamp(value: int, per_second: int, mark: str) -> Any:
    seconds, fraction = divmod(value, per_second)
    day = _day(seconds // DAY_SECONDS)
    if day is None:
        return OUT_OF_YEARS
    return f"{day.isoformat()}T{_clock(seconds % DAY_SECONDS, fraction, per_second)}{mark}"


def _time(value: int, per_second: int) -> Any:
    if value == DAY_SECONDS * per_second:
        return OneOf((Reject("outside a day"), "24:00:00"))
    if not 0 <= value < DAY_SECONDS * per_second:
        return Reject("outside a day")
    seconds, fraction = divmod(value, per_second)
    return _clock(seconds, fraction, per_second)


def _clock(seconds: int, fraction: int, per_second: int) -> str:
    clock = str(timedelta(seconds=seconds)).rjust(8, "0")
    digits = f"{fraction:0{len(str(per_second)) - 1}d}".rstrip("0") if fraction else ""
    return f"{clock}.{digits}" if digits else clock
