"""Datasets, instances and tags, through boto3, whose model is the judge of every shape."""

import asyncio
import shutil
import socket
from contextlib import closing
from typing import Any

import orjson
import pytest
from botocore.validate import ParamValidator

from loader.emulator.model.shapes import service_model
from tests.emulator.signed_client import EVENTS_PATH, INSTANCE, event, signed, target
from tests.emulator.test_emulator_boto3 import boto3_client, send

SCHEMA = {
    "name": "Trips",
    "fields": [
        {"name": "trip_id", "type": "STRING", "isRequired": True},
        {"name": "day", "type": "TIMESTAMP", "isRequired": False},
        {"name": "boxes", "type": "LONG", "isRequired": False},
    ],
    "primaryKeys": [{"name": "trip_id"}],
}
PARTITION = {"fields": [{"name": "day", "transform": {"type": "MONTH"}}]}
TRIPS = {"instanceId": INSTANCE, "namespace": "default", "name": "trips"}


def checked(operation: str, answer: dict[str, Any]) -> dict[str, Any]:
    """Return an answer that follows the model's output shape."""
    answer.pop("ResponseMetadata", None)
    report = ParamValidator().validate(answer, service_model().operation_model(operation).output_shape)
    assert not report.has_errors(), report.generate_report()
    return answer


async def test_datasets_are_made_listed_and_deleted(client):
    """Get and List return the input of CreateDataLakeDataset, with an ARN of the caller's Region."""

    def talk() -> None:
        with closing(boto3_client(client.emulator.url)) as aws:
            made = checked(
                "CreateDataLakeDataset",
                aws.create_data_lake_dataset(
                    **TRIPS, schema=SCHEMA, partitionSpec=PARTITION, description="d", tags={"a": "b"}
                ),
            )["dataset"]
            assert (made["schema"], made["partitionSpec"], made["description"]) == (SCHEMA, PARTITION, "d")
            assert made["arn"].startswith(f"arn:aws:scn:eu-west-1:123456789012:instance/{INSTANCE}/")
            assert aws.list_tags_for_resource(resourceArn=made["arn"])["tags"] == {"a": "b"}
            with pytest.raises(aws.exceptions.ConflictException):
                aws.create_data_lake_dataset(**TRIPS, schema=SCHEMA)
            own = {"instanceId": INSTANCE, "namespace": "default"}
            listed = checked("ListDataLakeDatasets", aws.list_data_lake_datasets(**own))
            assert listed["datasets"] == [made]
            pages = aws.get_paginator("list_data_lake_datasets").paginate(
                instanceId=INSTANCE, namespace="asc", PaginationConfig={"PageSize": 7}
            )
            names = [each["name"] for page in pages for each in page["datasets"]]
            assert "inbound_order" in names
            assert len(names) == len(set(names)) > 20
            checked("DeleteDataLakeDataset", aws.delete_data_lake_dataset(**TRIPS))
            with pytest.raises(aws.exceptions.ResourceNotFoundException):
                aws.get_data_lake_dataset(**TRIPS)

    await asyncio.to_thread(talk)


async def test_datasets_and_tags_survive_the_emulator(start, tmp_path):
    """An emulator that begins with the same lake has the datasets, partitions and tags of the one before."""
    client = await start(lake_path=tmp_path / "lake.sqlite")

    def set_up() -> list[dict[str, Any]]:
        with closing(boto3_client(client.emulator.url)) as aws:
            kept = aws.create_data_lake_dataset(
                **TRIPS, schema=SCHEMA, partitionSpec=PARTITION, description="d", tags={"a": "b"}
            )["dataset"]
            aws.create_data_lake_dataset(**(TRIPS | {"name": "gone"}), schema=SCHEMA)
            aws.delete_data_lake_dataset(**(TRIPS | {"name": "gone"}))
            aws.tag_resource(resourceArn=kept["arn"], tags={"team": "x"})
            send_day(aws, "2026-01-01T00:00:00Z", "1")
            return [kept]

    def look_again(url: str) -> list[dict[str, Any]]:
        with closing(boto3_client(url)) as aws:
            own = {"instanceId": INSTANCE, "namespace": "default"}
            found: list[dict[str, Any]] = aws.list_data_lake_datasets(**own)["datasets"]
            tags = aws.list_tags_for_resource(resourceArn=found[0]["arn"])["tags"]
            assert tags == {"a": "b", "team": "x"}
            send_day(aws, "2026-01-31T00:00:00Z", "2")
            send_day(aws, "2026-02-01T00:00:00Z", "3")
            return found

    made = await asyncio.to_thread(set_up)
    await client.emulator.flush()
    for part in tmp_path.glob("lake.sqlite*"):  # as a kill leaves it
        shutil.copy(part, tmp_path / part.name.replace("lake", "copy"))
    later = await start(lake_path=tmp_path / "copy.sqlite")
    assert await asyncio.to_thread(look_again, later.emulator.url) == made
    await later.emulator.flush()
    rows = await later.emulator.lake('SELECT boxes FROM "default.trips" ORDER BY boxes')
    assert rows == [("2",), ("3",)]
    assert set(later.emulator.service.store.lake.counts()) == {"default.trips"}


