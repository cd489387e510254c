"""The datasets of the service's event types: columns, types, keys.

The data is in ``entities.json`` (from the AWS Supply Chain user guide, see its ``_about``). Both the
loader and the emulator use this module, so it does not depend on files, loads or the protocol. The
datasets of an instance may differ; ``GetDataLakeDataset`` returns them.
"""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import orjson

__all__ = [
    "NEVER_SEND",
    "NO_VALUE",
    "Column",
    "Dataset",
    "dataset_by_name",
    "dataset_for_event_type",
    "datasets",
    "event_types",
]

NEVER_SEND = frozenset({"connection_id", "db_creation_dttm", "db_updation_dttm"})
"""Columns that the service fills in in namespace ``asc``; a record must not contain them."""

NO_VALUE = "SCN_RESERVED_NO_VALUE_PROVIDED"
"""The text that AWS requires where a required string has no value."""

# Types that the guide leaves blank, from other AWS sources (entities.json, _about.doubtful).
_TYPES_LEFT_BLANK = {("inv_policy", "min_sl"): "double"}


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a dataset.

    Attributes:
        name: Lower-case name, as spelled in a record.
        type: ``string``, ``double``, ``int`` or ``timestamp``.
        required: Whether a record without a value in this column is refused.
    """

    name: str
    type: str
    required: bool


@dataclass(frozen=True, slots=True)
class Dataset:
    """One dataset of namespace ``asc``.

    Attributes:
        name: Name in the data lake, such as ``inbound_order_line``.
        columns: All columns, in the guide's order.
        primary_key: Names of the columns that identify a record.
    """

    name: str
    columns: tuple[Column, ...]
    primary_key: tuple[str, ...]

    def as_settings(self) -> dict[str, str]:
        """Return one setting for the key and for each column, in the form that a checkpoint stores."""
        lines = {
            f"live_schema.{column.name}": column.type + ", required" * column.required
            for column in self.columns
        }
        return lines | {"live_schema, primary key": ", ".join(self.primary_key)}

    def column(self, name: str) -> Column | None:
        """Return the column called ``name``, or None."""
        return next((column for column in self.columns if column.name == name), None)


def dataset_for_event_type(event_type: str) -> Dataset:
    """Return the dataset of the events of type ``event_type``.

    Raises:
        KeyError: ``event_types()`` does not contain the type.
    """
    return dataset_by_name(_dataset_names()[event_type])


def dataset_by_name(name: str) -> Dataset:
    """Return the dataset called ``name``.

    Raises:
        KeyError: Namespace ``asc`` has no such dataset.
    """
    return _datasets()[name]


def event_types() -> tuple[str, ...]:
    """Return the event types that each fill one dataset (all but ``scn.data.dataset``)."""
    return tuple(_dataset_names())


def datasets() -> tuple[Dataset, ...]:
    """Return all known datasets of namespace ``asc``; those with an event type come first."""
    return tuple(_datasets().values())


@cache
def _facts() -> dict[str, Any]:
    text = files(__name__).joinpath("entities.json").read_bytes()
    facts: dict[str, Any] = orjson.loads(text)
    return facts


@cache
def _dataset_names() -> dict[str, str]:
    return {event_type: entity["dataset"] for event_type, entity in _facts()["event_types"].items()}


@cache
def _datasets() -> dict[str, Dataset]:
    facts = _facts()
    entities = [*facts["event_types"].values(), *facts["other_datasets"].values()]
    return {entity["dataset"]: _dataset(entity) for entity in entities}


def _dataset(entity: dict[str, Any]) -> Dataset:
    name = entity["dataset"]
    columns = tuple(
        Column(column["name"], _type(name, column), column["required"]) for column in entity["columns"]
    )
    return Dataset(name, columns, tuple(entity["primary_key"]))


def _type(dataset: str, column: dict[str, Any]) -> str:
    known: str | None = column["type"]
    return known or _TYPES_LEFT_BLANK.get((dataset, column["name"]), "string")
