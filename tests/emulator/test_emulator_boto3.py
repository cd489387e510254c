"""boto3's own client works against the emulator unchanged."""

import asyncio
import shutil
import subprocess
from contextlib import closing

import boto3
import pytest
from botocore.config import Config

from loader.emulator import ACCESS_KEY_ID, SECRET_ACCESS_KEY
from tests.emulator.signed_client import EVENT_TYPE, INSTANCE, target, token


def boto3_client(url: str, total_max_attempts: int = 1, **settings):
    return boto3.client(
        "supplychain",
        endpoint_url=url,
        region_name="eu-west-1",
        aws_access_key_id=ACCESS_KEY_ID,
        aws_secret_access_key=SECRET_ACCESS_KEY,
        config=Config(retries={"total_max_attempts": total_max_attempts}),
        **settings,
    )


def send(aws, **members) -> str:
    event = {"eventType": EVENT_TYPE, "data": '{"process_id":"p1"}', "eventGroupId": "g1", **members}
    event_id: str = aws.send_data_integration_event(instanceId=INSTANCE, **event)["eventId"]
    return event_id


async def test_boto3_sends_gets_and_lists(client):
    """An event sent by boto3 is found again by its receipt and in the list."""

    def talk() -> None:
        with closing(boto3_client(client.emulator.url)) as aws:
            event_id = send(aws, eventTimestamp=1515531081.123, eventGroupId="größe")
            event = aws.get_data_integration_event(instanceId=INSTANCE, eventId=event_id)["event"]
            assert event["eventGroupId"] == "größe"
            assert event["eventTimestamp"].timestamp() == pytest.approx(1515531081.123)
            assert "datasetTargetDetails" not in event
            listed = aws.list_data_integration_events(instanceId=INSTANCE)
            assert listed["events"] == [event]
            assert "nextToken" not in listed

    await asyncio.to_thread(talk)


@pytest.mark.parametrize("list_order", ["oldest", "newest", "mixed"])
async def test_boto3_follows_the_pages(start, list_order):
    """boto3's paginator walks all pages, in whatever order they have, and filters by event type."""
    client = await start(list_order=list_order)

    def talk() -> None:
        with closing(boto3_client(client.emulator.url)) as aws:
            sent = [send(aws, eventGroupId=f"g{number}") for number in range(45)]
            send(
                aws,
                eventType="scn.data.dataset",
                data='{"id":"c1"}',
                datasetTarget=target("company", "UPSERT"),
            )
            paginator = aws.get_paginator("list_data_integration_events")
            pages = list(paginator.paginate(instanceId=INSTANCE, eventType=EVENT_TYPE))
            assert [len(page["events"]) for page in pages] == [20, 20, 5]
            order = {"oldest": sent, "newest": sent[::-1], "mixed": sorted(sent)}[list_order]
            assert [event["eventId"] for page in pages for event in page["events"]] == order

    await asyncio.to_thread(talk)


async def test_boto3_sees_the_load_of_a_dataset_event(start):
    """A dataset event is IN_PROGRESS until its load has had its time, then SUCCEEDED."""
    client = await start(load_seconds=60)

    def talk() -> tuple[str, str]:
        with closing(boto3_client(client.emulator.url)) as aws:
            event_id = send(
                aws,
                eventType="scn.data.dataset",
                data='{"id":"c1"}',
                datasetTarget=target("company", "UPSERT"),
            )

            def status() -> str:
                event = aws.get_data_integration_event(instanceId=INSTANCE, eventId=event_id)["event"]
                details = event["datasetTargetDetails"]
                assert details["operationType"] == "UPSERT"
                found: str = details["datasetLoadExecution"]["status"]
                return found

            before = status()
            client.emulator.advance_clock(61)
            return before, status()

    assert await asyncio.to_thread(talk) == ("IN_PROGRESS", "SUCCEEDED")


async def test_boto3_raises_the_modelled_errors(start):
    """Errors come in the form that boto3 turns into the operation's own exceptions."""
    client = await start(quota={"rate": 1.0, "burst": 3}, instance_ids={INSTANCE})
    other_instance = INSTANCE.replace("8", "9")

    def talk() -> None:
        with closing(boto3_client(client.emulator.url)) as aws:
            with pytest.raises(aws.exceptions.ValidationException, match="neither a JSON object"):
                send(aws, data="[1]")
            send(aws, clientToken=token(1))
            with pytest.raises(aws.exceptions.ConflictException):
                send(aws, clientToken=token(1), eventGroupId="g2")
            with pytest.raises(aws.exceptions.ThrottlingException) as throttled:
                send(aws)
            assert throttled.value.response["ResponseMetadata"]["HTTPStatusCode"] == 429
            with pytest.raises(aws.exceptions.ResourceNotFoundException):
                aws.get_data_integration_event(instanceId=INSTANCE, eventId=INSTANCE)
            client.emulator.advance_clock(60)
            with pytest.raises(aws.exceptions.ResourceNotFoundException, match="instance"):
                aws.send_data_integration_event(
                    instanceId=other_instance,
                    eventType=EVENT_TYPE,
                    data='{"process_id":"p1"}',
                    eventGroupId="g",
                )

    await asyncio.to_thread(talk)


async def test_boto3_retries_a_throttled_event_under_the_same_token(start):
    """boto3's retry of a throttled call is accepted, once, and the ledger shows both attempts."""
    client = await start(faults={"rules": [{"fault": "error", "code": "ThrottlingException", "calls": [1]}]})

    def talk() -> str:
        with closing(boto3_client(client.emulator.url, total_max_attempts=3)) as aws:
            return send(aws)

    event_id = await asyncio.to_thread(talk)
    first, second = await client.emulator.rows()
    assert first.verdict == "fault:ThrottlingException"
    assert (second.verdict, second.event_id) == ("accepted", event_id)
    assert first.client_token == second.client_token


async def test_boto3_speaks_tls_with_the_emulator(start, tmp_path):
    """With a certificate the emulator is an https endpoint."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl makes the certificate")
    certfile, keyfile = tmp_path / "cert.pem", tmp_path / "key.pem"
    await asyncio.to_thread(
        subprocess.run,
        [
            *(openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-keyout", keyfile, "-out", certfile),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"),
        ],
        check=True,
        capture_output=True,
    )
    client = await start(certfile=certfile, keyfile=keyfile)
    assert client.emulator.url.startswith("https://127.0.0.1:")

    def talk() -> str:
        with closing(boto3_client(client.emulator.url, verify=str(certfile))) as aws:
            return send(aws)

    event_id = await asyncio.to_thread(talk)
    assert [row.event_id for row in await client.emulator.rows()] == [event_id]
