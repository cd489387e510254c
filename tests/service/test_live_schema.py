"""The schema of a dataset, as the instance tells it: asked for politely, read without surprises."""

import orjson
import pytest

from loader.datasets import Column, Dataset
from loader.errors import DeliveryStopped, ServiceStopped
from loader.http.transport import Response, TransportError
from loader.service.live_schema import DATASET_PATH, TYPES, read_dataset
from loader.service.resource_calls import TRIES
from tests.service.samples import INSTANCE_ID
from tests.service.test_client import MODEL, client_with


def answer(namespace: str = "asc", **schema: object) -> Response:
    fields = [
        {"name": "connection_id", "type": "STRING", "isRequired": True},
        {"name": "id", "type": "STRING", "isRequired": True},
        {"name": "units", "type": "LONG", "isRequired": False},
    ]
    keys = [{"name": "connection_id"}, {"name": "id"}]
    described = {"fields": fields, "primaryKeys": keys} | schema
    document = {"dataset": {"namespace": namespace, "name": "things", "schema": described}}
    return Response(200, {}, orjson.dumps(document))


def refusal(status: int, code: str) -> Response:
    return Response(status, {"x-amzn-errortype": code}, b'{"message":"because"}')


class Pauses(list[float]):
    """Notes how long was waited, and waits no time."""

    async def __call__(self, seconds: float) -> None:
        self.append(seconds)


def test_path_and_types_are_those_of_the_service_model():
    """What was copied from the model still is the model's."""
    assert MODEL.operation_model("GetDataLakeDataset").http["requestUri"] == DATASET_PATH.replace(
        "instance_id", "instanceId"
    )
    assert set(TYPES) == set(MODEL.shape_for("DataLakeDatasetSchemaFieldType").enum)


async def test_the_columns_the_service_fills_in_are_left_out_in_its_own_namespace_only():
    """``connection_id`` of the AWS data model is the service's; in a custom dataset it is the user's."""
    client, transport = client_with(answer(), answer("default"))
    columns = (Column("id", "string", required=True), Column("units", "int", required=False))
    assert await read_dataset(client, INSTANCE_ID, "asc", "things") == Dataset("things", columns, ("id",))
    custom = await read_dataset(client, INSTANCE_ID, "default", "things")
    assert custom.primary_key == ("connection_id", "id")
    assert len(custom.columns) == 3
    assert {(request.method, request.body) for request in transport.requests} == {("GET", b"")}
    assert "Content-Type" not in transport.requests[0].headers


async def test_what_passes_is_waited_for():
    """Throttling, a server error and a lost connection are tried again, each after a longer pause."""
    lost = TransportError("ConnectionReset", may_have_been_accepted=True)
    client, _ = client_with(
        refusal(429, "ThrottlingException"), refusal(500, "InternalServerException"), lost, answer()
    )
    pauses = Pauses()
    assert (await read_dataset(client, INSTANCE_ID, "asc", "things", sleep=pauses)).name == "things"
    assert pauses == [0.5, 1.0, 2.0]


@pytest.mark.parametrize(
    ("response", "stopped", "tries", "said"),
    [
        (Response(200, {}, b"<html>"), DeliveryStopped, TRIES, "log in to the network"),
        (Response(403, {}, b"<html>"), ServiceStopped, TRIES, "proxy or firewall"),
        (Response(407, {}, b"<html>"), ServiceStopped, 1, "HTTPS_PROXY"),
    ],
)
async def test_answers_of_others_are_named(response, stopped, tries, said):
    """An answer that is not the service's is tried again for a while, and the block says what it is."""
    client, transport = client_with(response)
    with pytest.raises(stopped) as caught:
        await read_dataset(client, INSTANCE_ID, "asc", "things", sleep=Pauses())
    assert len(transport.requests) == tries
    assert said in caught.value.next_step


async def test_it_gives_up_in_the_end():
    """After a few tries the load stops, and says that it can be run again."""
    client, transport = client_with(refusal(429, "ThrottlingException"))
    with pytest.raises(DeliveryStopped) as stopped:
        await read_dataset(client, INSTANCE_ID, "asc", "things", sleep=Pauses())
    assert len(transport.requests) == TRIES
    assert "ThrottlingException" in stopped.value.why


@pytest.mark.parametrize(
    ("response", "said"),
    [
        (refusal(403, "AccessDeniedException"), "scn:GetDataLakeDataset"),
        (refusal(404, "ResourceNotFoundException"), "--dataset-arn"),
        (Response(200, {}, b"{}"), "--endpoint-url"),
        (answer(fields=[{"name": "id", "type": "DATE", "isRequired": True}]), "--endpoint-url"),
    ],
)
async def test_what_does_not_pass_is_one_clear_refusal(response, said):
    """Missing access, a missing dataset or an unusable answer is one error with a next step."""
    client, transport = client_with(response)
    with pytest.raises(ServiceStopped) as stopped:
        await read_dataset(client, INSTANCE_ID, "asc", "things", sleep=Pauses())
    assert len(transport.requests) == 1
    assert said in stopped.value.next_step
    assert "asc/things" in stopped.value.where
