"""A client token makes an event accepted once while it lives: eight hours."""

import asyncio

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loader.emulator.service.client_tokens import ClientTokens, event_identity
from tests.emulator.signed_client import INSTANCE, TABLE, event, signed, target, token

HOUR = 3600.0


async def verdicts(client) -> list[str]:
    return [row.verdict for row in await client.emulator.rows()]


async def test_a_replay_gets_the_first_receipt_and_is_not_applied(client):
    """The same event under the same token is answered with the first eventId and changes nothing."""
    dataset = {"eventType": "scn.data.dataset", "datasetTarget": target("log", "APPEND", "default")}
    members = {"data": '{"line":"1"}', "clientToken": token(1), **dataset}
    receipts = {(await client.send(**members)).event_id for _ in range(3)}
    assert len(receipts) == 1
    assert await verdicts(client) == ["accepted", "replayed", "replayed"]
    assert await client.emulator.lake('SELECT line FROM "default.log"') == [("1",)]
    summary = client.emulator.summary()
    assert (summary["accepted"], summary["accepted_tokens"], summary["attempts"]) == (1, 1, 3)


async def test_two_attempts_at_once_are_accepted_once(client):
    """Attempts of one event that arrive together are one acceptance."""
    replies = await asyncio.gather(*(client.send(clientToken=token(1)) for _ in range(10)))
    assert len({reply.event_id for reply in replies}) == 1
    assert sorted(await verdicts(client)) == ["accepted"] + ["replayed"] * 9


@pytest.mark.parametrize(
    "change",
    [
        {"data": '{"process_id":"p2"}'},
        {"eventGroupId": "g2"},
        {"eventTimestamp": 2},
        {"eventTimestamp": None},
        {"eventType": "scn.data.supplyplan", "data": '{"supply_plan_id":"s"}'},
    ],
)
async def test_another_event_under_the_same_token_is_a_conflict(client, change):
    """A token that comes back with any other content is refused and noted."""
    first = await client.send(clientToken=token(1), eventTimestamp=1)
    assert first.event_id
    reply = await client.send(**{"clientToken": token(1), "eventTimestamp": 1, **change})
    assert reply.error == (409, "ConflictException")
    assert (await client.send(clientToken=token(1), eventTimestamp=1)).event_id == first.event_id
    assert await verdicts(client) == ["accepted", "token_conflict", "replayed"]


async def test_a_token_lives_eight_hours(client):
    """Just before eight hours a replay is a replay; after them it is a new event, accepted again."""
    first = (await client.send(clientToken=token(1))).event_id
    client.emulator.advance_clock(8 * HOUR - 10)
    assert (await client.send(clientToken=token(1))).event_id == first
    client.emulator.advance_clock(20)
    assert (await client.send(clientToken=token(1))).event_id != first
    assert await verdicts(client) == ["accepted", "replayed", "accepted"]
    summary = client.emulator.summary()
    assert (summary["accepted"], summary["accepted_tokens"]) == (2, 1)
    assert await client.emulator.lake(f"SELECT count(*) FROM {TABLE}") == [(1,)]


async def test_a_refused_attempt_leaves_its_token_free(client):
    """A token that was only ever refused can be used for a corrected event."""
    assert (await client.send(clientToken=token(1), data="{}")).status == 400
    assert (await client.send(clientToken=token(1))).event_id
    assert await verdicts(client) == ["rejected:ValidationException", "accepted"]


async def test_instances_have_tokens_of_their_own(client):
    """The same token at another instance is another token."""
    first = (await client.send(clientToken=token(1))).event_id
    url = client.events_url.replace(INSTANCE, INSTANCE.replace("8", "9"))
    body = orjson.dumps(event(clientToken=token(1)))
    assert (await client.request("POST", url, body, signed(url, body))).event_id != first


@settings(deadline=None)  # a busy machine must not fail it
@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 5)), max_size=40))
def test_an_entry_is_forgotten_when_its_life_is_over(steps):
    """For any times of acceptance, exactly the tokens younger than their life are remembered."""
    tokens = ClientTokens(life_seconds=10.0)
    accepted: dict[str, float] = {}
    now = 0.0
    for seq, (name, pause) in enumerate(steps, 1):
        now += pause
        entry = tokens.attempt("instance", name, seq, now)
        lives = name in accepted and now - accepted[name] < 10.0
        assert bool(entry.event_id) is lives
        if not lives:
            entry.event_id, entry.identity = str(seq), b"x"
            tokens.accept("instance", name, entry, now)
            accepted[name] = now


@settings(deadline=None)  # a busy machine must not fail it
@given(st.lists(st.text(), min_size=2, max_size=2), st.lists(st.text(), min_size=2, max_size=2))
def test_events_are_the_same_only_if_every_part_is(one, other):
    """No text can be moved from one part of an event to the next unnoticed."""
    assert (event_identity(one) == event_identity(other)) is (one == other)
