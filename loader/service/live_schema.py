"""The schema of a dataset as the instance describes it: GetDataLakeDataset.

Rules:

1. The load makes the request once, before it sends anything, with at most 5 tries, because the user
   waits for it.
2. Every answer becomes a `Dataset` or one error block.
"""

import asyncio
from typing import Any
from urllib.parse import quote

import orjson

from loader.datasets import NEVER_SEND, Column, Dataset
from loader.errors import DeliveryStopped, LoaderError, ServiceStopped
from loader.model import Outcome, OutcomeKind
from loader.service.client import SupplyChainClient
from loader.service.path_errors import path_closed
from loader.service.protocol import clean
from loader.service.resource_calls import FINAL, Sleep, answer_of

DATASET_PATH = "/api/datalake/instance/{instance_id}/namespaces/{namespace}/datasets/{name}"
"""``http.requestUri`` of GetDataLakeDataset in the service model 2024-01-01."""

ASC = "asc"
"""The namespace of the AWS data model."""

TYPES = {"INT": "int", "LONG": "int", "DOUBLE": "double", "STRING": "string", "TIMESTAMP": "timestamp"}
"""``DataLakeDatasetSchemaFieldType`` in the service model, as the types of `Column`."""


async def read_dataset(
    client: SupplyChainClient,
    instance_id: str,
    namespace: str,
    name: str,
    *,
    sleep: Sleep = asyncio.sleep,
) -> Dataset:
    """Return a dataset as the service describes it, without the columns that the service fills in.

    Args:
        client: Sends the request.
        instance_id: UUID of the instance.
        namespace: ``asc``, ``default`` or a namespace of the user.
        name: Name of the dataset.
        sleep: Waits for a number of seconds between tries.

    Raises:
        ServiceStopped: The service refuses, the dataset does not exist, or the answer describes none.
        DeliveryStopped: All tries failed.
    """
    path = DATASET_PATH.format(
        instance_id=instance_id, namespace=quote(namespace, safe=""), name=quote(name, safe="")
    )
    answer = await answer_of(client, lambda: client.get(path), sleep)
    if isinstance(answer, Outcome):
        raise _refused(answer, instance_id, namespace, name)
    return dataset_from_answer(answer.body, f"{namespace}/{name}")


def dataset_from_answer(body: bytes, place: str) -> Dataset:
    """Return the dataset that an answer to GetDataLakeDataset describes.

    Args:
        body: The answer's body.
        place: Namespace and name, for the error.

    Raises:
        ServiceStopped: The body does not describe a dataset.
    """
    try:
        described = orjson.loads(body)["dataset"]
        schema = described["schema"]
        unsent = NEVER_SEND if described["namespace"] == ASC else frozenset()
        columns = [_column(field) for field in schema["fields"]]
        keys = [str(key["name"]) for key in schema.get("primaryKeys") or ()]
        name = str(described["name"])
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise ServiceStopped(
            "The answer to GetDataLakeDataset does not describe a dataset.",
            where=place,
            why=f"{type(error).__name__} {clean(str(error), 80)}",
            next_step="check --endpoint-url, or load without --live-schema",
        ) from error
    return Dataset(
        name,
        tuple(column for column in columns if column.name not in unsent),
        tuple(key for key in keys if key not in unsent),
    )


def _column(field: dict[str, Any]) -> Column:
    return Column(str(field["name"]), TYPES[field["type"]], bool(field["isRequired"]))


def _refused(outcome: Outcome, instance_id: str, namespace: str, name: str) -> LoaderError:
    place = f"dataset {namespace}/{name} of instance {instance_id}"
    why = f"{outcome.code}: {outcome.message}" if outcome.message else outcome.code
    if outcome.kind is OutcomeKind.BLOCKED:
        return path_closed(outcome, 0)
    if outcome.kind not in FINAL:
        return DeliveryStopped(
            "The service did not return the schema of the dataset.",
            where=place,
            why=why,
            next_step="run the same command again, or without --live-schema",
        )
    if outcome.code == "ResourceNotFoundException":
        return ServiceStopped(
            "The dataset does not exist in the instance.",
            where=place,
            why=why,
            next_step="check --instance-id, --region and --dataset-arn; create the dataset if it is missing "
            "(in the console, or with CreateDataLakeDataset), even if it belongs to the AWS data model",
        )
    return ServiceStopped(
        "The service refuses access to the schema of the dataset.",
        where=place,
        why=why,
        next_step="allow the action scn:GetDataLakeDataset on arn:aws:scn:REGION:ACCOUNT:instance/"
        f"{instance_id}/namespaces/{namespace}/datasets/{name}, or load without --live-schema",
    )
