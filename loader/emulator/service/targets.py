"""The target dataset of an event, and the check of its records."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from loader.datasets import Dataset, dataset_by_name, dataset_for_event_type
from loader.emulator.model.catalog import ASC, Catalog
from loader.emulator.model.operations import refuse_faults
from loader.emulator.model.refusal import Refusal
from loader.emulator.model.schema_check import check_custom, dataset_check
from loader.emulator.model.shapes import faults_of
from loader.emulator.store.lake import Partition, Target
from loader.model import Operation

DATASET_EVENT_TYPE = "scn.data.dataset"
_ARN = re.compile(r".*:instance/(?P<instance>[^/]+)/namespaces/(?P<namespace>[^/]+)/datasets/(?P<name>[^/]+)")

RecordsCheck = Callable[[Sequence[Mapping[str, Any]]], None]
"""Raises a Refusal for records that do not conform to the schema."""


class Targets:
    """Finds the target of each event.

    Args:
        custom_keys: Primary keys of custom datasets, by ``namespace/name``.
        catalog: The datasets whose schema is known.
    """

    def __init__(self, custom_keys: Mapping[str, tuple[str, ...]], catalog: Catalog) -> None:
        self._catalog = catalog
        self._custom_keys = custom_keys
        self._find = lru_cache(maxsize=1024)(self._find_uncached)

    def forget(self) -> None:
        """Read the catalog again after a change."""
        self._find.cache_clear()

    def find(self, members: Mapping[str, Any]) -> tuple[Target, RecordsCheck]:
        """Return the target of an event's records, and their check.

        Args:
            members: An input that conforms to the service model.

        Raises:
            Refusal: Event type and dataset target do not match, or the dataset does not exist.
        """
        target = members.get("datasetTarget")
        if (target is not None) != (members["eventType"] == DATASET_EVENT_TYPE):
            raise _invalid(f"event type {DATASET_EVENT_TYPE}, and only that type, needs a datasetTarget")
        if target is None:
            return self._find(members["instanceId"], members["eventType"], "", Operation.UPSERT)
        operation = Operation(target["operationType"])
        return self._find(members["instanceId"], "", target["datasetIdentifier"], operation)

    def _find_uncached(
        self, instance_id: str, event_type: str, arn: str, operation: Operation
    ) -> tuple[Target, RecordsCheck]:
        if not arn:
            dataset = dataset_for_event_type(event_type)
            return _target(dataset, dataset.name, operation)
        match = _ARN.fullmatch(arn)
        if match is None or match["instance"] != instance_id:
            raise _invalid("datasetIdentifier names another instance")
        namespace, name = match["namespace"], match["name"]
        if namespace == ASC:
            try:
                return _target(dataset_by_name(name), name, operation)
            except KeyError:
                raise Refusal("ResourceNotFoundException", "There is no such dataset") from None
        refuse_faults(
            faults_of("DataLakeNamespaceName", namespace, "/datasetTarget/datasetIdentifier")
            + faults_of("DataLakeDatasetName", name, "/datasetTarget/datasetIdentifier")
        )
        known = self._catalog.custom(namespace, name)
        if known is not None:
            return _target(known.dataset, f"{namespace}.{name}", operation, known.partition)
        key = self._custom_keys.get(f"{namespace}/{name}", ())
        return Target(f"{namespace}.{name}", (), key, operation), check_custom


def _target(
    dataset: Dataset, table: str, operation: Operation, partition: Partition = ()
) -> tuple[Target, RecordsCheck]:
    columns = tuple(column.name for column in dataset.columns)
    check = dataset_check(dataset, keys_only=operation is Operation.DELETE)
    return Target(table, columns, dataset.primary_key, operation, partition), check.check


def _invalid(message: str) -> Refusal:
    return Refusal("ValidationException", message)
