"""The command ``scn-loader``: a thin skin, one command for one function of the library."""

import os
import sys
from contextlib import nullcontext
from importlib.metadata import version
from typing import Annotated

import typer

from loader.cli.datasets import datasets
from loader.cli.doctor import doctor
from loader.cli.emulator import emulator
from loader.cli.errors import show_error
from loader.cli.init import init
from loader.cli.load import load
from loader.cli.panic_filter import without_panics
from loader.cli.plan import plan
from loader.cli.rejects import rejects
from loader.cli.report import report
from loader.cli.sample import sample
from loader.cli.status import status
from loader.errors import ExitCode, Interrupted, LoaderError, unhandled

app = typer.Typer(
    name="scn-loader",
    help=(
        "Load Parquet, CSV and NDJSON extracts into AWS Supply Chain, in order, each event once, at the rate "
        "the service allows. Start with: scn-loader load EXTRACT --emulate --event-type T"
    ),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(init)
app.command()(load)
app.command()(plan)
app.command()(status)
app.command()(report)
app.command()(rejects)
app.command()(emulator)
app.command()(datasets)
app.command()(sample)
app.command()(doctor)


def _show_version(wanted: bool) -> None:  # noqa: FBT001 - the callback's signature is typer's
    if wanted:
        typer.echo(f"scn-loader {version('scn-loader')}")
        raise typer.Exit


@app.callback()
def _options(
    *,
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and leave."),
    ] = False,
) -> None:
    pass


def _limit_polars() -> None:
    """Set how polars uses threads and memory. It reads both variables when it is first imported.

    Two threads read faster than a load can send; each further one costs memory for an allocator arena
    (a Parquet file with row groups of 1M rows: 183 MB resident with 2 threads, 248 MB with 16). Freed
    memory goes back to the system after 0.2 s, which lowers resident memory by 30 to 50 MB.
    """
    os.environ.setdefault("POLARS_MAX_THREADS", "2")
    os.environ.setdefault("_RJEM_MALLOC_CONF", "dirty_decay_ms:200,muzzy_decay_ms:0")


def main() -> None:
    """Run the command line; the process ends with one of the documented exit codes."""
    _limit_polars()
    try:
        with nullcontext() if "--debug" in sys.argv else without_panics():
            app()
    except SystemExit:
        raise  # how a command ends
    except KeyboardInterrupt:
        show_error(Interrupted("Interrupted before anything was sent.", next_step="run the command again"))
        sys.exit(ExitCode.INTERRUPTED)
    except BaseException as fault:  # noqa: BLE001 - a panic of polars is not an Exception
        error = fault if isinstance(fault, LoaderError) else unhandled(fault)
        show_error(error, debug="--debug" in sys.argv)
        sys.exit(error.exit_code)
