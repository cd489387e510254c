"""What becomes of accepted events in the lake, and what Get and List tell of it."""

import asyncio
from contextlib import closing

import orjson
import pytest

from loader.emulator import FaultPlan
from tests.emulator.signed_client import INSTANCE, target
from tests.emulator.test_emulator_boto3 import boto3_client, send

COMPANY = {"eventType": "scn.data.dataset", "datasetTarget": target("company", "UPSERT")}


def status_of(aws, event_id: str) -> dict[str, str]:
    event = aws.get_data_integration_event(instanceId=INSTANCE, eventId=event_id)["event"]
    status: dict[str, str] = event["datasetTargetDetails"]["datasetLoadExecution"]
    return status


async def test_the_load_of_an_event_with_a_given_value_fails(start):
    """It is accepted, its records do not reach the lake, and the message names the column, not the value."""
    client = await start(failed_values={"id": {"c2"}}, load_seconds=60)

    def talk() -> None:
        with closing(boto3_client(client.emulator.url)) as aws:
            sent = [send(aws, **COMPANY, data=orjson.dumps({"id": f"c{n}"}).decode()) for n in range(4)]
            assert {status_of(aws, each)["status"] for each in sent} == {"IN_PROGRESS"}
            client.emulator.advance_clock(61)
            found = [status_of(aws, each) for each in sent]
            assert [each["status"] for each in found] == ["SUCCEEDED", "SUCCEEDED", "FAILED", "SUCCEEDED"]
            assert "'id'" in found[2]["message"]
            assert "c2" not in found[2]["message"]

    await asyncio.to_thread(talk)
    await client.emulator.flush()
    assert await client.emulator.lake("SELECT id FROM company ORDER BY id") == [("c0",), ("c1",), ("c3",)]


async def test_a_share_of_the_loads_fails(start):
    """About the share that was asked for; the lake holds the others."""
    client = await start(fail_load_share=0.3, seed=1)

    def talk() -> int:
        with closing(boto3_client(client.emulator.url)) as aws:
            sent = [send(aws, **COMPANY, data=orjson.dumps({"id": f"c{n}"}).decode()) for n in range(100)]
            return sum(status_of(aws, each)["status"] == "FAILED" for each in sent)

    failed = await asyncio.to_thread(talk)
    assert 15 <= failed <= 45
    assert await client.emulator.lake("SELECT count(*) FROM company") == [(100 - failed,)]


@pytest.mark.parametrize("list_order", ["oldest", "newest", "mixed"])
async def test_a_forgotten_event_is_neither_got_nor_listed(start, list_order):
    """The fault ``forgotten`` loses an event after its receipt was given."""
    plan = FaultPlan.model_validate({"rules": [{"fault": "forgotten", "calls": [2]}]})
    client = await start(faults=plan, list_order=list_order)

    def talk() -> None:
        with closing(boto3_client(client.emulator.url)) as aws:
            sent = [send(aws, eventGroupId=f"g{number}") for number in range(3)]
            listed = aws.list_data_integration_events(instanceId=INSTANCE)["events"]
            assert {each["eventId"] for each in listed} == {sent[0], sent[2]}
            with pytest.raises(aws.exceptions.ResourceNotFoundException):
                aws.get_data_integration_event(instanceId=INSTANCE, eventId=sent[1])

    await asyncio.to_thread(talk)


@pytest.mark.parametrize("list_order", ["oldest", "newest", "mixed"])
async def test_a_list_can_be_endless(start, list_order):
    """The fault ``endless_list`` leads from the last page to the first one."""
    rule = {"fault": "endless_list", "operation": "ListDataIntegrationEvents"}
    client = await start(faults=FaultPlan.model_validate({"rules": [rule]}), list_order=list_order)

    def talk() -> None:
        with closing(boto3_client(client.emulator.url)) as aws:
            sent = [send(aws, eventGroupId=f"g{number}") for number in range(25)]
            seen: list[str] = []
            token: dict[str, str] = {}
            for _ in range(5):
                page = aws.list_data_integration_events(instanceId=INSTANCE, **token)
                seen += [each["eventId"] for each in page["events"]]
                token = {"nextToken": page["nextToken"]}
            assert set(seen) == set(sent)
            assert len(seen) == 20 + 5 + 20 + 5 + 20

    await asyncio.to_thread(talk)


async def test_pages_shift_while_events_arrive(start):
    """Newest first, new events push what was seen onto the next page."""
    client = await start(list_order="newest")

    def talk() -> None:
        with closing(boto3_client(client.emulator.url)) as aws:
            sent = [send(aws, eventGroupId=f"g{number}") for number in range(25)]
            page = aws.list_data_integration_events(instanceId=INSTANCE)
            send(aws)
            later = aws.list_data_integration_events(instanceId=INSTANCE, nextToken=page["nextToken"])
            assert [each["eventId"] for each in later["events"]] == sent[5::-1]

    await asyncio.to_thread(talk)


async def test_calls_are_counted_by_operation(client):
    """The emulator reports the number of calls of each operation, such as List and Get."""

    def talk() -> None:
        with closing(boto3_client(client.emulator.url)) as aws:
            event_id = send(aws)
            aws.get_data_integration_event(instanceId=INSTANCE, eventId=event_id)
            aws.list_data_integration_events(instanceId=INSTANCE)
            aws.list_data_integration_events(instanceId=INSTANCE)

    await asyncio.to_thread(talk)
    assert (await client.control("calls")).json == {
        "SendDataIntegrationEvent": 1,
        "GetDataIntegrationEvent": 1,
        "ListDataIntegrationEvents": 2,
    }
