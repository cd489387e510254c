"""The cells of a measurement and the events that it sends: sizes to the byte, for every dataset."""

import orjson
import pytest

from loader.datasets import dataset_by_name, datasets
from loader.errors import SettingsError
from loader.measuring.grid import RESERVED_CALLS, Cell, MeasureSettings, cells_of, default_sizes
from loader.measuring.payloads import Payloads, least_record_bytes
from loader.model import MAX_EVENT_BYTES

LINES = dataset_by_name("inbound_order_line")


@pytest.mark.parametrize("dataset", datasets(), ids=lambda each: each.name)
def test_records_have_the_size_that_was_asked_for(dataset):
    """Every record has its size to the byte, all needed columns and no unknown one, in both default sizes."""
    for size in default_sizes(least_record_bytes(dataset)):
        payloads = Payloads(dataset, Cell("7", size, 10), 0, "run")
        records = orjson.loads(payloads.event(0).data)
        assert len(records) == 7
        known = {column.name for column in dataset.columns}
        needed = {column.name for column in dataset.columns if column.required} | set(dataset.primary_key)
        for record in records:
            assert len(orjson.dumps(record)) == size
            assert needed <= record.keys() <= known
        keys = {tuple(record[name] for name in dataset.primary_key) for record in records}
        assert len(keys) == len(records)


def test_a_full_event_is_full_and_no_more():
    """One record more would not fit, no key is there twice, and the end of the pool goes on at its start."""
    cell = Cell("group", 400, 10)
    payloads = Payloads(LINES, cell, 0, "run")
    for index in (0, 1, 2):
        event = payloads.event(index)
        assert MAX_EVENT_BYTES - 401 < len(event.data) <= MAX_EVENT_BYTES
        records = orjson.loads(event.data)
        assert len(records) == len(event.rows) == cell.records_per_event
        assert len({record["id"] for record in records}) == len(records)


def test_each_event_has_a_token_of_its_own():
    """The service would take an event with the token of another for a retry, and would not count it."""
    cell = Cell("row", 300, 5)
    several = [Payloads(LINES, cell, number, run) for run, number in (("a", 0), ("a", 1), ("b", 0))]
    tokens = [payloads.event(index).token for payloads in several for index in range(50)]
    assert len(set(tokens)) == len(tokens)
    assert {len(token) for token in tokens} == {64}


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"packings": ("column",)}, "--packing"),
        ({"packings": ("0",)}, "--packing"),
        ({"packings": ("-3",)}, "--packing"),
        ({"packings": ("²",)}, "--packing"),
        ({"record_bytes": (20,)}, "--record-bytes"),
        ({"record_bytes": (MAX_EVENT_BYTES + 1,)}, "--record-bytes"),
        ({"max_calls": RESERVED_CALLS}, "--max-calls"),
    ],
)
def test_what_cannot_be_measured_is_refused_before_any_call(changes, where):
    """The refusal names the flag."""
    with pytest.raises(SettingsError) as refused:
        cells_of(MeasureSettings(**changes), 200)
    assert refused.value.where == where


def test_the_cells_are_the_product_of_the_lists():
    """Packing by size by requests under way."""
    settings = MeasureSettings(packings=("row", "50"), record_bytes=(300, 900), in_flight=(10, 100))
    cells = cells_of(settings, 200)
    assert len(cells) == len(set(cells)) == 8
    assert {cell.records_per_event for cell in cells} == {1, 50}
