"""The operations of the emulator: the operation that a request calls, and its input.

Paths, methods and the place of every member (path, query, body) come from the service model.
To add an operation to the emulator, extend ``SERVED``.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any
from urllib.parse import parse_qsl, unquote

import orjson
from botocore.model import OperationModel

from loader.emulator.model.refusal import Refusal
from loader.emulator.model.shapes import Check, WrongType, as_texts, compile_check, service_model

SEND = "SendDataIntegrationEvent"
GET = "GetDataIntegrationEvent"
LIST = "ListDataIntegrationEvents"
GET_DATASET = "GetDataLakeDataset"
CREATE_DATASET = "CreateDataLakeDataset"
LIST_DATASETS = "ListDataLakeDatasets"
DELETE_DATASET = "DeleteDataLakeDataset"
GET_INSTANCE = "GetInstance"
LIST_INSTANCES = "ListInstances"
TAG = "TagResource"
UNTAG = "UntagResource"
LIST_TAGS = "ListTagsForResource"
SERVED = (
    *(SEND, GET, LIST, GET_DATASET, CREATE_DATASET, LIST_DATASETS, DELETE_DATASET),
    *(GET_INSTANCE, LIST_INSTANCES, TAG, UNTAG, LIST_TAGS),
)

_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class ServiceOperation:
    """One operation of the service.

    Attributes:
        name: Its name in the service model.
        method: HTTP method.
        path: Matches the path of a request; its groups are the members in the path.
        query_members: Members in the query string: wire name, name, type in the model.
        has_body: Whether any member is in a JSON body.
        check: Checks the whole input.
    """

    name: str
    method: str
    path: re.Pattern[str]
    query_members: tuple[tuple[str, str, str], ...]
    has_body: bool
    check: Check


_PATHS_REMEMBERED = 1024
"""Cache size: a client uses the same few paths repeatedly."""


@dataclass(frozen=True, slots=True)
class OperationCall:
    """A request for one of the served operations.

    Attributes:
        operation: The operation.
        path_members: The members in the path.
    """

    operation: ServiceOperation
    path_members: Mapping[str, str]


@lru_cache(_PATHS_REMEMBERED)
def find_call(method: str, path: str) -> OperationCall:
    """Return the operation that a request calls.

    Raises:
        Refusal: The operation is not served here.
    """
    for operation in _operations():
        if operation.method == method and (match := operation.path.fullmatch(path)):
            return OperationCall(operation, {name: unquote(text) for name, text in match.groupdict().items()})
    raise Refusal("UnknownOperationException", "The requested operation is not served here")


def read_input(call: OperationCall, query: str, body: bytes, content_type: str) -> dict[str, Any]:
    """Return the members of a request's input, unchecked except for their JSON form.

    Raises:
        Refusal: The body is not a JSON object, or a number in the query string is not a number.
    """
    operation = call.operation
    members = _read_body(body, content_type) if operation.has_body else {}
    if operation.query_members:
        members.update(_read_query(operation, query))
    members.update(call.path_members)
    return members


def check_input(operation: ServiceOperation, members: Mapping[str, Any]) -> None:
    """Check an input against the service model.

    Raises:
        Refusal: It breaks the model's constraints; the message lists all of them.
    """
    try:
        faults = operation.check(members)
    except WrongType as error:
        raise Refusal("SerializationException", str(error)) from error
    if faults:
        refuse_faults(as_texts(faults))


def refuse_faults(faults: list[str]) -> None:
    """Refuse the request if ``faults`` is not empty.

    Raises:
        Refusal: It is not empty.
    """
    if faults:
        count = "1 validation error" if len(faults) == 1 else f"{len(faults)} validation errors"
        raise Refusal("ValidationException", f"{count} detected. {'; '.join(faults)}")


def _read_body(body: bytes, content_type: str) -> dict[str, Any]:
    if content_type != _JSON and content_type.partition(";")[0].strip().lower() != _JSON:
        raise Refusal("UnsupportedMediaTypeException", f"The content type must be {_JSON}")
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        document = None
    if not isinstance(document, dict):
        raise Refusal("SerializationException", "The body is not a JSON object in UTF-8")
    return document


def _read_query(operation: ServiceOperation, query: str) -> dict[str, Any]:
    pairs = parse_qsl(query, keep_blank_values=True)
    given = dict(pairs)
    members: dict[str, Any] = {}
    for wire_name, name, kind in operation.query_members:
        if wire_name not in given:
            continue
        text = given[wire_name]
        if kind == "integer" and not re.fullmatch(r"-?\d{1,9}", text):
            raise Refusal("SerializationException", f"Value at '/{name}' is not a whole number")
        if kind == "list":
            members[name] = [value for key, value in pairs if key == wire_name]
        else:
            members[name] = int(text) if kind == "integer" else text
    return members


@cache
def _operations() -> tuple[ServiceOperation, ...]:
    return tuple(_operation(service_model().operation_model(name)) for name in SERVED)


def _operation(model: OperationModel) -> ServiceOperation:
    members = model.input_shape.members
    places = {name: member.serialization.get("location", "body") for name, member in members.items()}
    return ServiceOperation(
        name=model.name,
        method=model.http["method"],
        path=re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]*)", re.escape(model.http["requestUri"]))),
        query_members=tuple(
            (members[name].serialization["name"], name, members[name].type_name)
            for name, place in places.items()
            if place == "querystring"
        ),
        has_body="body" in places.values(),
        check=compile_check(model.input_shape),
    )
