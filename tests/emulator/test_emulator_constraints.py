"""Each constraint of the service model, and each rule about `data`, has its error."""

import gzip

import orjson
import pytest
from botocore.loaders import Loader

from tests.emulator.signed_client import EVENT_TYPE, INSTANCE, arn, event, signed, target, token

MODEL = Loader().load_service_model("supplychain", "service-2")["shapes"]
MAX_DATA = MODEL["DataIntegrationEventData"]["max"]
DATASET = "scn.data.dataset"
INVALID = (400, "ValidationException")


def padded(size: int, letter: str = "x") -> str:
    """Return valid data of that many characters."""
    frame = '{"process_id":"p1","description":""}'
    return frame.replace('""', f'"{letter * (size - len(frame))}"')


@pytest.mark.parametrize("name", MODEL["SendDataIntegrationEventRequest"]["required"][1:])
async def test_each_required_member_is_required(client, name):
    """A required member that is missing, or null, is named."""
    for value in (event(**{name: None}), event(**{name: None}) | {name: None}):
        reply = await client.send_bytes(orjson.dumps(value))
        assert reply.error == INVALID
        assert f"Value at '/{name}' failed" in reply.json["message"]
        assert "must not be null" in reply.json["message"]


@pytest.mark.parametrize(
    ("members", "demand"),
    [
        ({"clientToken": "t" * 32}, "'/clientToken' failed to satisfy constraint: Member must have length"),
        ({"clientToken": "t" * 127}, "between 33 and 126, inclusive"),
        ({"eventGroupId": ""}, "'/eventGroupId'"),
        ({"eventGroupId": "g" * 256}, "between 1 and 255, inclusive"),
        ({"eventType": "scn.data.unheardof"}, "enum value set: [scn.data.forecast,"),
        ({"data": ""}, "between 1 and 1048576, inclusive"),
        ({"data": padded(MAX_DATA + 1)}, "between 1 and 1048576, inclusive"),
        ({"data": padded(MAX_DATA // 2 + 40, "ß")}, "1048576 bytes"),
        ({"eventType": DATASET}, "needs a datasetTarget"),
        ({"datasetTarget": target("company", "UPSERT")}, "needs a datasetTarget"),
        ({"eventType": DATASET, "datasetTarget": {"operationType": "UPSERT"}}, "datasetIdentifier' failed"),
        ({"eventType": DATASET, "datasetTarget": target("company", "MERGE")}, "[APPEND, UPSERT, DELETE]"),
        (
            {"eventType": DATASET, "datasetTarget": {"datasetIdentifier": "arn:aws:s3:::bucket-of-mine"}},
            "regular expression pattern",
        ),
        (
            {
                "eventType": DATASET,
                "datasetTarget": {
                    "datasetIdentifier": arn("company", instance=INSTANCE.replace("8", "9")),
                    "operationType": "UPSERT",
                },
            },
            "another instance",
        ),
        ({"eventType": DATASET, "datasetTarget": target("NoName", "APPEND", "default")}, "[a-z0-9_]+"),
    ],
)
async def test_each_broken_constraint_is_named(client, members, demand):
    """The answer is ValidationException, names the constraint and never repeats the payload."""
    reply = await client.send(**members)
    assert reply.error == INVALID
    assert demand in reply.json["message"]
    assert len(reply.body) < 2000
    assert [row.verdict for row in await client.emulator.rows()] == ["rejected:ValidationException"]


@pytest.mark.parametrize(
    "members",
    [
        {"clientToken": "t" * 33},
        {"clientToken": "t" * 126},
        {"eventGroupId": "\N{GRINNING FACE}" * 255},
        {"data": padded(MAX_DATA)},
        {"eventTimestamp": 0},
        {"eventTimestamp": 1515531081.123},
        {"eventTimestamp": -1.5},
        {"data": "[" + ",".join(['{"process_id":"p"}'] * 1000) + "]"},
    ],
)
async def test_the_edges_of_the_constraints_are_inside(client, members):
    """The greatest and smallest allowed values are accepted."""
    assert (await client.send(**members)).event_id


async def test_one_answer_lists_all_faults(client):
    """One answer lists every broken constraint."""
    reply = await client.send(clientToken="short", eventGroupId="", eventType="x")
    message = reply.json["message"]
    assert message.startswith("3 validation errors detected.")
    assert all(name in message for name in ("/clientToken", "/eventGroupId", "/eventType"))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        b'"text"',
        b'{"data": "\xff"}',
        orjson.dumps(event(data={"process_id": "p1"})),
        orjson.dumps(event(eventTimestamp="2024-01-01T00:00:00Z")),
        orjson.dumps(event(eventTimestamp=True)),
        orjson.dumps(event(eventGroupId=7)),
        orjson.dumps(event(datasetTarget="arn")),
    ],
)
async def test_what_cannot_be_read_is_a_serialization_error(client, body):
    """A body that is not a JSON object, or holds a member of the wrong type, cannot be read."""
    assert (await client.send_bytes(body)).error == (400, "SerializationException")


async def test_a_wrong_type_is_named_by_its_whole_path(client):
    """A member inside another that has the wrong type is named with the way to it."""
    reply = await client.send(eventType=DATASET, datasetTarget={"datasetIdentifier": 7})
    assert reply.json["message"] == "Value at '/datasetTarget/datasetIdentifier' is not a string"


async def test_the_body_must_be_json_by_its_content_type(client):
    """Another content type is refused."""
    body = orjson.dumps(event())
    headers = signed(client.events_url, body, headers={"Content-Type": "text/plain"})
    reply = await client.request("POST", client.events_url, body, headers)
    assert reply.error == (415, "UnsupportedMediaTypeException")


async def test_compressed_bodies_are_not_understood(client):
    """The model has no request compression: a gzip body is signed as sent and cannot be read."""
    reply = await client.send_bytes(
        gzip.compress(orjson.dumps(event())), headers={"Content-Encoding": "gzip"}
    )
    assert reply.error == (400, "SerializationException")


async def test_a_body_beyond_the_limit_is_413(start):
    """A body longer than the HTTP limit is not even read to its end."""
    client = await start(max_body_bytes=10_000)
    assert (await client.send(data=padded(20_000))).error == (413, "RequestEntityTooLargeException")
    assert (await client.send()).event_id
    verdicts = [row.verdict for row in await client.emulator.rows()]
    assert verdicts == ["rejected:RequestEntityTooLargeException", "accepted"]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("{", "not valid JSON"),
        ("7", "neither a JSON object nor an array"),
        ("null", "neither a JSON object nor an array"),
        ("[]", "neither a JSON object nor an array"),
        ('[{"process_id":"p"},[]]', "neither a JSON object nor an array"),
        ('{"process_id":NaN}', "not valid JSON"),
        (r'{"process_id":"\ud800"}', "not valid JSON"),
        ("{}", "Record 0: required column missing: process_id"),
        ('[{"process_id":"p"},{"type":"t"}]', "Record 1: required column missing: process_id"),
        ('{"process_id":null}', "required column 'process_id' is null"),
        ('{"process_id":"p","PROCESS_ID":"p"}', "'PROCESS_ID' is not in the dataset"),
        ('{"process_id":"p","connection_id":"c"}', "'connection_id' is filled in by the service"),
        ('{"process_id":12}', "'process_id' is not a string"),
    ],
)
async def test_data_must_hold_records_of_the_dataset(client, data, said):
    """Data that is not made of the dataset's records is refused, and said why without a value of it."""
    reply = await client.send(data=data)
    assert reply.error == INVALID
    assert said in reply.json["message"]


