"""``scn-loader verify``: check whether accepted events are loaded."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer

from loader.cli.load import value_flags
from loader.cli.terminal.emulate import LAKE_NAME, emulated_again, emulator_key
from loader.cli.terminal.in_s3 import brought_here
from loader.cli.terminal.verification import OtherService, duration_seconds, show_verification
from loader.command_line import CommandLine
from loader.errors import SettingsError


def verify(
    run_dir: Annotated[Path, typer.Argument(help="The run directory of a load, also s3://BUCKET/PREFIX.")],
    *,
    wait: Annotated[
        str | None,
        typer.Option(
            metavar="DURATION",
            help="Ask repeatedly until all events are decided, for at most this long: 90s, 10m, 2h.",
        ),
    ] = None,
    how: Annotated[
        str,
        typer.Option(
            metavar="auto|list|get",
            help="list: list events in pages of 20, then get the rest one by one; get: get each event; auto: "
            "list while that saves calls, then get.",
        ),
    ] = "auto",
    sample: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Check only N receipts, chosen at random.")
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option(metavar="CALLS_PER_SECOND", help="Maximum rate. Default: the loader learns the limit."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    region: Annotated[str | None, typer.Option(help="AWS Region; default: that of the load.")] = None,
    profile: Annotated[str | None, typer.Option(help="AWS profile; default: that of the load.")] = None,
    endpoint_url: Annotated[
        str | None, typer.Option(help="Use this endpoint instead of that of the load.")
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks of errors.", hidden=True)] = False,
) -> None:
    """Ask the service whether each accepted event is loaded. A receipt alone does not mean that.

    The command works on a load that ended or was killed, and resumes an earlier verify. The service keeps
    events for 30 days. It reports a load status for scn.data.dataset events only: typed events are 'known',
    never 'loaded'.

    Exit codes: 0 all events are loaded or known; 1 some failed or are missing; 2 nothing could be asked; 4
    the service refuses to answer; 7 some are not decided; 130/143 interrupted, run again.
    """
    from loader.verify.session import VerifyMethod, VerifySettings  # noqa: PLC0415 - slow to import, --help is not

    if how not in tuple(VerifyMethod):
        raise SettingsError(
            "This way to verify does not exist.",
            where="--how",
            why=f"'{how}' is not one of auto, list, get",
            next_step="give one of these with --how, or leave it out",
        )
    if rate is not None and not 0 < rate < float("inf"):
        raise SettingsError(
            "The rate cannot be used.",
            where="--rate",
            why="it must be above 0",
            next_step="give a number of calls per second, such as --rate 10, or leave it out",
        )
    settings = VerifySettings(
        method=VerifyMethod(how),
        wait_seconds=None if wait is None else duration_seconds(wait),
        sample=sample,
        rate=rate,
    )
    given: dict[str, Any] = {"region": region, "profile": profile, "endpoint_url": endpoint_url}
    with (
        brought_here(run_dir, changes=True, profile=profile) as here,
        _rehearsed(here.path) if endpoint_url is None else nullcontext() as emulator,
    ):
        service = OtherService(given)
        if emulator is not None:
            service = OtherService(given | {"endpoint_url": emulator, "profile": None}, emulator_key())
        found = show_verification(here, settings, service, value_flags(), as_json=as_json, debug=debug)
    raise typer.Exit(found.exit_code)


@contextmanager
def _rehearsed(run_dir: Path) -> Iterator[str | None]:
    """Yield the URL of an emulator that knows the events of a rehearsal; None if the load was not one."""
    from loader.shards.division import checkpoint_folders  # noqa: PLC0415 - polars is slow to import
    from loader.verify.stored_settings import stored_plan  # noqa: PLC0415 - the same

    command = stored_plan(checkpoint_folders(run_dir)[0]).command
    typed = CommandLine.parsed(command) if command else None
    if typed is None or "--emulate" not in typed.arguments or not (run_dir / LAKE_NAME).exists():
        yield None
        return
    with emulated_again(run_dir) as url:
        yield url
