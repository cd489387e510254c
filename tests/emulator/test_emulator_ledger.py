"""The ledger: what arrived, in which order, and whether the order of a group was in danger."""

import asyncio
import sqlite3
import stat
import threading
from contextlib import closing, suppress
from dataclasses import fields, replace
from hashlib import sha256
from typing import Any

import aiohttp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loader.emulator import EmulatorSettings, FaultPlan, running_emulator
from loader.emulator.store.group_order import Flight, GroupOrder
from loader.emulator.store.ledger import ACCEPTED, LedgerFile, LedgerRow
from loader.emulator.store.store import Store
from tests.emulator.signed_client import EVENT_TYPE, INSTANCE, SignedClient, target, token


async def test_a_row_says_all_about_an_attempt(client):
    """The row has the sender, the content, the time and the result."""
    data = '{"id":"é"}'
    reply = await client.send(
        eventType="scn.data.dataset",
        data=data,
        datasetTarget=target("company", "UPSERT"),
        eventGroupId="größe",
        eventTimestamp=12.5,
        clientToken=token(7),
    )
    (row,) = await client.emulator.rows()
    assert (row.seq, row.instance_id, row.event_type) == (1, INSTANCE, "scn.data.dataset")
    assert (row.event_group, row.client_token, row.event_timestamp) == ("größe", token(7), 12.5)
    assert (row.data_sha256, row.data_bytes) == (sha256(data.encode()).hexdigest(), len(data.encode()))
    assert (row.dataset, row.operation) == tuple(target("company", "UPSERT").values())
    assert (row.event_id, row.verdict, row.fault, row.overlapped) == (reply.event_id, "accepted", "", 0)
    assert abs(row.at - client.emulator.service.clock.now()) < 10


async def test_rows_are_in_order_of_arrival(client):
    """Events sent one after the other have ascending numbers and times."""
    for number in range(30):
        await client.send(eventGroupId=f"g{number % 3}", clientToken=token(number))
    rows = await client.emulator.rows()
    assert [row.seq for row in rows] == list(range(1, 31))
    assert [row.client_token for row in rows] == [token(number) for number in range(30)]
    assert sorted(row.at for row in rows) == [row.at for row in rows]


async def test_events_of_a_group_at_once_are_a_hazard(start):
    """Two events of one group in flight are noted; those of two groups, or attempts of one event, are not."""
    client = await start(latency_seconds=0.25)

    async def together(*sent: tuple[str, int]) -> int:
        before: int = client.emulator.summary()["overlaps"]
        await asyncio.gather(*(client.send(eventGroupId=g, clientToken=token(t)) for g, t in sent))
        overlaps: int = client.emulator.summary()["overlaps"]
        return overlaps - before

    assert await together(("a", 1), ("b", 2), ("c", 3)) == 0
    assert await together(("a", 4), ("a", 4)) == 0
    assert await together(("a", 5), ("a", 6)) == 1
    assert await together(("a", 7), ("b", 8), ("a", 9), ("a", 10)) == 2
    summary = client.emulator.summary()
    group = {"instance_id": INSTANCE, "event_type": EVENT_TYPE, "event_group": "a", "times": 3}
    assert summary["overlapping_groups"] == [group]
    assert sum(row.overlapped for row in await client.emulator.rows()) == 3


async def test_one_after_the_other_is_never_a_hazard(client):
    """A client that waits for each answer before the next event sees no overlap, however fast it is."""
    for number in range(200):
        await client.send(eventGroupId="a", clientToken=token(number))
    assert client.emulator.summary()["overlaps"] == 0


@pytest.mark.parametrize("fault", ["reset", "answer_lost", "cut_body", "broken_chunks", "close", "slow_body"])
async def test_a_broken_answer_ends_the_flight(client, fault):
    """After an answer ends in any way, the next event of the group is not an overlap."""
    client.emulator.set_faults(
        FaultPlan(
            rules=[{"fault": fault, "calls": [1], **({"seconds": 0.05} if fault == "slow_body" else {})}]
        )
    )
    with suppress(aiohttp.ClientError):
        await client.send(clientToken=token(1))
    await client.send(clientToken=token(2))
    assert client.emulator.summary()["overlaps"] == 0


async def test_an_event_accepted_after_a_later_one_was_overtaken(client):
    """An event that failed at first and succeeds after a later one of its group is noted."""
    client.emulator.set_faults(FaultPlan(rules=[{"fault": "error", "code": "InternalFailure", "calls": [1]}]))
    for number in (1, 2, 1, 3):
        await client.send(clientToken=token(number))
    summary = client.emulator.summary()
    assert summary["overtaken"] == 1
    assert [group["event_group"] for group in summary["overtaken_groups"]] == ["g1"]


async def test_the_summary_counts_each_verdict(client):
    """The summary's numbers are the rows'."""
    await client.send(clientToken=token(1))
    await client.send(clientToken=token(1))
    await client.send(clientToken=token(1), eventGroupId="g2")
    await client.send(data="{}")
    summary = client.emulator.summary()
    assert summary["attempts"] == 4
    assert summary["verdicts"] == {
        "accepted": 1,
        "replayed": 1,
        "token_conflict": 1,
        "rejected:ValidationException": 1,
    }
    assert (summary["accepted"], summary["accepted_tokens"], summary["groups"]) == (1, 1, 1)


