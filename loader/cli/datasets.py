"""``scn-loader datasets``: what the service's datasets look like."""

import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from loader.datasets import Dataset, dataset_by_name, dataset_for_event_type, event_types
from loader.datasets import datasets as all_datasets
from loader.errors import SettingsError

UNCUT_CHARS = 10_000
"""Width of a table that no terminal shows: rich would cut it at 80 characters."""


def datasets(
    name: Annotated[
        str | None,
        typer.Argument(
            help="A dataset such as inbound_order, or an event type such as scn.data.inboundorder."
        ),
    ] = None,
) -> None:
    """Show the columns, types and keys of a dataset; without a name, list them all."""
    # In a pipe nothing is cut or wrapped, so that grep finds whole lines.
    console = Console(highlight=False, width=None if sys.stdout.isatty() else UNCUT_CHARS)
    if name is None:
        console.print(_list_of_datasets())
        return
    dataset = find_dataset(name)
    console.print(_columns_of(dataset))
    console.print(
        "A record without a value for a required column is rejected. Where the source has none, AWS's own "
        'connectors send "SCN_RESERVED_NO_VALUE_PROVIDED" (a constant in the job file).',
        style="dim",
    )


def find_dataset(name: str) -> Dataset:
    """Return the dataset of a name or of an event type.

    Raises:
        SettingsError: There is none.
    """
    for find in (dataset_by_name, dataset_for_event_type):
        try:
            return find(name)
        except KeyError:
            continue
    raise SettingsError(
        f"There is no dataset or event type called '{name}'.",
        next_step="see all of them:\nscn-loader datasets",
    )


def _list_of_datasets() -> Table:
    table = Table("dataset", "event type", "columns", "primary key", box=None, pad_edge=False)
    event_type_of = {dataset_for_event_type(event_type).name: event_type for event_type in event_types()}
    for dataset in all_datasets():
        table.add_row(
            dataset.name,
            event_type_of.get(dataset.name, "scn.data.dataset"),
            str(len(dataset.columns)),
            ", ".join(dataset.primary_key),
        )
    return table


def _columns_of(dataset: Dataset) -> Table:
    table = Table("column", "type", "", title=dataset.name, title_justify="left", box=None, pad_edge=False)
    for column in dataset.columns:
        notes = ["required"] * column.required + ["key"] * (column.name in dataset.primary_key)
        table.add_row(column.name, column.type, ", ".join(notes))
    return table
