"""Each fault, over a real socket: what the client meets and what the ledger says."""

import asyncio
import time

import aiohttp
import orjson
import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from loader.emulator import FaultPlan
from loader.emulator.model.refusal import COMMON_ERRORS, status_of
from loader.emulator.service.signatures import WireRequest
from tests.emulator.signed_client import EVENTS_PATH, TABLE, event, signed, target, token


async def raw_call(client, body: bytes | None = None) -> bytes:
    """Send an event over a socket of its own and return every byte that comes back."""
    body = body or orjson.dumps(event(clientToken=token(1)))
    host, port = client.emulator.url.removeprefix("http://").split(":")
    lines = [f"{name}: {value}" for name, value in signed(client.events_url, body).items()]
    head = "\r\n".join([f"POST {EVENTS_PATH} HTTP/1.1", *lines, f"Content-Length: {len(body)}", "", ""])
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(head.encode() + body)
        return await reader.read()
    finally:
        writer.close()


async def ledger(client) -> list[tuple[str, str]]:
    return [(row.verdict, row.fault) for row in await client.emulator.rows()]


async def arrival(client) -> None:
    """Wait until a call is in the ledger."""
    for _ in range(1000):
        if client.emulator.summary()["attempts"]:
            return
        await asyncio.sleep(0.005)
    pytest.fail("no call arrived")


@pytest.fixture
async def faulty(start):
    """Start an emulator whose first call meets one fault."""

    async def start_faulty(fault: str, **rule):
        return await start(faults={"rules": [{"fault": fault, "calls": [1], **rule}]})

    return start_faulty


@pytest.mark.parametrize(
    "code", sorted({*COMMON_ERRORS, "ThrottlingException", "ServiceQuotaExceededException"})
)
async def test_any_error_code_can_be_injected(faulty, code):
    """The answer has the code's own status and the rest-json form; nothing is accepted."""
    client = await faulty("error", code=code, message="on purpose")
    reply = await client.send(clientToken=token(1))
    assert reply.error == (status_of(code), code)
    assert reply.json == {"message": "on purpose"}
    assert len(reply.headers["x-amzn-RequestId"]) == 36
    assert (await client.send(clientToken=token(1))).event_id
    assert await ledger(client) == [(f"fault:{code}", code), ("accepted", "")]


async def test_status_and_headers_of_an_error_can_be_chosen(faulty):
    """ThrottlingException as 400 with a Retry-After and a Date of its own."""
    date = "Thu, 01 Jan 2026 00:00:00 GMT"
    client = await faulty(
        "error", code="ThrottlingException", status=400, headers={"Retry-After": "7", "Date": date}
    )
    reply = await client.send()
    assert reply.error == (400, "ThrottlingException")
    assert (reply.headers["Retry-After"], reply.headers["Date"]) == ("7", date)


async def test_an_error_can_come_after_acceptance(faulty):
    """A 500 that lies: the event was accepted, so the retry is a replay."""
    client = await faulty("error", code="InternalServerException", after_acceptance=True)
    assert (await client.send(clientToken=token(1))).error == (500, "InternalServerException")
    assert (await client.send(clientToken=token(1))).event_id
    assert await ledger(client) == [("accepted", "InternalServerException"), ("replayed", "")]


async def test_a_reset_comes_before_acceptance(faulty):
    """The connection is reset and the event is not there."""
    client = await faulty("reset")
    with pytest.raises(ConnectionResetError):
        await raw_call(client)
    assert await ledger(client) == [("fault:reset", "reset")]
    assert (await client.send(clientToken=token(1))).event_id
    assert (await ledger(client))[1:] == [("accepted", "")]


async def test_an_answer_is_lost_after_acceptance(faulty):
    """The connection is reset though the event is there; sent again, it is applied no second time."""
    client = await faulty("answer_lost")
    with pytest.raises(ConnectionResetError):
        await raw_call(client)
    assert (await client.send(clientToken=token(1))).event_id
    assert await ledger(client) == [("accepted", "answer_lost"), ("replayed", "")]
    assert await client.emulator.lake(f"SELECT count(*) FROM {TABLE}") == [(1,)]