async def test_a_dataset_that_does_not_exist_is_not_found(client):
    """Namespace asc holds the known datasets and no others."""
    reply = await client.send(eventType=DATASET, datasetTarget=target("no_such_dataset", "UPSERT"))
    assert reply.error == (404, "ResourceNotFoundException")


async def test_a_delete_needs_the_key_alone(client):
    """A DELETE record must hold the primary key; other required columns may be left out."""
    members = {"eventType": DATASET, "datasetTarget": target("inbound_order_line", "DELETE")}
    key = {"id": "1", "order_id": "o", "tpartner_id": "t", "product_id": "p"}
    assert (await client.send(data=orjson.dumps(key).decode(), **members)).event_id
    del key["product_id"]
    reply = await client.send(data=orjson.dumps(key).decode(), **members)
    assert "required column missing: product_id" in reply.json["message"]


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("?maxResults=0", INVALID),
        ("?maxResults=21", INVALID),
        ("?maxResults=ten", (400, "SerializationException")),
        ("?eventType=scn.data.unheardof", INVALID),
        ("?nextToken=", INVALID),
        ("?nextToken=made-up", INVALID),
        ("?nextToken=%C3%9F", INVALID),
        ("/not-a-uuid", INVALID),
        ("/" + INSTANCE, (404, "ResourceNotFoundException")),
        ("/" + INSTANCE + "/more", (404, "UnknownOperationException")),
    ],
)
async def test_get_and_list_check_their_input_too(client, path, error):
    """The model's constraints hold for paths and query strings."""
    assert (await client.get(path)).error == error


