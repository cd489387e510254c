"""The dataset of a measurement: created before the first event, deleted at the end.

All measurements of an instance use the same dataset name. So the dataset of a killed measurement is easy to
find, and two measurements cannot run at the same time. The description of the dataset states its owner and
until when it may be in use. A measurement deletes an existing dataset if the same user created it on this
machine (a lock shows that no other process of this machine measures the instance), or if its time is over.
"""

import fcntl
import hashlib
import os
import re
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from loader.datasets import NEVER_SEND, Dataset
from loader.errors import DeliveryStopped, LoaderError, SettingsError
from loader.measuring.resources import CallRefused, ResourceClient
from loader.private_files import make_private_folder, open_private, state_folder
from loader.service.live_schema import DATASET_PATH, TYPES

NAMESPACE, NAME = "default", "scn_loader_measure"
_WIRE_TYPES = {name: wire for wire, name in TYPES.items() if wire != "LONG"}
_DESCRIPTION = re.compile(r"owner ([0-9a-f]{12}), in use until (\S+)")
_CONFLICT, _NOT_FOUND = "ConflictException", "ResourceNotFoundException"
_NO_OWNER = ""


@contextmanager
def only_measurement(instance_id: str, folder: Path | None = None) -> Iterator[str]:
    """Lock the measurement of an instance for this process, and yield the owner of its dataset.

    The owner is "" if no lock file can be written, so that processes of this machine cannot be distinguished.

    Args:
        instance_id: UUID of the instance.
        folder: Folder of the lock, or None for the user's state folder.

    Raises:
        SettingsError: Another process of this user measures the instance.
    """
    path = (folder or state_folder()) / f"measure-{instance_id}.lock"
    try:
        make_private_folder(path.parent)
        descriptor = open_private(path, os.O_RDWR | os.O_CREAT)
    except OSError:
        yield _NO_OWNER
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise SettingsError(
                "The instance is being measured by another process.",
                where=f"instance {instance_id}",
                next_step="wait until it ends: two measurements at once would distort each other",
            ) from error
        except OSError:
            yield _NO_OWNER
            return
        who = f"{socket.gethostname()}\0{os.getuid()}\0{path.parent}"
        yield hashlib.sha256(who.encode()).hexdigest()[:12]
    finally:
        os.close(descriptor)


@asynccontextmanager
async def own_dataset(
    resources: ResourceClient,
    instance_id: str,
    dataset: Dataset,
    *,
    owner: str,
    until: float,
    notes: list[str],
) -> AsyncIterator[str]:
    """Create the dataset, yield its ARN, and delete it.

    An endpoint on loopback may not support datasets, for example a server of the user's own that only accepts
    events. It gets events all the same; the ARN then names a dataset that does not exist.

    Args:
        resources: Makes the calls.
        instance_id: UUID of the instance.
        dataset: Its columns.
        owner: Its owner, from `only_measurement`.
        until: The latest end of the measurement, in epoch seconds.
        notes: Receives notes for readers of the figures.

    Raises:
        LoaderError: It cannot be created or deleted, or another measurement uses it.
    """
    path = DATASET_PATH.format(instance_id=instance_id, namespace=NAMESPACE, name=NAME)
    arn = await _make(resources, path, _request(dataset, owner, until), owner)
    if not arn and resources.client.is_on_loopback:
        instance_arn = f"arn:aws:scn:{resources.client.region}:000000000000:instance/{instance_id}"
        notes.append(
            "The endpoint does not support datasets: the events named a dataset that does not exist."
        )
        yield f"{instance_arn}/namespaces/{NAMESPACE}/datasets/{NAME}"
        return
    if not arn:
        raise SettingsError(
            "The endpoint did not create the dataset of the measurement.",
            where=path,
            why="the answer to CreateDataLakeDataset does not contain an ARN",
            next_step="check --endpoint-url",
        )
    try:
        yield arn
    finally:
        await _remove(resources, path, instance_id)


def _request(dataset: Dataset, owner: str, until: float) -> dict[str, Any]:
    fields = [
        {"name": column.name, "type": _WIRE_TYPES[column.type], "isRequired": column.required}
        for column in dataset.columns
        if column.name not in NEVER_SEND
    ]
    return {
        "schema": {
            "name": "ScnLoaderMeasure",
            "fields": fields,
            "primaryKeys": [{"name": name} for name in dataset.primary_key if name not in NEVER_SEND],
        },
        "description": f"Generated rows of 'scn-loader measure': owner {owner or '0' * 12}, "
        f"in use until {datetime.fromtimestamp(until, UTC):%Y-%m-%dT%H:%M:%SZ}. May be deleted after that.",
    }


async def _make(resources: ResourceClient, path: str, request: dict[str, Any], owner: str) -> str:
    """Create the dataset, and delete a leftover one first. Return its ARN, or "" without datasets."""
    for is_last in (False, True):
        try:
            made = await resources.ask("PUT", path, request, action="CreateDataLakeDataset")
        except CallRefused as refused:
            if refused.code == "UnknownOperationException" and resources.client.is_on_loopback:
                return ""
            if refused.code != _CONFLICT or is_last:
                raise
            await _remove_left_over(resources, path, owner)
        else:
            described = made.get("dataset")
            arn = described.get("arn") if isinstance(described, dict) else None
            return arn if isinstance(arn, str) else ""
    raise AssertionError("unreachable")


async def _remove_left_over(resources: ResourceClient, path: str, owner: str) -> None:
    try:
        answer = await resources.ask("GET", path, action="GetDataLakeDataset")
    except CallRefused as refused:
        if refused.code == _NOT_FOUND:  # deleted in the meantime
            return
        raise
    described = answer.get("dataset")
    description = described.get("description") if isinstance(described, dict) else None
    match = _DESCRIPTION.search(description if isinstance(description, str) else "")
    made_by, until = (match[1], match[2]) if match else ("", "")
    if not match or not ((owner and made_by == owner) or _is_over(until, resources.client.service_now())):
        raise SettingsError(
            "Another measurement may be using the instance.",
            where=f"dataset {NAMESPACE}/{NAME}",
            why=f"another machine or user created it, for use until {until}"
            if match
            else "a dataset with this name exists, but no measurement created it",
            next_step="run the same command again later, or delete the dataset if nothing uses it",
        )
    await resources.ask("DELETE", path, action="DeleteDataLakeDataset")


def _is_over(until: str, now: float) -> bool:
    try:
        return datetime.fromisoformat(until).timestamp() <= now
    except ValueError:
        return False


async def _remove(resources: ResourceClient, path: str, instance_id: str) -> None:
    try:
        await resources.ask("DELETE", path, action="DeleteDataLakeDataset")
    except LoaderError as error:
        if isinstance(error, CallRefused) and error.code == _NOT_FOUND:
            return
        raise DeliveryStopped(
            "The dataset of the measurement could not be deleted.",
            where=f"dataset {NAMESPACE}/{NAME} of instance {instance_id}",
            why=error.why or error.what,
            next_step="delete it:\n"
            f"aws supplychain delete-data-lake-dataset --instance-id {instance_id} --namespace {NAMESPACE} "
            f"--name {NAME} --region {resources.client.region}",
        ) from error
