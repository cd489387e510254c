"""GetDataLakeDataset: what the emulator tells of its datasets, in the form of boto3's own client."""

import asyncio
from contextlib import closing

import pytest
from pydantic import ValidationError

from loader.datasets import dataset_by_name
from loader.emulator import EmulatorSettings
from tests.emulator.signed_client import INSTANCE, target
from tests.emulator.test_emulator_boto3 import boto3_client, send

PALLETS = {
    "namespace": "default",
    "name": "pallets",
    "schema": {
        "name": "Pallets",
        "fields": [
            {"name": "pallet_id", "type": "STRING", "isRequired": True},
            {"name": "boxes", "type": "LONG", "isRequired": False},
        ],
        "primaryKeys": [{"name": "pallet_id"}],
    },
}


async def test_boto3_reads_the_schema_of_both_kinds_of_datasets(start):
    """Datasets of the AWS data model include the columns of the service; custom ones are unchanged."""
    client = await start(datasets=[PALLETS], instance_ids={INSTANCE})

    def talk() -> None:
        with closing(boto3_client(client.emulator.url)) as aws:

            def schema(namespace: str, name: str, instance: str = INSTANCE):
                found = aws.get_data_lake_dataset(instanceId=instance, namespace=namespace, name=name)
                return found["dataset"]["schema"]

            order = schema("asc", "inbound_order")
            names = [field["name"] for field in order["fields"]]
            known = dataset_by_name("inbound_order")
            assert names == [
                "connection_id",
                *(column.name for column in known.columns),
                "db_creation_dttm",
                "db_updation_dttm",
            ]
            assert [key["name"] for key in order["primaryKeys"]] == list(known.primary_key)
            assert schema("default", "pallets") == PALLETS["schema"]
            for place in (("asc", "pallets"), ("default", "boxes")):
                with pytest.raises(aws.exceptions.ResourceNotFoundException, match="dataset"):
                    schema(*place)
            with pytest.raises(aws.exceptions.ResourceNotFoundException, match="instance"):
                schema("asc", "inbound_order", INSTANCE.replace("8", "9"))

    await asyncio.to_thread(talk)


async def test_records_of_a_known_custom_dataset_follow_its_schema(start):
    """Types, names and required columns are checked, and its key is the lake's."""
    client = await start(datasets=[{"dataset": PALLETS}])

    def talk() -> None:
        with closing(boto3_client(client.emulator.url)) as aws:

            def put(data: str) -> None:
                pallets = target("pallets", "UPSERT", "default")
                send(aws, eventType="scn.data.dataset", data=data, datasetTarget=pallets)

            put('{"pallet_id":"p1","boxes":"5"}')
            put('{"pallet_id":"p1","boxes":"6"}')
            for bad in (
                '{"boxes":"5"}',
                '{"pallet_id":"p1","boxes":"five"}',
                '{"pallet_id":"p1","bags":"5"}',
            ):
                with pytest.raises(aws.exceptions.ValidationException, match="Record 0"):
                    put(bad)

    await asyncio.to_thread(talk)
    await client.emulator.flush()
    assert await client.emulator.lake('SELECT pallet_id, boxes FROM "default.pallets"') == [("p1", "6")]


@pytest.mark.parametrize(
    "document",
    [
        [],
        {"namespace": "default", "name": "pallets"},
        PALLETS | {"namespace": "asc"},
        PALLETS | {"name": "Pallets!"},
        PALLETS | {"schema": {"name": "P", "fields": [{"name": "a", "type": "TEXT", "isRequired": True}]}},
        PALLETS | {"schema": {**PALLETS["schema"], "primaryKeys": [{"name": "nosuch"}]}},  # type: ignore[dict-item] # a dict
    ],
)
def test_a_dataset_that_the_service_could_not_hold_is_refused(document):
    """The emulator is as strict with its own settings as the service model."""
    with pytest.raises(ValidationError):
        EmulatorSettings(datasets=[document])
