"""The datasets the emulator knows: those of namespace ``asc``, and custom ones it was told of.

A custom dataset is told in the words of CreateDataLakeDataset (``namespace``, ``name``, ``schema``), which
are also those of GetDataLakeDataset's answer.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from loader.datasets import Column, Dataset, dataset_by_name
from loader.emulator.model.refusal import Refusal
from loader.emulator.model.shapes import WrongType, faults_of

ASC = "asc"

# DataLakeDatasetSchemaFieldType, both ways.
_WIRE_TYPES = {"int": "INT", "double": "DOUBLE", "string": "STRING", "timestamp": "TIMESTAMP"}
_TYPES = {wire: name for name, wire in _WIRE_TYPES.items()} | {"LONG": "int"}

_FILLED_IN_FIRST = ({"name": "connection_id", "type": "STRING", "isRequired": True},)
_FILLED_IN_LAST = (
    {"name": "db_creation_dttm", "type": "TIMESTAMP", "isRequired": False},
    {"name": "db_updation_dttm", "type": "TIMESTAMP", "isRequired": False},
)
"""Columns the service adds to those of namespace ``asc``, as in AWS's example (docs/service.md 3.7)."""


class Catalog:
    """Finds datasets by namespace and name.

    Args:
        custom: The custom datasets, each as `checked_dataset` gives it.
    """

    def __init__(self, custom: Iterable[Mapping[str, Any]]) -> None:
        self._schemas: dict[tuple[str, str], Mapping[str, Any]] = {
            (each["namespace"], each["name"]): each["schema"] for each in custom
        }
        self._datasets = {place: _dataset(place[1], schema) for place, schema in self._schemas.items()}

    def custom(self, namespace: str, name: str) -> Dataset | None:
        """Return a custom dataset, or None if nothing was told of it."""
        return self._datasets.get((namespace, name))

    def describe(self, members: Mapping[str, Any], created_at: float) -> dict[str, Any]:
        """Return the output of GetDataLakeDataset.

        Args:
            members: A checked input.
            created_at: Epoch seconds.

        Raises:
            Refusal: There is no such dataset.
        """
        instance, namespace, name = (members[member] for member in ("instanceId", "namespace", "name"))
        place = f"instance/{instance}/namespaces/{namespace}/datasets/{name}"
        return {
            "dataset": {
                "instanceId": instance,
                "namespace": namespace,
                "name": name,
                "arn": f"arn:aws:scn:us-east-1:123456789012:{place}",
                "schema": self._schema(namespace, name),
                "createdTime": created_at,
                "lastModifiedTime": created_at,
            }
        }

    def _schema(self, namespace: str, name: str) -> Mapping[str, Any]:
        custom = self._schemas.get((namespace, name))
        if custom is not None:
            return custom
        try:
            if namespace == ASC:
                return _asc_schema(dataset_by_name(name))
        except KeyError:
            pass
        raise Refusal("ResourceNotFoundException", "There is no such dataset")


def checked_dataset(document: object) -> dict[str, Any]:
    """Return a custom dataset if it is one the service could hold.

    Args:
        document: ``namespace``, ``name`` and ``schema``, or an answer of GetDataLakeDataset.

    Raises:
        ValueError: It is not; the message says why.
    """
    inner = document.get("dataset", document) if isinstance(document, Mapping) else None
    if not isinstance(inner, Mapping):
        raise ValueError("a dataset is a JSON object with namespace, name and schema")  # noqa: TRY004 - for pydantic
    shapes = {
        "namespace": "DataLakeNamespaceName",
        "name": "DataLakeDatasetName",
        "schema": "DataLakeDatasetSchema",
    }
    try:
        faults = [
            fault for name, shape in shapes.items() for fault in faults_of(shape, inner.get(name), f"/{name}")
        ]
    except WrongType as error:
        raise ValueError(str(error)) from error
    if inner["namespace"] == ASC:
        faults.append("namespace asc holds the AWS data model: custom datasets go elsewhere")
    names = {field["name"] for field in inner["schema"]["fields"]}
    unknown = {key["name"] for key in inner["schema"].get("primaryKeys", ())} - names
    faults += [f"the primary key names '{name}', which is no field" for name in sorted(unknown)]
    if faults:
        raise ValueError("; ".join(faults))
    return {name: inner[name] for name in shapes}


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