async def test_events_older_than_thirty_days_are_not_found(client):
    """Get and List forget an event after 30 days."""
    event_id = (await client.send()).event_id
    client.emulator.advance_clock(30 * 86_400 - 60)
    assert (await client.get(f"/{event_id}")).status == 200
    client.emulator.advance_clock(120)
    assert (await client.get(f"/{event_id}")).error == (404, "ResourceNotFoundException")
    assert (await client.get("")).json == {"events": []}


async def test_another_instance_does_not_see_the_event(client):
    """Only the instance that received an event reports it."""
    event_id = (await client.send()).event_id
    url = client.events_url.replace(INSTANCE, INSTANCE.replace("8", "9")) + f"/{event_id}"
    reply = await client.request("GET", url, b"", signed(url, b"", method="GET"))
    assert reply.error == (404, "ResourceNotFoundException")


async def test_an_event_without_token_is_accepted_each_time(client):
    """Without a client token nothing tells a repetition from a new event."""
    body = orjson.dumps(event(clientToken=None))
    first, second = [await client.send_bytes(body) for _ in range(2)]
    assert first.event_id != second.event_id
    assert client.emulator.summary()["accepted_tokens"] == 2


async def test_every_typed_event_type_has_its_table(client):
    """Each typed event type of the model is taken, and lands in the table of its dataset."""
    from loader.datasets import dataset_for_event_type

    words = {"string": "x", "double": "1.5", "int": "3", "timestamp": "2024-01-01T00:00:00Z"}
    typed = [name for name in MODEL["DataIntegrationEventType"]["enum"] if name != DATASET]
    assert EVENT_TYPE in typed
    for number, event_type in enumerate(typed):
        dataset = dataset_for_event_type(event_type)
        record = {column.name: words[column.type] for column in dataset.columns}
        reply = await client.send(
            eventType=event_type, data=orjson.dumps(record).decode(), clientToken=token(number)
        )
        assert reply.event_id
        columns = ", ".join(record)
        assert await client.emulator.lake(f"SELECT {columns} FROM {dataset.name}") == [tuple(record.values())]


async def test_a_record_can_be_refused_for_a_value(start):
    """Its whole event is refused, with the place of the record and never the value; others are accepted."""
    client = await start(refused_values={"process_id": frozenset({"p2", "p9"})})
    data = '[{"process_id":"p1"},{"process_id":"p2"}]'
    reply = await client.send(data=data)
    assert reply.error == INVALID
    assert reply.json["message"] == "Record 1: column 'process_id' has a value that is refused"
    assert (await client.send(data='[{"process_id":"p1"},{"process_id":"p3"}]')).status == 200
