"""``scn-loader datasets``: show the datasets of the service."""

from typing import Annotated

import typer
from rich.table import Table

from loader.cli.terminal.stdout_width import table_console
from loader.command_line import scn_loader
from loader.datasets import Dataset, dataset_by_name, dataset_for_event_type, event_types
from loader.datasets import datasets as all_datasets
from loader.errors import SettingsError

_EVENT_TYPES = "scn.data."
"""Start of the names of all event types."""


def datasets(
    name: Annotated[
        str | None,
        typer.Argument(
            help="A dataset such as inbound_order, or an event type such as scn.data.inboundorder."
        ),
    ] = None,
) -> None:
    """Show the columns, types and keys of a dataset; without a name, list them all."""
    console = table_console()
    if name is None:
        console.print(_list_of_datasets())
        return
    dataset = find_dataset(name)
    console.print(_columns_of(dataset))
    console.print(
        "A record without a value for a required column is rejected. If the source has no value, use a "
        'constant in the job file: AWS\'s own connectors send "SCN_RESERVED_NO_VALUE_PROVIDED".',
        style="dim",
    )


def find_dataset(name: str) -> Dataset:
    """Return the dataset with this name or event type.

    Raises:
        SettingsError: No dataset has this name or event type.
    """
    for find in (dataset_by_name, dataset_for_event_type):
        try:
            return find(name)
        except KeyError:
            continue
    from loader.mapping.errors import did_you_mean  # noqa: PLC0415 - only a mistake needs it

    names = event_types() if name.startswith(_EVENT_TYPES) else [each.name for each in all_datasets()]
    raise SettingsError(
        f"No dataset or event type is called '{name}'.",
        next_step=f"{did_you_mean(name, names)}List all of them:\n{scn_loader('datasets')}",
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
