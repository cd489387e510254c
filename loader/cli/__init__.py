"""The command ``scn-loader``. Each of its commands calls one function of the library."""

import os
import sys
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from loader.cli.terminal.command_group import ONCE, VERIFY, CommandGroup, list_commands
from loader.cli.terminal.panic_filter import without_panics
from loader.command_line import scn_loader
from loader.errors import ExitCode, Interrupted, LoaderError, SettingsError, SystemRefusal, unhandled
from loader.process.limits import READING_COMMANDS, limit_polars, refuse_low_limits
from loader.process.named_files import METRICS_FLAG
from loader.process.signals import (
    asked_to_stop,
    deciding,
    is_decided,
)
from loader.process.streams import lost_output
from loader.process.summary_place import clear_summary, is_summary_missing, is_writable, requested_summary

USAGE_ERROR: Any = typer.BadParameter.__base__
"""Click's error for a command line that it refuses. Newer releases of typer have a copy of click."""

HELP_FLAGS = frozenset({"--help", "-h"})

app = typer.Typer(
    name="scn-loader",
    cls=CommandGroup,
    help=(
        "Load Parquet, CSV, NDJSON and Excel extracts into AWS Supply Chain, in order, each event once, at "
        "the rate the service allows. Start with: scn-loader load EXTRACT --emulate --event-type T"
    ),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": sorted(HELP_FLAGS)},
)
list_commands(app)


def _show_version(wanted: bool) -> None:  # noqa: FBT001 - the callback's signature is typer's
    if wanted:
        from importlib.metadata import version  # noqa: PLC0415 - slow to import, --help is not

        typer.echo(f"scn-loader {version('scn-loader')}")
        raise typer.Exit


