"""The datasets of the emulator: those of namespace ``asc``, and custom ones.

The members of CreateDataLakeDataset (``namespace``, ``name``, ``schema``) describe a custom dataset;
GetDataLakeDataset returns the same members.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from loader.datasets import Column, Dataset, dataset_by_name, datasets
from loader.emulator.model.refusal import Refusal
from loader.emulator.model.shapes import WrongType, faults_of

ASC = "asc"

# DataLakeDatasetSchemaFieldType, in both directions.
_WIRE_TYPES = {"int": "INT", "double": "DOUBLE", "string": "STRING", "timestamp": "TIMESTAMP"}
_TYPES = {wire: name for name, wire in _WIRE_TYPES.items()} | {"LONG": "int"}

_FILLED_IN_FIRST = ({"name": "connection_id", "type": "STRING", "isRequired": True},)
_FILLED_IN_LAST = (
    {"name": "db_creation_dttm", "type": "TIMESTAMP", "isRequired": False},
    {"name": "db_updation_dttm", "type": "TIMESTAMP", "isRequired": False},
)
"""Columns that the service adds to datasets of namespace ``asc``, as in AWS's example (docs/service.md
3.7)."""


OPTIONAL = {"partitionSpec": "DataLakeDatasetPartitionSpec", "description": "DataLakeDatasetDescription"}
"""Optional members of a dataset besides its schema, with their shapes in the service model."""

DESCRIBED = ("schema", "partitionSpec", "description")
"""Members of a dataset that are stored and returned."""


@dataclass(frozen=True, slots=True)
class CustomDataset:
    """A custom dataset.

    Attributes:
        described: The members that the service returns: schema, partitions, description.
        dataset: Its columns and primary key.
        partition: The columns that partition it, each with its transform.
        created_at: Epoch seconds; None for a dataset from the settings.
    """

    described: Mapping[str, Any]
    dataset: Dataset
    partition: tuple[tuple[str, str], ...]
    created_at: float | None


class Catalog:
    """Finds datasets by namespace and name.

    Args:
        custom: The custom datasets, each a result of `checked_dataset`.
    """

    def __init__(self, custom: Iterable[Mapping[str, Any]]) -> None:
        self._custom: dict[tuple[str, str], CustomDataset] = {}
        for each in custom:
            self.add(each, None)

    def add(self, dataset: Mapping[str, Any], created_at: float | None) -> None:
        """Add a custom dataset.

        Args:
            dataset: A result of `checked_dataset`.
            created_at: Epoch seconds; None for a dataset from the settings.
        """
        namespace, name = dataset["namespace"], dataset["name"]
        self._custom[namespace, name] = CustomDataset(
            {key: dataset[key] for key in DESCRIBED if key in dataset},
            _dataset(name, dataset["schema"]),
            _partition_of(dataset.get("partitionSpec")),
            created_at,
        )

    def remove(self, namespace: str, name: str) -> None:
        """Remove a custom dataset."""
        del self._custom[namespace, name]

    def created(self) -> list[dict[str, Any]]:
        """Return the custom datasets that were created, in the form of `add`, with their ``createdTime``."""
        return [
            {"namespace": namespace, "name": name, **each.described, "createdTime": each.created_at}
            for (namespace, name), each in self._custom.items()
            if each.created_at is not None
        ]

    def has(self, namespace: str, name: str) -> bool:
        """Return whether a dataset of that name exists."""
        return name in self.names(namespace)

    def names(self, namespace: str) -> list[str]:
        """Return the names of the datasets of a namespace, in order."""
        own = [name for place, name in self._custom if place == namespace]
        return sorted(each.name for each in datasets()) if namespace == ASC else sorted(own)

    def custom(self, namespace: str, name: str) -> CustomDataset | None:
        """Return a custom dataset, or None if it is unknown."""
        return self._custom.get((namespace, name))

    def describe(self, members: Mapping[str, Any], arn: str, began_at: float) -> dict[str, Any]:
        """Return a dataset as the service describes it.

        Args:
            members: A checked input, with instance, namespace and name.
            arn: Its ARN.
            began_at: Creation time of the datasets from the settings, in epoch seconds.

        Raises:
            Refusal: The dataset does not exist.
        """
        namespace, name = members["namespace"], members["name"]
        custom = self.custom(namespace, name)
        created_at = began_at if custom is None or custom.created_at is None else custom.created_at
        return {
            "instanceId": members["instanceId"],
            "namespace": namespace,
            "name": name,
            "arn": arn,
            **({"schema": self._schema(namespace, name)} if custom is None else custom.described),
            "createdTime": created_at,
            "lastModifiedTime": created_at,
        }

    def _schema(self, namespace: str, name: str) -> Mapping[str, Any]:
        try:
            if namespace == ASC:
                return _asc_schema(dataset_by_name(name))
        except KeyError:
            pass
        raise Refusal("ResourceNotFoundException", "There is no such dataset")


def checked_dataset(document: object) -> dict[str, Any]:
    """Return a custom dataset if the service could have it.

    Args:
        document: ``namespace``, ``name`` and ``schema``, or an answer of GetDataLakeDataset.

    Raises:
        ValueError: The service could not have it; the message states the reason.
    """
    inner = document.get("dataset", document) if isinstance(document, Mapping) else None
    if not isinstance(inner, Mapping):
        raise ValueError("a dataset is a JSON object with namespace, name and schema")  # noqa: TRY004 - for pydantic
    shapes = {
        "namespace": "DataLakeNamespaceName",
        "name": "DataLakeDatasetName",
        "schema": "DataLakeDatasetSchema",
    }
    optional = {name: shape for name, shape in OPTIONAL.items() if inner.get(name) is not None}
    try:
        faults = [
            fault
            for name, shape in {**shapes, **optional}.items()
            for fault in faults_of(shape, inner.get(name), f"/{name}")
        ]
    except WrongType as error:
        raise ValueError(str(error)) from error
    if inner["namespace"] == ASC:
        faults.append("namespace asc is reserved for the AWS data model: use another one for custom datasets")
    names = {field["name"] for field in inner["schema"]["fields"]}
    unknown = {key["name"] for key in inner["schema"].get("primaryKeys", ())} - names
    faults += [f"the primary key contains '{name}', which is not a field" for name in sorted(unknown)]
    partition = _partition_of(inner.get("partitionSpec"))
    strange = {name for name, _ in partition} - names
    faults += [f"the partition contains '{name}', which is not a field" for name in sorted(strange)]
    if faults:
        raise ValueError("; ".join(faults))
    return {name: inner[name] for name in (*shapes, *OPTIONAL) if inner.get(name) is not None}


def _partition_of(spec: Mapping[str, Any] | None) -> tuple[tuple[str, str], ...]:
    """Return columns and transforms of a ``partitionSpec``."""
    fields = () if spec is None else spec["fields"]
    return tuple((field["name"], field["transform"]["type"]) for field in fields)


def _dataset(name: str, schema: Mapping[str, Any]) -> Dataset:
    columns = (
        Column(field["name"], _TYPES[field["type"]], field["isRequired"]) for field in schema["fields"]
    )
    return Dataset(name, tuple(columns), tuple(key["name"] for key in schema.get("primaryKeys", ())))


def _asc_schema(dataset: Dataset) -> dict[str, Any]:
    columns = [
        {"name": column.name, "type": _WIRE_TYPES[column.type], "isRequired": column.required}
        for column in dataset.columns
    ]
    return {
        "name": "".join(word.capitalize() for word in dataset.name.split("_")),
        "fields": [*_FILLED_IN_FIRST, *columns, *_FILLED_IN_LAST],
        "primaryKeys": [{"name": name} for name in dataset.primary_key],
    }
