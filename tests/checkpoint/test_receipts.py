"""Receipts in 16 bytes each: nothing is lost, nothing is overwritten, and what is odd is kept in words."""

import io
import uuid
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.checkpoint.receipts import (
    NO_RECEIPT,
    RECEIPT_BYTES,
    SPAN_GAP,
    Receipts,
    has_receipt,
    pack,
    spans,
    write_receipts,
)

EVENTS = 3 * SPAN_GAP
UUIDS = st.uuids().filter(lambda value: value.int > 0).map(str)
INDEXES = st.integers(0, EVENTS - 1)
ODD_TEXTS = st.sampled_from(
    [
        "",
        "evt-1",
        "0" * 36,
        str(uuid.UUID(int=0)),
        str(uuid.UUID(int=0xABCDEF)).upper(),
        uuid.UUID(int=7).hex,
        "{" + str(uuid.UUID(int=7)) + "}",
        "0000000-00000-0000-0000-000000000007",
        "00000000-0000-0000-0000-00000000000 ",
        "00000000-0000-0000-0000-000000000g07",
        "é" * 36,
    ]
)


def empty_blob() -> io.BytesIO:
    return io.BytesIO(bytes(EVENTS * RECEIPT_BYTES))


@given(st.lists(st.dictionaries(st.integers(0, 12) | INDEXES, UUIDS, max_size=40), max_size=5))
def test_the_first_receipt_of_each_event_stays(batches: list[dict[int, str]]) -> None:
    """After any batches the blob holds, for each event, the first receipt that came for it."""
    blob, expected = empty_blob(), dict[int, str]()
    for batch in batches:
        added, odd = write_receipts(blob, batch)
        assert sorted(added) == sorted(batch.keys() - expected.keys())
        assert odd == {}
        expected = batch | expected
    stored = Receipts(blob.getvalue())
    assert {index: stored.event_id(index) for index in stored} == expected
    assert [index for index in range(EVENTS) if has_receipt(blob, index)] == sorted(expected)


@given(st.dictionaries(INDEXES, UUIDS | ODD_TEXTS, min_size=1, max_size=20))
def test_every_receipt_is_stored_as_the_service_sent_it(batch: dict[int, str]) -> None:
    """Whatever text the service calls a receipt, the event is accepted and the text is kept."""
    blob = empty_blob()
    added, odd = write_receipts(blob, batch)
    stored = Receipts(blob.getvalue())
    assert sorted(added) == sorted(batch) == list(stored)
    assert {index: odd.get(index, stored.event_id(index)) for index in stored} == batch


def test_a_second_receipt_of_an_event_is_ignored() -> None:
    """A later receipt of an accepted event changes nothing, odd or not."""
    blob = empty_blob()
    write_receipts(blob, {3: str(uuid.UUID(int=9))})
    assert write_receipts(blob, {3: "odd"}) == ([], {})


@pytest.mark.parametrize(
    ("first", "second"),
    [
        # Dashes in the wrong places that would even out over the two.
        ("0000000-00000-0000-0000-000000000001", "00000000-000-00000-0000-000000000002"),
        # One character too many and one too few.
        ("00000000-0000-0000-0000-0000000000011", "00000000-0000-0000-0000-00000000002"),
    ],
)
def test_two_odd_receipts_do_not_pass_as_two_plain_ones(first: str, second: str) -> None:
    """Faults that cancel out in the sum are still seen in each receipt."""
    packed, odd = pack([first, second])
    assert odd == {0: first, 1: second}
    assert NO_RECEIPT not in packed


@given(st.sets(INDEXES, min_size=1), st.sampled_from([1, 2, SPAN_GAP]))
def test_spans_cover_each_index_once_and_never_bridge_a_gap(indexes: set[int], gap: int) -> None:
    """Each index is in exactly one span; steps within a span are at most the gap, steps between are more."""
    ascending = sorted(indexes)
    found = list(spans(ascending, gap))
    assert [sum(first <= index <= last for first, last in found) for index in ascending] == [1] * len(
        ascending
    )
    assert all(later[0] - earlier[1] > gap for earlier, later in pairwise(found))
    assert {edge for span in found for edge in span} <= indexes
    steps = [after - before for before, after in pairwise(ascending)]
    assert len(found) == 1 + sum(step > gap for step in steps)


def test_a_receipt_for_an_event_that_is_not_there_is_an_error() -> None:
    """An index past the end is a fault of ours and is never dropped in silence."""
    with pytest.raises(IndexError, match="no event"):
        write_receipts(empty_blob(), {EVENTS - 1: str(uuid.UUID(int=1)), EVENTS: str(uuid.UUID(int=2))})


@given(st.integers(-5, EVENTS + 5))
def test_nothing_outside_the_window_is_accepted(index: int) -> None:
    """Indexes before and behind the window's events are never taken for accepted."""
    everything = Receipts(b"\x01" * (EVENTS * RECEIPT_BYTES))
    assert (index in everything) is (0 <= index < EVENTS)