@app.callback()
def _options(
    *,
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line of this process, then exit with one of the documented exit codes.

    Raises:
        SystemExit: Always.
    """
    limit_polars()
    # typer does not support a flag whose value is optional.
    arguments = [f"{VERIFY}={ONCE}" if each == VERIFY else each for each in sys.argv[1:]]
    sys.argv[1:] = arguments
    summary_json = requested_summary(arguments, os.environ)
    if summary_json is not None:
        clear_summary(summary_json)
    metrics_file = METRICS_FLAG.requested(arguments, os.environ)
    metrics_before = _version_of(metrics_file)
    code, error = _answer(arguments)
    # The summary file comes first: it must say how the load ended even if the output fails.
    with deciding(code):
        if (
            summary_json is not None
            and code
            and is_summary_missing(summary_json)
            and is_writable(summary_json)
        ):
            _write_refused(summary_json, error or SettingsError("The command line cannot be used."))
        if metrics_file is not None and code and _version_of(metrics_file) == metrics_before:
            _write_refused_metrics(metrics_file, arguments, code)
    if error is not None:
        if "--json" in arguments:
            _write_json(error)
        _show(error, debug="--debug" in arguments)
    sys.exit(code)


def interrupted() -> int:
    """Report that a signal ended the command before the command handled it; return the exit code."""
    error = _before_sending(Interrupted(""))
    summary_json = requested_summary(sys.argv[1:], os.environ)
    if summary_json is not None and is_summary_missing(summary_json):
        _write_refused(summary_json, error)
    _show(error)
    return error.exit_code


def after_output(code: int) -> int:
    """Write the rest of the output and return the exit code."""
    lost = lost_output()
    # A failed output does not change how a load ended. For the other commands, the output is the result.
    if lost is not None and sys.argv[1:2] != ["load"]:
        error = SettingsError(
            "The output could not be written.",
            why=lost.strerror or str(lost),
            next_step="redirect the output to a place with room for it, and run the command again",
        )
        _show(error)
        code = error.exit_code
    sys.stderr.flush()
    return code


def _code_of(ended: SystemExit) -> int:
    return ended.code if isinstance(ended.code, int) else int(bool(ended.code))


def _usage_error(fault: Any) -> SettingsError:
    """Return the error of a command line that click refused and has shown."""
    command = fault.ctx.command_path.split()[1:] if fault.ctx is not None else []
    return SettingsError(
        "The command line cannot be used.",
        why=fault.format_message(),
        next_step=f"see its flags:\n{scn_loader(*command, '--help')}",
    )


def _is_for_keyboard_interrupt(ended: SystemExit) -> bool:
    """Return whether typer raised it for a KeyboardInterrupt, whichever signal caused that."""
    cause: BaseException | None = ended
    while cause is not None and not isinstance(cause, KeyboardInterrupt):
        cause = cause.__cause__ or cause.__context__
    return cause is not None


def _answer(arguments: Sequence[str]) -> tuple[int, LoaderError | None]:
    """Return the exit code of a command, and the error that stopped it if it is not shown yet."""
    if arguments[:1] != ["load"]:  # `load` logs more; the others only show tracebacks, in main()
        arguments = [each for each in arguments if each != "--debug"]
    try:
        if READING_COMMANDS.intersection(arguments[:1]) and not HELP_FLAGS.intersection(arguments):
            refuse_low_limits()
        with nullcontext() if "--debug" in sys.argv else without_panics():
            app(args=arguments)
    except SystemExit as ended:
        code = _code_of(ended)
        if "--json" in arguments and isinstance(ended.__context__, USAGE_ERROR):
            _write_json(_usage_error(ended.__context__))
        asked = asked_to_stop()
        # A command that ends by itself after a signal has shown how it ended.
        if asked is None or is_decided() or not _is_for_keyboard_interrupt(ended):
            return code, None
        error: LoaderError = _before_sending(asked)
    except (KeyboardInterrupt, Interrupted) as fault:
        error = _before_sending(fault)
    except BaseException as fault:  # noqa: BLE001 - a panic of polars is not an Exception
        error = fault if isinstance(fault, LoaderError) else unhandled(fault)
        if isinstance(error, SystemRefusal):  # a load that has sent something returns how it ended
            error.exit_code = ExitCode.REFUSED
        asked = asked_to_stop()
        # An import that a signal interrupts may raise an error of another type.
        if asked is not None and not is_decided() and not isinstance(fault, LoaderError):
            error = _before_sending(asked)
    return error.exit_code, error


def _before_sending(fault: BaseException) -> Interrupted:
    kind = type(asked_to_stop() or fault)
    kind = kind if issubclass(kind, Interrupted) else Interrupted
    return kind("Interrupted before anything was sent.", next_step="run the command again")


def leave(reason: Interrupted) -> None:
    """Write the summary of a command that exits at once."""
    summary_json = requested_summary(sys.argv[1:], os.environ)
    if summary_json is not None and is_summary_missing(summary_json):
        _write_refused(summary_json, reason)


def _show(error: LoaderError, *, debug: bool = False) -> None:
    from loader.cli.errors import show_error  # noqa: PLC0415 - slow to import, --help is not

    show_error(error, debug=debug)


def _version_of(path: Path | None) -> tuple[int, int] | None:
    """Return what distinguishes a file from one that replaces it; None if there is no file."""
    if path is None:
        return None
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return found.st_ino, found.st_mtime_ns


def _write_refused_metrics(path: Path, arguments: Sequence[str], code: int) -> None:
    """Replace the metrics of an earlier load by the exit code of this one, which has no other metrics."""
    if METRICS_FLAG.is_input(path, arguments):
        return
    from loader.metrics.prometheus import write_refused  # noqa: PLC0415 - slow to import, --help is not

    with suppress(OSError, ValueError):
        write_refused(path, code)


def _write_json(error: LoaderError) -> None:
    """Write an error as the only JSON object of a command with --json, which has written none."""
    from loader.report.error_block import error_values  # noqa: PLC0415 - slow to import, --help is not
    from loader.report.json_text import json_text  # noqa: PLC0415 - the same

    sys.stdout.write(json_text(error_values(error)).decode() + "\n")


def _write_refused(path: Path, error: LoaderError) -> None:
    from loader.report.summary_file import (  # noqa: PLC0415 - slow to import, --help is not
        refused_summary,
        write_summary_json,
    )

    try:
        write_summary_json(refused_summary(error), path)
    except OSError as fault:
        _show(
            LoaderError(
                "The summary could not be written.",
                where=str(path),
                why=fault.strerror or str(fault),
                next_step="name another file with --summary-json; the exit code says how this run ended",
            )
        )
