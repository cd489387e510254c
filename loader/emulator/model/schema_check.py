"""Check that the records of an event conform to their dataset's schema.

How strictly the real service checks before it answers is not documented (docs/service.md 4.2 to 4.8). So the
emulator is as strict as the user guide: known columns in lower case, required columns present and not null,
no column that the service fills in, and every value readable as its column's type: as a JSON string or, for
numbers and epoch milliseconds, as a JSON number.

Rules kept here: pure; a message has the record's position and column, never a value.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

import orjson

from loader.datasets import NEVER_SEND, Dataset
from loader.emulator.model.refusal import Refusal
from loader.emulator.model.shapes import faults_of, max_value

_DOUBLE = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_INT = re.compile(r"[+-]?\d{1,19}", re.ASCII)
_EPOCH_MS = re.compile(r"-?\d{1,15}", re.ASCII)
_ISO_8601 = re.compile(
    r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d([.,]\d{1,9})?)?(Z|[+-]\d\d(:?\d\d)?)?)?", re.ASCII
)


def read_records(data: str) -> list[dict[str, Any]]:
    """Return the records in an event's ``data``: one object, or an array of several.

    Raises:
        Refusal: ``data`` is something else.
    """
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError:
        raise _invalid("data is not valid JSON") from None
    if isinstance(document, dict):
        return [document]
    records = document if isinstance(document, list) else []
    if not records or not all(isinstance(record, dict) for record in records):
        raise _invalid("data is neither a JSON object nor an array of JSON objects")
    return records


class DatasetCheck:
    """Checks records against the schema of one dataset of namespace ``asc``.

    Args:
        dataset: The dataset.
        keys_only: Whether only the columns of the primary key are required (DELETE).
    """

    def __init__(self, dataset: Dataset, *, keys_only: bool) -> None:
        required = [column.name for column in dataset.columns if column.required]
        self._required = frozenset(dataset.primary_key if keys_only else required)
        self._columns = {column.name: (column.type, _TYPES[column.type]) for column in dataset.columns}

    def check(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Check every record.

        Raises:
            Refusal: A record does not conform; the error is for the first such record.
        """
        for position, record in enumerate(records):
            if not self._required <= record.keys():
                missing = ", ".join(sorted(self._required - record.keys()))
                raise _invalid(f"Record {position}: required column missing: {missing}")
            for name, value in record.items():
                self._check_value(position, name, value)

    def _check_value(self, position: int, name: str, value: object) -> None:
        column = self._columns.get(name)
        if column is None:
            why = "is filled in by the service" if name in NEVER_SEND else "is not in the dataset"
            raise _invalid(f"Record {position}: column '{_clipped(name)}' {why}")
        if value is None:
            if name in self._required:
                raise _invalid(f"Record {position}: required column '{name}' is null")
        elif not column[1](value):
            raise _invalid(f"Record {position}: column '{name}' is not a {column[0]}")


@cache
def dataset_check(dataset: Dataset, *, keys_only: bool) -> DatasetCheck:
    """Return the check of a dataset; checks are cached."""
    return DatasetCheck(dataset, keys_only=keys_only)


def check_custom(records: Sequence[Mapping[str, Any]]) -> None:
    """Check records of a custom dataset whose schema the emulator does not know.

    Raises:
        Refusal: A column name, a number of columns or a type of value that a dataset cannot have.
    """
    most = max_value("DataLakeDatasetSchemaFieldList")
    for position, record in enumerate(records):
        if not record or len(record) > most:
            raise _invalid(f"Record {position}: between 1 and {most} columns, inclusive")
        for name, value in record.items():
            if isinstance(value, bool | list | dict):
                raise _invalid(f"Record {position}: column '{_clipped(name)}' is neither text nor a number")
            if faults_of("DataLakeDatasetSchemaFieldName", name, ""):
                raise _invalid(f"Record {position}: '{_clipped(name)}' cannot be the name of a column")


def check_values(records: Sequence[Mapping[str, Any]], refused_values: Mapping[str, Collection[str]]) -> None:
    """Check that no record has a value that the emulator is set to refuse.

    Args:
        records: The records.
        refused_values: The values, by column.

    Raises:
        Refusal: The first record with such a value.
    """
    for name, refused in refused_values.items():
        for position, record in enumerate(records):
            if name in record and str(record[name]) in refused:
                raise _invalid(f"Record {position}: column '{name}' has a value that is refused")


def _is_string(value: object) -> bool:
    return isinstance(value, str)


def _is_double(value: object) -> bool:
    if isinstance(value, str):
        return _DOUBLE.fullmatch(value) is not None
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_int(value: object) -> bool:
    if isinstance(value, str):
        return _INT.fullmatch(value) is not None
    return isinstance(value, int) and not isinstance(value, bool)


def _is_timestamp(value: object) -> bool:
    if not isinstance(value, str):
        return isinstance(value, int) and not isinstance(value, bool)
    if _ISO_8601.fullmatch(value) is None:
        return _EPOCH_MS.fullmatch(value) is not None
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


_TYPES: Mapping[str, Callable[[object], bool]] = {
    "string": _is_string,
    "double": _is_double,
    "int": _is_int,
    "timestamp": _is_timestamp,
}


def _clipped(name: str) -> str:
    # A column name is not payload, but a malformed record may have payload in its place.
    return name if len(name) <= max_value("DataLakeDatasetSchemaFieldName") else name[:20] + "..."


def _invalid(message: str) -> Refusal:
    return Refusal("ValidationException", message)
