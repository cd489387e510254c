"""The laws of packing: nothing lost, nothing split, order kept, limits kept, always the same."""

import hashlib
import json
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.events import EventPlanner, PackingSettings, WindowRecords
from loader.events.plan import group_bucket
from loader.model import MAX_EVENT_BYTES, Destination, Event, SourceFile, WindowPlan

DESTINATION = Destination("8928ae12-15e5-4441-825d-ec2184f0a43a", "scn.data.inboundorder")
SOURCE = SourceFile(0, "/extract.csv", "csv", 10, 0, "f" * 64, 0, None)


def window(rows: list[tuple[str, str, int]], number: int = 3) -> WindowRecords:
    """Return a window whose records are (group, key, padding in characters)."""
    return WindowRecords(
        number=number,
        file=0,
        first_row=100,
        rows_read=len(rows),
        rows_filtered=0,
        last_of_file=True,
        rows=[100 + position for position in range(len(rows))],
        groups=[group for group, _, _ in rows],
        keys=[key for _, key, _ in rows],
        timestamps=[None] * len(rows),
        data=[
            json.dumps({"n": position, "pad": "é" * padding}, ensure_ascii=False).encode()
            for position, (_, _, padding) in enumerate(rows)
        ],
        rejected=[],
    )


def plan(records: WindowRecords, packing: PackingSettings) -> WindowPlan:
    return EventPlanner(DESTINATION, [SOURCE], packing).plan(records)


def records_of(data: bytes) -> list[int]:
    parsed = json.loads(data)
    return [record["n"] for record in (parsed if isinstance(parsed, list) else [parsed])]


SIZES = st.one_of(st.integers(0, 30), st.integers(100_000, 260_000))
WINDOWS = st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("123456"), SIZES), max_size=40)
PACKINGS = st.builds(
    PackingSettings,
    shared=st.booleans(),
    group_buckets=st.none() | st.integers(1, 3),
    max_records=st.none() | st.integers(1, 5),
)


@given(WINDOWS, PACKINGS)
def test_each_record_is_in_one_event_of_its_group_in_row_order(rows, packing):
    """Reading the events back gives each group's records, once each, in the order of the rows."""
    records = window(rows)
    sent: defaultdict[str, list[int]] = defaultdict(list)
    for event in plan(records, packing).events:
        sent[event.group] += records_of(event.data)
        assert list(event.rows) == [100 + number for number in records_of(event.data)]
    expected = defaultdict(list)
    for position, (group, _, _) in enumerate(rows):
        bucket = packing.group_buckets
        expected[group if bucket is None else group_bucket(group, bucket)].append(position)
    assert sent == expected


@given(WINDOWS, PACKINGS)
def test_events_keep_every_limit(rows, packing):
    """No event is over 1 MiB, over max_records, or holds one primary key twice."""
    for event in plan(window(rows), packing).events:
        members = records_of(event.data)
        keys = [rows[member][1] for member in members]
        assert len(event.data) <= MAX_EVENT_BYTES
        assert len(members) <= (packing.max_records or len(rows))
        assert len(set(keys)) == len(keys)
        assert packing.shared or len(members) == 1


@given(WINDOWS, PACKINGS)
def test_events_are_filled_before_another_is_opened(rows, packing):
    """Two neighbouring events of a group could not have been one."""
    previous: dict[str, Event] = {}
    for event in plan(window(rows), packing).events:
        before = previous.get(event.group)
        previous[event.group] = event
        if before is None or not packing.shared:
            continue
        first = records_of(event.data)[0]
        too_large = len(before.data) + len(event.data) + 3 > MAX_EVENT_BYTES
        same_key = rows[first][1] in {rows[member][1] for member in records_of(before.data)}
        full = len(before.rows) == packing.max_records
        assert too_large or same_key or full


@given(WINDOWS, PACKINGS)
def test_planning_again_gives_the_same_events(rows, packing):
    """Events are numbered from 0 and the same plan has the same tokens and bytes."""
    first, again = plan(window(rows), packing), plan(window(rows), packing)
    assert [(e.index, e.token, e.data) for e in first.events] == [
        (e.index, e.token, e.data) for e in again.events
    ]
    assert [event.index for event in first.events] == list(range(len(first.events)))
    assert len({event.token for event in first.events}) == len(first.events)


def test_a_token_belongs_to_the_event_and_not_to_where_its_window_is_counted():
    """The number of the window over the extract has no part in the token; its place in the file has."""
    rows = [("a", "1", 0), ("b", "2", 0)]
    tokens = [event.token for event in plan(window(rows, number=3), PackingSettings()).events]
    assert [event.token for event in plan(window(rows, number=9), PackingSettings()).events] == tokens


@pytest.mark.parametrize(
    "other",
    [
        Destination("8928ae12-15e5-4441-825d-ec2184f0a43b", "scn.data.inboundorder"),
        Destination("8928ae12-15e5-4441-825d-ec2184f0a43a", "scn.data.shipment"),
    ],
)
def test_another_destination_has_other_tokens(other):
    """Events for another instance or of another type never share a token."""
    records = window([("a", "1", 0)])
    mine = plan(records, PackingSettings()).events[0]
    theirs = EventPlanner(other, [SOURCE], PackingSettings()).plan(records).events[0]
    assert mine.token != theirs.token


def test_the_token_is_the_one_written_down_here():
    """Tokens are stable over versions: an upgrade in mid-load must not change them."""
    event = plan(window([("a", "1", 0)]), PackingSettings()).events[0]
    hashed = b""
    destination = (DESTINATION.instance_id, DESTINATION.event_type, "", "")
    for part in ("scn-loader token 1", *destination, SOURCE.fingerprint, "0"):
        hashed += f"{len(part)}:{part}".encode()
    hashed += b"100,0,1:a,-,%d:" % len(event.data) + event.data
    assert event.token == hashlib.sha256(hashed).hexdigest()
    assert 33 <= len(event.token) <= 126


def test_a_payload_is_not_in_the_repr():
    """An event can be logged without its data."""
    event = plan(window([("a", "1", 3)]), PackingSettings()).events[0]
    assert "pad" not in repr(event)
    assert "data" not in repr(event)


def test_buckets_are_the_same_on_every_machine():
    """CRC-32 of the UTF-8 text, modulo the number of buckets."""
    assert [group_bucket(key, 64) for key in ("", "PO-1", "Überlingen")] == [
        "bucket-0", "bucket-22", "bucket-48",
    ]  # fmt: skip
