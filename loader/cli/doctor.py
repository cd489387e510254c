"""``scn-loader doctor``: check this machine and the connection to the service before a load."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer
from rich.table import Table
from rich.text import Text

from loader.cli.terminal.stdout_width import printable_lines, stdout_width, table_console
from loader.errors import ExitCode
from loader.job import read_job

if TYPE_CHECKING:
    from loader.doctor import Check
    from loader.service.settings import ClientSettings

COLOURS = {"ok": "green", "warning": "yellow", "failed": "bold red", "skipped": "dim"}

LEAST_COLUMNS = 60
"""On a narrower terminal the terminal breaks the lines: a narrow last column would divide words."""


def doctor(
    *,
    region: Annotated[
        str | None, typer.Option(help="AWS Region; default: AWS_REGION, then the profile.")
    ] = None,
    profile: Annotated[str | None, typer.Option(help="AWS profile; default: AWS_PROFILE.")] = None,
    endpoint_url: Annotated[
        str | None, typer.Option(help="Use this endpoint instead of the Region's.")
    ] = None,
    instance_id: Annotated[
        str | None,
        typer.Option(
            envvar="SCN_LOADER_INSTANCE_ID",
            help="UUID of the AWS Supply Chain instance; with it, the permission to send is tested.",
        ),
    ] = None,
    run_dir: Annotated[
        Path, typer.Option(envvar="SCN_LOADER_RUN_DIR", help="Where loads keep their run directories.")
    ] = Path("scn-loader-runs"),
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks of errors.", hidden=True)] = False,  # noqa: ARG001 - main() looks for it
) -> None:
    """Check versions, credentials, Region, endpoint, clock, permission, run directory, disk and limits.

    The command changes nothing and shows no secret. It tests the permission to send with one request that the
    service must refuse because of its content.

    Exit codes: 0 no check failed; 2 a check failed.
    """
    from loader.doctor.service import NO_INSTANCE  # noqa: PLC0415 - botocore is slow to import, --help is not
    from loader.stage_settings.connections import client_settings  # noqa: PLC0415 - the same

    given: dict[str, Any] = {"region": region, "profile": profile, "endpoint_url": endpoint_url}
    job = read_job(
        None,
        event_type="scn.data.inboundorder",
        instance_id=instance_id or NO_INSTANCE,
        **{name: value for name, value in given.items() if value is not None},
    )
    checks = asyncio.run(_all_checks(client_settings(job), run_dir))
    rows = [(each.name, each.state.value, each.found, each.next_step) for each in checks]
    if as_json:
        names = ("name", "state", "found", "next_step")
        typer.echo(orjson.dumps({"checks": [dict(zip(names, row, strict=True)) for row in rows]}))
    else:
        _show(rows)
    failed = any(state == "failed" for _, state, _, _ in rows)
    raise typer.Exit(ExitCode.REFUSED if failed else ExitCode.DELIVERED)


async def _all_checks(settings: "ClientSettings", run_dir: Path) -> "list[Check]":
    from loader.doctor import machine_checks, service_checks  # noqa: PLC0415 - the same

    checks = list(machine_checks(run_dir, settings.max_in_flight))
    return checks + [check async for check in service_checks(settings)]


def _show(rows: Sequence[tuple[str, str, str, str]]) -> None:
    table = Table("check", "", "found", box=None, pad_edge=False)
    for name, state, found, next_step in rows:
        text = f"{found}\n{next_step}" if next_step else found
        table.add_row(name, Text(state, style=COLOURS[state]), printable_lines(text))
    width = stdout_width()
    table_console(None if width is None else max(width, LEAST_COLUMNS)).print(table)
