"""The laws of packing: nothing lost, nothing split, order kept, limits kept, always the same."""

import hashlib
import json
from collections import defaultdict

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.events import EventPlanner, PackingSettings, SliceRecords
from loader.model import MAX_EVENT_BYTES, Destination, FileRows, SlicePlan, SourceFile
from tests.events.reference import Record, bucket_of

DESTINATION = Destination("8928ae12-15e5-4441-825d-ec2184f0a43a", "scn.data.inboundorder")
SOURCE = SourceFile(0, "/extract.csv", "csv", 10, 0, "f" * 64, 0, None)


def window_of(records: list[Record], number: int = 3, *, with_keys: bool = True) -> SliceRecords:
    """Return a window of the records."""
    columns = {
        "row": pl.Int64,
        "group": pl.String,
        "timestamp": pl.String,
        "quoted": pl.Binary,
        "size": pl.Int64,
    }
    if with_keys:
        columns["key"] = pl.String
    return SliceRecords(
        window=number,
        number=0,
        files=[FileRows(0, 100, len(records), 0, 0, len(records), last_of_file=True)],
        frame=pl.DataFrame(
            {name: [getattr(record, name) for record in records] for name in columns}, schema=columns
        ).with_columns(place=pl.col("row") - 100, file=pl.lit(0, pl.UInt32)),
        rejected=[],
    )


def window(rows: list[tuple[str, str, int]], number: int = 3) -> SliceRecords:
    """Return a window whose records are (group, key, padding in characters)."""
    records = [
        Record(
            100 + position,
            group,
            key,
            None,
            json.dumps({"n": position, "pad": "é" * padding}, ensure_ascii=False).encode(),
        )
        for position, (group, key, padding) in enumerate(rows)
    ]
    return window_of(records, number)


def plan(records: SliceRecords, packing: PackingSettings) -> SlicePlan:
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
    """Reading the events back gives each user's group's records, once each, in the order of the rows."""
    sent: defaultdict[str, list[int]] = defaultdict(list)
    for event in plan(window(rows), packing).events:
        for number in records_of(event.data):
            sent[rows[number][0]].append(number)
            assert event.group == bucket_of(rows[number][0], packing.group_buckets)
        assert list(event.rows) == [100 + number for number in records_of(event.data)]
    expected = defaultdict(list)
    for position, (group, _, _) in enumerate(rows):
        expected[group].append(position)
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
    destination = (DESTINATION.instance_id, DESTINATION.event_type, "", "")

    def digest(*parts: str) -> bytes:
        return hashlib.sha256("".join(f"{len(part)}:{part}" for part in parts).encode()).digest()

    window_digest = digest("scn-loader token 4", *destination, SOURCE.fingerprint, "0", "100")
    file_digest = digest(SOURCE.fingerprint, "0")
    hashed = b'{"data":"' + event.quoted + b'"' + window_digest + b"1:" + file_digest + b"0,1:a,-"
    assert event.token == hashlib.sha256(hashed).hexdigest()
    assert 33 <= len(event.token) <= 126


def test_only_packed_events_keep_a_hash_and_it_is_that_of_their_payload():
    """What is kept goes on to the end of any body; one record in an event is cheaper to hash again."""
    records = window([("a", "1", 0), ("a", "2", 0), ("b", "3", 0)])
    for event in plan(records, PackingSettings(shared=True)).events:
        assert event.begun is not None
        assert event.begun.hexdigest() == hashlib.sha256(b'{"data":"' + event.quoted).hexdigest()
    assert all(event.begun is None for event in plan(records, PackingSettings()).events)


def test_a_payload_is_not_in_the_repr():
    """An event can be logged without its data."""
    event = plan(window([("a", "1", 3)]), PackingSettings()).events[0]
    assert "pad" not in repr(event)
    assert "quoted" not in repr(event)
