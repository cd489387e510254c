"""The lake holds what the accepted events made of each dataset."""

import sqlite3
import stat
from contextlib import closing

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loader.emulator.store.lake import Change, Lake, Target
from loader.model import Operation
from tests.emulator.signed_client import TABLE, target

DATASET = "scn.data.dataset"


async def send_records(
    client, records, operation="UPSERT", name="uom_conversion", namespace="asc", **members
) -> None:
    reply = await client.send(
        eventType=DATASET,
        data=orjson.dumps(records).decode(),
        datasetTarget=target(name, operation, namespace),
        **members,
    )
    assert reply.event_id


async def test_typed_events_upsert_by_primary_key(client):
    """A record of the same key replaces the earlier one as a whole; others stay."""
    for record in (
        {"process_id": "a", "description": "first", "type": "t"},
        {"process_id": "b"},
        {"process_id": "a", "description": "second"},
    ):
        assert (await client.send(data=orjson.dumps(record).decode())).event_id
    rows = await client.emulator.lake(
        f"SELECT process_id, description, type FROM {TABLE} ORDER BY process_id"
    )
    assert rows == [("a", "second", None), ("b", None, None)]


async def test_append_adds_and_delete_removes(client):
    """APPEND keeps duplicates, UPSERT collapses them, DELETE removes the key and nothing else."""
    company = {"name": "company"}
    same = {"id": "1", "description": "one"}
    await send_records(client, [same, same, {"id": "2"}], "APPEND", **company)
    await send_records(client, same, "APPEND", **company)
    assert await client.emulator.lake("SELECT id FROM company ORDER BY id") == [
        ("1",),
        ("1",),
        ("1",),
        ("2",),
    ]
    await send_records(client, {"id": "1", "description": "uno"}, "UPSERT", **company)
    rows = await client.emulator.lake("SELECT id, description FROM company ORDER BY id")
    assert rows == [("1", "uno"), ("2", None)]
    await send_records(client, [{"id": "1"}, {"id": "3"}], "DELETE", **company)
    assert await client.emulator.lake("SELECT id FROM company") == [("2",)]


async def test_an_array_is_applied_in_its_order(client):
    """Of two records of a key in one array, the last one stays."""
    records = [{"process_id": "a", "description": str(number)} for number in range(5)]
    assert (await client.send(data=orjson.dumps(records).decode())).event_id
    assert await client.emulator.lake(f"SELECT description FROM {TABLE}") == [("4",)]


async def test_values_stay_as_they_were_spelled(client):
    """Text, numbers and characters arrive in the lake as the client wrote them."""
    data = '{"process_id":"00\\u00e9 \\ud83d\\ude00\\u0000","planned_cost":100000000000000000000.10}'
    assert (await client.send(data=data)).event_id
    rows = await client.emulator.lake(f"SELECT process_id, planned_cost FROM {TABLE}")
    assert rows == [("00é 😀\0", "100000000000000000000.10")]


async def test_custom_datasets_get_their_columns_from_the_records(start):
    """A custom dataset takes any column; its key is the one that was set, or the whole record."""
    client = await start(custom_keys={"default/keyed": ("id",)})
    keyed, loose = ({"name": name, "namespace": "default"} for name in ("keyed", "loose"))
    await send_records(client, [{"id": "1", "a": "x"}, {"id": "1", "b": 2}], **keyed)
    assert await client.emulator.lake('SELECT id, a, b FROM "default.keyed"') == [("1", None, "2")]
    await send_records(client, [{"a": "1"}, {"a": "1"}, {"a": "1", "b": "2"}], **loose)
    rows = await client.emulator.lake('SELECT a, b FROM "default.loose" ORDER BY b')
    assert rows == [("1", None), ("1", "2")]
    await send_records(client, {"a": "1"}, "DELETE", **loose)
    assert await client.emulator.lake('SELECT a, b FROM "default.loose"') == [("1", "2")]


async def test_the_lake_is_a_file_for_its_owner_alone(start, tmp_path):
    """Within a second the records are in the file, which only its owner may read; they stay after the end."""
    path = tmp_path / "lake.db"
    path.touch(mode=0o644)
    client = await start(lake_path=path)
    assert (await client.send()).event_id
    await client.emulator.flush()
    for file in tmp_path.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as lake:
        assert lake.execute(f"SELECT process_id FROM {TABLE}").fetchall() == [("p1",)]


records = st.fixed_dictionaries(
    {},
    optional={"x": st.sampled_from(["a", "b"]), "y": st.none() | st.just("a"), "value": st.text(max_size=3)},
)
changes = st.tuples(st.sampled_from(Operation), st.lists(records, min_size=1, max_size=4))


@settings(deadline=None, max_examples=50)  # a busy machine must not fail it
@given(batches=st.lists(st.lists(changes, max_size=4), max_size=5))
def test_the_lake_is_what_a_list_of_records_would_be(batches):
    """For any operations in any batches, the table equals a plain list treated record by record."""
    columns, key = ("x", "y", "value"), ("x", "y")
    expected: list[tuple[str | None, ...]] = []
    lake = Lake(None)
    with closing(lake):
        for batch in batches:
            lake.apply(
                [
                    Change(Target("t", columns, key, operation), orjson.dumps(found).decode())
                    for operation, found in batch
                ]
            )
            for operation, found in batch:
                for record in found:
                    row = tuple(record.get(name) for name in columns)
                    if operation is not Operation.APPEND:
                        expected = [other for other in expected if other[:2] != row[:2]]
                    if operation is not Operation.DELETE:
                        expected.append(row)
        if any(batches):
            held = lake.query("SELECT x, y, value FROM t")
            assert sorted(held, key=repr) == sorted(expected, key=repr)


@pytest.mark.parametrize("name", ["select", 'a"b', "a b", "key"])
def test_any_name_can_be_a_table(name):
    """Names are quoted, whatever they hold."""
    with closing(Lake(None)) as lake:
        lake.apply([Change(Target(name, ("group",), ("group",), Operation.UPSERT), '{"group":"1"}')])
        assert lake.counts() == {name: 1}