async def test_a_hanging_answer_is_held_back(faulty):
    """The event is accepted at once; the answer comes only after its time."""
    client = await faulty("hang", seconds=0.3)
    started = time.monotonic()
    call = asyncio.create_task(client.send())
    await arrival(client)
    assert await ledger(client) == [("accepted", "hang")]
    assert (await call).event_id
    assert time.monotonic() - started >= 0.3


async def test_a_client_may_give_up_a_hanging_answer(faulty):
    """If the client disconnects, the emulator stops waiting, and the retry is not an overlap."""
    client = await faulty("hang", seconds=60)
    waiting = asyncio.create_task(client.send(clientToken=token(1)))
    await arrival(client)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert (await client.send(clientToken=token(1))).event_id
    assert (await client.send(clientToken=token(2))).event_id
    assert client.emulator.summary()["overlaps"] == 0


async def test_a_slow_body_arrives_in_pieces_and_complete(faulty):
    """The body takes its time and is whole in the end."""
    client = await faulty("slow_body", seconds=0.3)
    started = time.monotonic()
    assert (await client.send()).event_id
    assert time.monotonic() - started >= 0.3
    assert await ledger(client) == [("accepted", "slow_body")]


@pytest.mark.parametrize(("fault", "body"), [("no_event_id", {}), ("not_json", None)])
async def test_an_answer_may_hold_no_receipt(faulty, fault, body):
    """200 without an eventId, or without JSON: accepted all the same."""
    client = await faulty(fault)
    reply = await client.send()
    assert reply.status == 200
    if body is None:
        with pytest.raises(orjson.JSONDecodeError):
            _ = reply.json
    else:
        assert reply.json == body
    assert await ledger(client) == [("accepted", fault)]


async def test_a_cut_body_ends_before_its_stated_length(faulty):
    """The connection ends before the promised length."""
    client = await faulty("cut_body")
    head, _, body = (await raw_call(client)).partition(b"\r\n\r\n")
    assert b"HTTP/1.1 200 OK" in head
    assert f"Content-Length: {2 * len(body)}".encode() in head
    client.emulator.set_faults(FaultPlan(rules=[{"fault": "cut_body"}]))
    with pytest.raises(aiohttp.ClientPayloadError):
        await client.send()
    assert await ledger(client) == [("accepted", "cut_body")] * 2


async def test_a_broken_chunked_body_ends_in_an_invalid_chunk(faulty):
    """A chunked answer ends in something that is not a chunk."""
    client = await faulty("broken_chunks")
    answer = await raw_call(client)
    assert b"Transfer-Encoding: chunked" in answer
    assert answer.endswith(b"\r\nnot-a-size\r\n")
    client.emulator.set_faults(FaultPlan(rules=[{"fault": "broken_chunks"}]))
    with pytest.raises(aiohttp.ClientError):
        await client.send()
    assert await ledger(client) == [("accepted", "broken_chunks")] * 2


@pytest.mark.parametrize("accepted", [False, True])
async def test_an_intermediary_may_answer_in_html(faulty, accepted):
    """502 with a page instead of an error code, from before or after acceptance."""
    client = await faulty("html_error", after_acceptance=accepted)
    reply = await client.send()
    assert (reply.status, reply.headers["Content-Type"]) == (502, "text/html")
    assert b"<html>" in reply.body
    assert await ledger(client) == [("accepted" if accepted else "fault:html_error", "html_error")]


async def test_an_answer_may_close_its_connection(faulty):
    """A good answer says Connection: close, and the connection ends."""
    client = await faulty("close")
    answer = await raw_call(client)
    assert b"HTTP/1.1 200 OK" in answer
    assert b"connection: close" in answer.lower()
    assert await ledger(client) == [("accepted", "close")]


async def test_a_load_may_fail_after_acceptance(faulty):
    """The event is accepted, its records never reach the lake, and Get says FAILED."""
    client = await faulty("load_failed")
    members = {
        "eventType": "scn.data.dataset",
        "data": '{"id":"1"}',
        "datasetTarget": target("company", "UPSERT"),
    }
    failed, loaded = [(await client.send(**members)).event_id for _ in range(2)]

    async def status(event_id: str) -> str:
        details = (await client.get(f"/{event_id}")).json["event"]["datasetTargetDetails"]
        found: str = details["datasetLoadExecution"]["status"]
        return found

    assert [await status(failed), await status(loaded)] == ["FAILED", "SUCCEEDED"]
    assert await client.emulator.lake("SELECT id FROM company") == [("1",)]