def send_day(aws: Any, day: str | None, boxes: str) -> None:
    """Send a record of the one key that these tests know."""
    record = {"trip_id": "t", "boxes": boxes} | ({} if day is None else {"day": day})
    send(
        aws,
        eventType="scn.data.dataset",
        data=orjson.dumps(record).decode(),
        datasetTarget=target("trips", "UPSERT", "default"),
    )


async def test_upserts_obey_partitions(client):
    """Records of one key in two partitions are two records; in one partition the last stays."""

    def talk() -> None:
        with closing(boto3_client(client.emulator.url)) as aws:
            aws.create_data_lake_dataset(**TRIPS, schema=SCHEMA, partitionSpec=PARTITION)
            for day, boxes in (
                ("2026-01-01T00:00:00Z", "1"),
                ("2026-01-31T23:00:00Z", "2"),
                ("2026-02-01T00:00:00Z", "3"),
                (None, "4"),
                (None, "5"),
            ):
                send_day(aws, day, boxes)

    await asyncio.to_thread(talk)
    await client.emulator.flush()
    rows = await client.emulator.lake('SELECT boxes FROM "default.trips" ORDER BY boxes')
    assert rows == [("2",), ("3",), ("5",)]


async def test_instances_and_their_tags(start):
    """A known instance is returned with its tags; an unknown one is not found."""
    client = await start(instance_ids={INSTANCE}, instance_tags={"scn-loader:measure": "yes"})

    def talk() -> None:
        with closing(boto3_client(client.emulator.url)) as aws:
            found = checked("GetInstance", aws.get_instance(instanceId=INSTANCE))["instance"]
            listed = checked("ListInstances", aws.list_instances(instanceStateFilter=["Active"]))
            assert listed["instances"] == [found]
            assert aws.list_instances(instanceNameFilter=["another"])["instances"] == []
            place = f"arn:aws:scn:eu-west-1:{found['awsAccountId']}:instance/{INSTANCE}"
            aws.tag_resource(resourceArn=place, tags={"team": "x"})
            aws.untag_resource(resourceArn=place, tagKeys=["nothing"])
            tags = checked("ListTagsForResource", aws.list_tags_for_resource(resourceArn=place))["tags"]
            assert tags == {"scn-loader:measure": "yes", "team": "x"}
            other = INSTANCE.replace("8", "9")
            with pytest.raises(aws.exceptions.ResourceNotFoundException):
                aws.get_instance(instanceId=other)
            with pytest.raises(aws.exceptions.ResourceNotFoundException):
                aws.list_tags_for_resource(resourceArn=place.replace(INSTANCE, other))
            with pytest.raises(aws.exceptions.ResourceNotFoundException):
                aws.list_data_integration_events(instanceId=other)

    await asyncio.to_thread(talk)


@pytest.mark.parametrize("timestamp", [1e300, -1e300, 253_402_300_800, -62_135_596_801])
async def test_a_time_beyond_the_type_is_refused(client, timestamp):
    """A timestamp that no client could read back is not accepted."""
    reply = await client.send(eventTimestamp=timestamp)
    assert reply.error == (400, "SerializationException")


async def test_the_ledger_pages_refuse_a_huge_number(client):
    """A number that SQLite cannot hold is a bad request, no fault of the emulator."""
    for after in (2**63, 10**40):
        assert (await client.control(f"ledger/rows?after={after}")).status == 400


def talk_raw(url: str, request: bytes, body: bytes = b"") -> tuple[bytes, bytes]:
    """Send a head, then the body once it is asked for; return what came before and after."""
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(request)
        interim = b""
        if body:
            interim = connection.recv(1000)
            connection.sendall(body)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
        return interim, answer


async def test_a_client_that_waits_to_be_asked_for_the_body_is_asked(client):
    """``Expect: 100-continue`` is answered before the body comes; another expectation is refused."""
    body = orjson.dumps(event())
    headers = signed(client.events_url, body)
    head = f"POST {EVENTS_PATH} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in headers.items())
    head += f"Content-Length: {len(body)}\r\nConnection: close\r\n"
    url = client.emulator.url
    interim, answer = await asyncio.to_thread(
        talk_raw, url, f"{head}Expect: 100-continue\r\n\r\n".encode(), body
    )
    assert interim == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert answer.startswith(b"HTTP/1.1 200 OK")
    _, answer = await asyncio.to_thread(talk_raw, url, f"{head}Expect: tea\r\n\r\n".encode() + body)
    assert answer.startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("header", [b"X-Amz-Meta: \xff\xfe", b"Authorization: \xff", b"Content-Type: \xff"])
async def test_a_header_that_is_not_utf_8_is_refused(client, header):
    """Bytes that cannot be signed are refused as a bad signature."""
    body = orjson.dumps(event())
    headers = signed(client.events_url, body)
    name = header.split(b":")[0].decode().lower()
    kept = {key: value for key, value in headers.items() if key.lower() != name}
    if name == "x-amz-meta":
        kept["Authorization"] = kept["Authorization"].replace("host;", "host;x-amz-meta;")
    head = f"POST {EVENTS_PATH} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in kept.items())
    head += f"Content-Length: {len(body)}\r\nConnection: close\r\n"
    _, answer = await asyncio.to_thread(
        talk_raw, client.emulator.url, head.encode() + header + b"\r\n\r\n" + body
    )
    assert answer.startswith((b"HTTP/1.1 403 ", b"HTTP/1.1 400 ")), answer[:200]
