"""Instances, data lake datasets and tags, as far as programs that set up an instance need them.

An instance is known if the settings name it, or if they name none and a request used it. Created resources
live as long as the process, and longer if the lake is a file: see `stored` and `restore`.
"""

from collections.abc import Callable, Mapping
from typing import Any

from loader.emulator.model.catalog import ASC, Catalog, checked_dataset
from loader.emulator.model.operations import (
    CREATE_DATASET,
    DELETE_DATASET,
    GET_DATASET,
    GET_INSTANCE,
    LIST_DATASETS,
    LIST_INSTANCES,
    LIST_TAGS,
    TAG,
    UNTAG,
)
from loader.emulator.model.refusal import Refusal
from loader.emulator.model.shapes import max_value
from loader.emulator.settings import EmulatorSettings

Members = Mapping[str, Any]

CHANGING = frozenset({CREATE_DATASET, DELETE_DATASET, TAG, UNTAG})
"""Operations that change the stored resources."""


class Resources:
    """Answers the operations on resources other than events.

    Args:
        settings: Known instances, their tags, and the account.
        catalog: The datasets.
        began_at: Creation time of the instances, in epoch seconds.
    """

    def __init__(self, settings: EmulatorSettings, catalog: Catalog, began_at: float) -> None:
        self._settings = settings
        self._catalog = catalog
        self._began_at = began_at
        self._seen: dict[str, None] = dict.fromkeys(sorted(settings.instance_ids))
        self._tags: dict[str, dict[str, str]] = {}
        self._answers: Mapping[str, Callable[[Members, str, float], dict[str, Any]]] = {
            GET_DATASET: self._get_dataset,
            CREATE_DATASET: self._create_dataset,
            DELETE_DATASET: self._delete_dataset,
            LIST_DATASETS: self._list_datasets,
            GET_INSTANCE: self._get_instance,
            LIST_INSTANCES: self._list_instances,
            TAG: self._tag,
            UNTAG: self._untag,
            LIST_TAGS: self._list_tags,
        }

    def answer(self, operation: str, members: Members, region: str, now: float) -> dict[str, Any]:
        """Return the output of an operation.

        Args:
            operation: Its name.
            members: A checked input.
            region: The Region that the request is signed for.
            now: Epoch seconds.

        Raises:
            Refusal: The resource does not exist, or exists already.
        """
        if "instanceId" in members:
            self._know(members["instanceId"])
        return self._answers[operation](members, region, now)

    def stored(self) -> dict[str, Any]:
        """Return the created resources, tags and used instances as JSON values."""
        return {
            "datasets": self._catalog.created(),
            "tags": self._tags,
            "instances": list(self._seen),
        }

    def restore(self, stored: Mapping[str, Any]) -> None:
        """Restore what an earlier emulator stored. Datasets from the settings are not changed."""
        for dataset in stored["datasets"]:
            if not self._catalog.has(dataset["namespace"], dataset["name"]):
                self._catalog.add(dataset, dataset["createdTime"])
        self._tags = {arn: dict(tags) for arn, tags in stored["tags"].items()}
        if not self._settings.instance_ids:
            self._seen = dict.fromkeys(stored["instances"])

    def _know(self, instance_id: str) -> None:
        if self._settings.instance_ids and instance_id not in self._settings.instance_ids:
            raise Refusal("ResourceNotFoundException", "There is no such instance")
        self._seen[instance_id] = None

    def _get_dataset(self, members: Members, region: str, _now: float) -> dict[str, Any]:
        return {"dataset": self._described(members, region)}

    def _create_dataset(self, members: Members, region: str, now: float) -> dict[str, Any]:
        namespace, name = members["namespace"], members["name"]
        if self._catalog.has(namespace, name):
            raise Refusal("ConflictException", "There is a dataset of this name")
        if namespace == ASC:
            raise Refusal("ValidationException", "Namespace asc holds the AWS data model only")
        if members.get("schema") is None:
            raise Refusal("ValidationException", "A dataset of this namespace needs a schema")
        try:
            dataset = checked_dataset(dict(members))
        except ValueError as error:
            raise Refusal("ValidationException", str(error)) from error
        self._catalog.add(dataset, now)
        described = self._described(members, region)
        self._tags[described["arn"]] = dict(members.get("tags") or {})
        return {"dataset": described}

    def _delete_dataset(self, members: Members, region: str, _now: float) -> dict[str, Any]:
        described = self._described(members, region)
        if members["namespace"] == ASC:
            raise Refusal("ValidationException", "A dataset of the AWS data model is not deleted here")
        self._catalog.remove(members["namespace"], members["name"])
        self._tags.pop(described["arn"], None)
        return {name: members[name] for name in ("instanceId", "namespace", "name")}

    def _list_datasets(self, members: Members, region: str, _now: float) -> dict[str, Any]:
        names = self._catalog.names(members["namespace"])
        start, end = _page(members, len(names), "DataLakeDatasetMaxResults")
        found = [self._described({**members, "name": name}, region) for name in names[start:end]]
        return {"datasets": found} | _next(end, len(names))

    def _get_instance(self, members: Members, _region: str, _now: float) -> dict[str, Any]:
        return {"instance": self._instance(members["instanceId"])}

    def _list_instances(self, members: Members, _region: str, _now: float) -> dict[str, Any]:
        instances = [self._instance(each) for each in self._seen]
        for name, filtered in (("instanceName", "instanceNameFilter"), ("state", "instanceStateFilter")):
            if members.get(filtered):
                instances = [each for each in instances if each[name] in members[filtered]]
        start, end = _page(members, len(instances), "InstanceMaxResults")
        return {"instances": instances[start:end]} | _next(end, len(instances))

    def _tag(self, members: Members, region: str, _now: float) -> dict[str, Any]:
        self._tags_of(members["resourceArn"], region).update(members["tags"])
        return {}

    def _untag(self, members: Members, region: str, _now: float) -> dict[str, Any]:
        tags = self._tags_of(members["resourceArn"], region)
        for key in members["tagKeys"]:
            tags.pop(key, None)
        return {}

    def _list_tags(self, members: Members, region: str, _now: float) -> dict[str, Any]:
        return {"tags": self._tags_of(members["resourceArn"], region)}

    def _tags_of(self, arn: str, region: str) -> dict[str, str]:
        """Return the tags of an instance or a dataset; the caller may change them.

        Raises:
            Refusal: The resource does not exist.
        """
        if arn in self._tags:
            return self._tags[arn]
        prefix = self._arn(region, "")
        place = arn.removeprefix(prefix).split("/") if arn.startswith(prefix) else []
        match place:
            case [instance_id]:
                self._know(instance_id)
                return self._tags.setdefault(arn, dict(self._settings.instance_tags))
            case [instance_id, "namespaces", namespace, "datasets", name]:
                self._know(instance_id)
                if self._catalog.has(namespace, name):
                    return self._tags.setdefault(arn, {})
        raise Refusal("ResourceNotFoundException", "There is no such resource")

    def _described(self, members: Members, region: str) -> dict[str, Any]:
        place = f"{members['instanceId']}/namespaces/{members['namespace']}/datasets/{members['name']}"
        return self._catalog.describe(members, self._arn(region, place), self._began_at)

    def _arn(self, region: str, place: str) -> str:
        return f"arn:aws:scn:{region}:{self._settings.account_id}:instance/{place}"

    def _instance(self, instance_id: str) -> dict[str, Any]:
        return {
            "instanceId": instance_id,
            "awsAccountId": self._settings.account_id,
            "state": "Active",
            "instanceName": "emulator",
            "createdTime": self._began_at,
            "lastModifiedTime": self._began_at,
        }


def _page(members: Members, count: int, most: str) -> tuple[int, int]:
    """Return the start and end of a page."""
    text: str = members.get("nextToken") or "0"
    if not (text.isascii() and text.isdecimal()) or int(text[:18]) > count:
        raise Refusal("ValidationException", "The next token is not valid")
    start = int(text)
    return start, min(count, start + (members.get("maxResults") or max_value(most)))


def _next(end: int, count: int) -> dict[str, str]:
    return {"nextToken": str(end)} if end < count else {}
