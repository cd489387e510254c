"""``scn-loader measure``: measure what an instance accepts, by packing and record size."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from loader.cli.datasets import find_dataset
from loader.cli.errors import show_error
from loader.cli.terminal.stdout_width import table_console
from loader.errors import SettingsError
from loader.job import read_job
from loader.process.named_files import check_replaceable
from loader.process.signals import deciding

if TYPE_CHECKING:
    from loader.measuring import Measurement

LEAST_SECONDS = 1.0

MOST_CALLS = 1_000_000_000

MOST_COLUMNS = 200
"""Columns of the widest possible table, with room to spare."""


def measure(
    name: Annotated[
        str,
        typer.Argument(
            metavar="EVENT_TYPE|DATASET",
            help="Event type or dataset of the generated rows: scn.data.inboundorder, or inbound_order.",
        ),
    ],
    *,
    instance_id: Annotated[
        str, typer.Option(envvar="SCN_LOADER_INSTANCE_ID", help="UUID of the AWS Supply Chain instance.")
    ],
    seconds: Annotated[float, typer.Option(min=LEAST_SECONDS, help="Seconds for each combination.")] = 15.0,
    packing: Annotated[
        list[str],
        typer.Option(
            metavar="row|group|N",
            help="One record per event, full events, or N records per event. Repeatable.",
        ),
    ] = ["row", "group"],  # noqa: B006 - typer's form of a default
    record_bytes: Annotated[
        list[int] | None,
        typer.Option(min=1, help="Size of a record in bytes. Repeatable. Default: one small and one large."),
    ] = None,
    max_in_flight: Annotated[
        list[int], typer.Option(min=1, max=4096, help="Maximum number of concurrent requests. Repeatable.")
    ] = [1000],  # noqa: B006 - the same
    max_calls: Annotated[
        int,
        typer.Option(
            min=1, max=MOST_CALLS, help="Maximum number of calls in the whole measurement, of any operation."
        ),
    ] = 100_000,
    rate: Annotated[float | None, typer.Option(metavar="CALLS_PER_SECOND", help="Maximum rate.")] = None,
    picture: Annotated[
        Path | None, typer.Option("--picture", "-o", metavar="FILE.svg", help="Also draw a picture.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    region: Annotated[
        str | None, typer.Option(help="AWS Region; default: AWS_REGION, then the profile.")
    ] = None,
    profile: Annotated[str | None, typer.Option(help="AWS profile; default: AWS_PROFILE.")] = None,
    endpoint_url: Annotated[str | None, typer.Option(help="Use this endpoint, such as an emulator.")] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks of errors.", hidden=True)] = False,
) -> None:
    """Measure how many events and rows per second an instance accepts, and its response times.

    measure sends generated rows to a dataset of its own and deletes that dataset at the end. Except for an
    endpoint on this machine, the instance must permit it with the tag scn-loader-measure = allowed; measure
    checks the tag first. It prints the maximum number of calls before the first call, and keeps to it.

    Exit codes: 0 measured; 2 refused before sending; 4 the service refuses; 5 stopped, or the
    dataset could not be deleted; 130/143 interrupted, with the results so far.
    """
    from loader.measuring import MeasureSettings, MeasureWatch, measure_to_end  # noqa: PLC0415 - slow to import, --help is not
    from loader.measuring.text import announcement, line  # noqa: PLC0415 - the same
    from loader.stage_settings.connections import client_settings  # noqa: PLC0415 - the same

    dataset = find_dataset(name)
    if rate is not None and not 0 < rate < float("inf"):
        raise SettingsError(
            "The rate cannot be used.",
            where="--rate",
            why="it must be above 0",
            next_step="give a number of calls per second, such as --rate 100, or leave it out",
        )
    if picture is not None:
        check_replaceable(picture, b"<svg")
    settings = MeasureSettings(
        seconds, tuple(packing), tuple(record_bytes or ()), tuple(max_in_flight), max_calls, rate
    )
    given: dict[str, Any] = {"region": region, "profile": profile, "endpoint_url": endpoint_url}
    job = read_job(
        None,
        event_type="scn.data.inboundorder",  # any valid type: events go to the measurement's own dataset
        instance_id=instance_id,
        **{key: value for key, value in given.items() if value is not None},
    )
    measured = measure_to_end(
        client_settings(job),
        dataset,
        settings,
        MeasureWatch(
            announce=lambda cells, most, longest: _say(announcement(cells, most, longest, dataset.name)),
            on_result=lambda result: _say(line(result)),
        ),
    )
    with deciding(measured.exit_code):
        if picture is not None and measured.results:
            _draw(measured, picture)
        if measured.error is not None:
            show_error(measured.error, debug=debug)
        if as_json:
            typer.echo(orjson.dumps(measured.as_json(), option=orjson.OPT_INDENT_2))
        else:
            _show(measured)
    raise typer.Exit(measured.exit_code)


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def _show(measured: "Measurement") -> None:
    from rich.table import Table  # noqa: PLC0415 - slow to import, --help is not

    from loader.measuring.text import COLUMNS, remarks, table_rows  # noqa: PLC0415 - the same

    table = Table(box=None, pad_edge=False)
    for number, column in enumerate(COLUMNS):
        table.add_column(column, justify="left" if number == 0 else "right", no_wrap=True)
    for row in table_rows(measured):
        table.add_row(*row)
    # rich would cut off figures on a narrow terminal; here the terminal breaks the lines itself.
    table_console(MOST_COLUMNS).print(table)
    for remark in remarks(measured):
        typer.echo(remark)


def _draw(measured: "Measurement", path: Path) -> None:
    from loader.atomic import write_output  # noqa: PLC0415 - slow to import, --help is not
    from loader.measuring.text import picture  # noqa: PLC0415 - the same

    try:
        write_output(path, picture(measured).encode(), private=False)
    except OSError as error:
        raise SettingsError(
            "The picture cannot be written.",
            where=str(path),
            why=error.strerror or str(error),
            next_step="name another file with --picture, in a folder that exists",
        ) from error