async def test_get_and_list_can_fail_too(start):
    """A rule may name another operation; Send is left alone."""
    rules = [
        {"fault": "error", "code": "ThrottlingException", "operation": "GetDataIntegrationEvent", "times": 1},
        {"fault": "html_error", "operation": "ListDataIntegrationEvents", "after_acceptance": True},
    ]
    client = await start(faults={"rules": rules})
    event_id = (await client.send()).event_id
    assert (await client.get(f"/{event_id}")).error == (429, "ThrottlingException")
    assert (await client.get(f"/{event_id}")).status == 200
    assert (await client.get("")).status == 502


async def test_the_first_attempt_of_each_event_can_fail(start):
    """Counted by token: each event's first attempt is lost and its second is not."""
    client = await start(faults={"rules": [{"fault": "error", "code": "InternalFailure", "attempts": [1]}]})
    statuses = [(await client.send(clientToken=token(n))).status for n in (1, 2, 2, 1)]
    assert statuses == [500, 500, 200, 200]


async def test_an_answer_fault_spoils_a_refusal_too(start):
    """What would have been refused is refused, and its answer spoiled; the ledger says both."""
    client = await start(faults={"rules": [{"fault": "no_event_id"}]})
    assert (await client.send(data="{}")).json == {}
    assert await ledger(client) == [("rejected:ValidationException", "no_event_id")]


async def test_latency_is_drawn_around_its_mean(start):
    """Delays lie within mean +- jitter, differ, and are the same for the same seed; throttles have none."""
    settings = {"latency_seconds": 0.08, "latency_jitter_seconds": 0.04, "verify_signatures": False}
    drawn = []
    for _ in range(2):
        service = (await start(seed=3, quota={"rate": 0.001, "burst": 50}, **settings)).emulator.service
        headers = CIMultiDictProxy(CIMultiDict({"Content-Type": "application/json"}))
        request = WireRequest("POST", EVENTS_PATH, headers, orjson.dumps(event()))
        answers = [await service.receive(request) for _ in range(51)]
        assert (answers[50].status, answers[50].delay_seconds) == (429, 0.0)
        drawn.append([answer.delay_seconds for answer in answers[:50]])
    assert drawn[0] == drawn[1]
    assert 0.04 <= min(drawn[0]) < 0.06
    assert 0.10 < max(drawn[0]) <= 0.12


async def test_latency_holds_back_the_answer_and_not_the_acceptance(start):
    """The event is in the ledger while its answer is on its way."""
    client = await start(latency_seconds=0.6)
    call = asyncio.create_task(client.send())
    await arrival(client)
    assert await ledger(client) == [("accepted", "")]
    assert not call.done()
    assert (await call).event_id


@pytest.mark.parametrize(
    ("fault", "rule", "status", "location"),
    [
        ("page", {"title": "Guests & friends"}, 200, None),
        ("redirect", {"location": "http://login.example/"}, 302, "http://login.example/"),
        ("codeless", {"status": 405}, 405, None),
    ],
)
async def test_a_middlebox_can_be_played(faulty, fault, rule, status, location):
    """An HTML page without error code and request id, before acceptance; the next call is accepted."""
    client = await faulty(fault, **rule)
    body = orjson.dumps(event(clientToken=token(1)))
    async with (
        aiohttp.ClientSession() as session,
        session.post(
            client.events_url, data=body, headers=signed(client.events_url, body), allow_redirects=False
        ) as response,
    ):
        page = await response.text()
        assert (response.status, response.headers.get("Location")) == (status, location)
        assert "x-amzn-RequestId" not in response.headers
        assert page.startswith("<!DOCTYPE html>")
    assert (await client.send(clientToken=token(1))).event_id
    assert await ledger(client) == [(f"fault:{fault}", fault), ("accepted", "")]
