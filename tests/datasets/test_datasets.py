"""What the package knows about the service's datasets."""

import json
from importlib.resources import files
from typing import Any

import pytest

from loader import datasets
from loader.datasets import Column


@pytest.fixture(scope="module")
def facts() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(files("loader.datasets").joinpath("entities.json").read_text())
    return loaded


def test_every_entity_is_served_whole(facts: dict[str, Any]) -> None:
    """Names, required flags and keys come out as the facts file holds them."""
    entities = [*facts["event_types"].values(), *facts["other_datasets"].values()]
    assert [entity["dataset"] for entity in entities] == [dataset.name for dataset in datasets.datasets()]
    for entity in entities:
        dataset = datasets.dataset_by_name(entity["dataset"])
        assert dataset.primary_key == tuple(entity["primary_key"])
        assert [(c.name, c.required) for c in dataset.columns] == [
            (c["name"], c["required"]) for c in entity["columns"]
        ]


def test_every_event_type_fills_one_dataset(facts: dict[str, Any]) -> None:
    """The 15 typed event types of the API each lead to their dataset."""
    assert len(datasets.event_types()) == 15
    for event_type, entity in facts["event_types"].items():
        assert datasets.dataset_for_event_type(event_type).name == entity["dataset"]


def test_keys_are_columns_of_their_dataset() -> None:
    """A primary key names only columns that exist, each column name only once."""
    for dataset in datasets.datasets():
        names = [column.name for column in dataset.columns]
        assert len(names) == len(set(names))
        assert set(dataset.primary_key) <= set(names)


def test_every_type_is_known() -> None:
    """A type the guide leaves blank is filled in, so that converters meet four types only."""
    types = {column.type for dataset in datasets.datasets() for column in dataset.columns}
    assert types == {"string", "double", "int", "timestamp"}
    assert datasets.dataset_by_name("inv_policy").column("min_sl") == Column(
        "min_sl", "double", required=False
    )


def test_never_send_agrees_with_the_facts(facts: dict[str, Any]) -> None:
    """The columns the service fills in are those of the facts file, and no dataset asks for them."""
    assert set(facts["_about"]["never_send"]) == datasets.NEVER_SEND
    assert not any(dataset.column(name) for dataset in datasets.datasets() for name in datasets.NEVER_SEND)


def test_placeholder_agrees_with_the_facts(facts: dict[str, Any]) -> None:
    """The placeholder for required texts is the one of the facts file."""
    assert facts["_about"]["placeholders"]["string"] == datasets.NO_VALUE


@pytest.mark.parametrize("name", ["scn.data.dataset", "scn.data.nothing", "inbound_order"])
def test_an_unknown_event_type_is_a_key_error(name: str) -> None:
    """What is not a typed event type is a KeyError."""
    with pytest.raises(KeyError):
        datasets.dataset_for_event_type(name)


def test_an_unknown_dataset_is_a_key_error() -> None:
    """What is not a dataset is a KeyError; an unknown column is None."""
    with pytest.raises(KeyError):
        datasets.dataset_by_name("nothing")
    assert datasets.dataset_by_name("company").column("nothing") is None
