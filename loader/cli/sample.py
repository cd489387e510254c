"""``scn-loader sample``: write an extract of generated rows, for rehearsals and benchmarks."""

from pathlib import Path
from typing import Annotated

import typer

from loader.cli.datasets import find_dataset
from loader.command_line import scn_loader
from loader.datasets import dataset_for_event_type, event_types
from loader.report.figures import counted, printable

MOST_SAMPLE_ROWS = 1_000_000_000_000

MOST_SAMPLE_GROUPS = 10_000_000
"""The share of each group is held in memory."""


def sample(
    name: Annotated[
        str,
        typer.Argument(
            metavar="EVENT_TYPE|DATASET",
            help="An event type such as scn.data.inboundorder, or a dataset such as inbound_order.",
        ),
    ],
    *,
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="FILE", help="The file to write: .parquet, .csv, .ndjson or .jsonl."
        ),
    ],
    rows: Annotated[int, typer.Option(min=1, max=MOST_SAMPLE_ROWS, help="Number of rows.")] = 1_000,
    groups: Annotated[int, typer.Option(min=1, max=MOST_SAMPLE_GROUPS, help="Number of groups.")] = 100,
    skew: Annotated[
        float,
        typer.Option(
            min=0.0, max=10.0, help="0: groups of equal size; 1: group n has 1/n of the largest (Zipf)."
        ),
    ] = 0.0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same file.")] = 0,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks of errors.", hidden=True)] = False,  # noqa: ARG001 - main() looks for it
) -> None:
    """Write an extract of generated rows for a dataset.

    Keys are unique, columns have the dataset's own names, and every value is valid for its type.

    Exit codes: 0 written; 2 refused, for example because the file exists.
    """
    from loader.synthetic import RowSettings, group_column, write_sample  # noqa: PLC0415 - polars is slow to import

    dataset = find_dataset(name)
    write_sample(dataset, RowSettings(rows, groups, skew, seed), output, overwrite=force)
    column = group_column(dataset)
    typer.echo(f"{printable(str(output))}: {counted(rows, 'row')} of {dataset.name}; groups in '{column}'.")
    types = [each for each in event_types() if dataset_for_event_type(each).name == dataset.name]
    if types:
        flags = ("--event-type", types[0], "--group-by", column, "--emulate")
        typer.echo(f"Rehearse a load of it:\n  {scn_loader('load', output, *flags)}")