async def test_another_process_can_judge_the_file(start, tmp_path):
    """The file holds the rows while the emulator runs, for its owner alone."""
    path = tmp_path / "ledger.db"
    client = await start(ledger_path=path)
    receipts = [(await client.send(clientToken=token(number))).event_id for number in range(5)]
    for _ in range(200):  # written at least each half second
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as judge:
            query = "SELECT event_id FROM attempts WHERE verdict = 'accepted' ORDER BY seq"
            found = [event_id for (event_id,) in judge.execute(query)]
        if len(found) == len(receipts):
            break
        await asyncio.sleep(0.05)
    assert found == receipts
    for file in tmp_path.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


async def test_a_ledger_goes_on_where_an_earlier_emulator_stopped(start, tmp_path):
    """Started again on the same files, the emulator remembers tokens, receipts, counts and order."""
    paths = {"ledger_path": tmp_path / "ledger.db", "lake_path": tmp_path / "lake.db"}
    async with running_emulator(EmulatorSettings(**paths)) as earlier:
        async with aiohttp.ClientSession() as session:
            before = SignedClient(earlier, session)
            first = (await before.send(clientToken=token(1), eventTimestamp=1.5)).event_id
            await before.send(data="{}", clientToken=token(2))
        summary = earlier.summary()
    client = await start(**paths)
    assert client.emulator.summary() == summary
    assert (await client.send(clientToken=token(1), eventTimestamp=1.5)).event_id == first
    assert (await client.send(clientToken=token(1), eventTimestamp=2)).error == (409, "ConflictException")
    assert (await client.get(f"/{first}")).json["event"]["eventTimestamp"] == 1.5
    rows = await client.emulator.rows()
    assert [row.seq for row in rows] == [1, 2, 3, 4]
    assert [row.verdict for row in rows[2:]] == ["replayed", "token_conflict"]


@settings(deadline=None)  # a busy machine must not fail it
@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("xyz"), st.booleans()), max_size=30))
def test_overlaps_are_what_a_list_of_flights_would_show(steps):
    """For any arrivals and departures, an overlap is an arrival beside another event of its group."""
    order = GroupOrder()
    flying: list[tuple[str, str, Flight]] = []
    overlaps = 0
    for name, tok, arrives in steps:
        group = ("i", "t", name)
        if arrives:
            expected = any(other == name and that != tok for other, that, _ in flying)
            flight = order.arrive(group, tok)
            assert flight.overlapped is expected
            overlaps += expected
            flying.append((name, tok, flight))
        elif flying:
            _, _, gone = flying.pop(0)
            gone.end()
            gone.end()  # a second end changes nothing
    assert order.overlaps.total() == overlaps


@settings(deadline=None)  # a busy machine must not fail it
@given(st.permutations(range(1, 7)))
def test_an_event_is_overtaken_if_any_later_one_was_accepted_before_it(accepted):
    """Whatever order events are accepted in, those behind a later one are counted."""
    order = GroupOrder()
    for first_seq in accepted:
        order.accept(("i", "t", "g"), first_seq)
    behind = [seq for place, seq in enumerate(accepted) if any(other > seq for other in accepted[:place])]
    assert order.overtaken.total() == len(behind)
    assert order.groups == 1


def test_receipts_are_found_by_an_index_made_when_first_looked_for(tmp_path):
    """The first look-up creates the index; that look-up and all later ones use it."""
    ledger = LedgerFile(tmp_path / "ledger.sqlite")
    index = "SELECT name FROM sqlite_schema WHERE name = 'receipts'"
    for seq in (1, 2, 3):
        ledger.append([replace(ledger_row(seq), event_id=f"e{seq}", verdict=ACCEPTED)])
        assert bool(ledger._connection.execute(index).fetchall()) is (seq > 2)
        if seq > 1:
            for each in range(1, seq + 1):
                found = ledger.event("", f"e{each}", 0.0)
                assert found is not None
                assert found.seq == each
    ((*_, detail),) = ledger._connection.execute(
        "EXPLAIN QUERY PLAN SELECT * FROM attempts WHERE verdict = 'accepted' AND event_id = 'e1'"
    )
    assert "USING INDEX receipts" in detail
    ledger.close()


async def test_a_batch_that_waits_for_the_thread_is_not_lost(tmp_path):
    """If a caller that waits for a batch is cancelled, the batch is still written."""
    store = Store(tmp_path / "ledger.sqlite", None)
    free = threading.Event()
    busy = asyncio.create_task(store.read(free.wait))
    await asyncio.sleep(0)
    store.add(ledger_row(1), None)
    waiting = asyncio.create_task(store.flush())
    await asyncio.sleep(0)
    waiting.cancel()
    with suppress(asyncio.CancelledError):
        await waiting
    free.set()
    await busy
    assert [row.seq for row in await store.read(lambda: store.ledger.page(0, 9))] == [1]
    await store.close()


def ledger_row(seq: int) -> LedgerRow:
    values: dict[str, Any] = {each.name: "" for each in fields(LedgerRow)}
    numbers = {"seq": seq, "at": 0.0, "data_bytes": 0, "event_timestamp": None, "overlapped": 0}
    return LedgerRow(**(values | numbers))
