"""``scn-loader report``: show a load on one HTML page, as a file or live."""

import time
from pathlib import Path
from typing import Annotated

import typer

from loader.cli.load import value_flags
from loader.cli.terminal.corrected_load import standing_of
from loader.cli.terminal.in_s3 import LocalRunDir, brought_here
from loader.errors import SettingsError
from loader.process.named_files import check_replaceable
from loader.report.figures import printable


def report(
    run_dir: Annotated[Path, typer.Argument(help="The run directory of a load, also s3://BUCKET/PREFIX.")],
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="The file to write. Default: report.html in the run directory, or here for one in S3.",
            show_default=False,
        ),
    ] = None,
    live: Annotated[
        bool, typer.Option("--live", help="Serve the page on this machine and update it.")
    ] = False,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65_535, help="Port for --live. Default: a free one.", show_default=False),
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks of errors.", hidden=True)] = False,  # noqa: ARG001 - main() looks for it
) -> None:
    """Write one HTML page about a load: its state, the next step, and its history.

    The command works during a load, after a crash and after resumes. The page needs no network and has
    no values of rows. --live serves it on 127.0.0.1 until Ctrl-C.

    Exit codes: 0 written; 2 no load was found, or the file cannot be written.
    """
    _refuse_unused(live=live, port=port, output=output)
    from loader.atomic import write_output  # noqa: PLC0415 - --help needs none of it
    from loader.page.build import build_page  # noqa: PLC0415
    from loader.page.document import to_html  # noqa: PLC0415
    from loader.page.live import LiveServer  # noqa: PLC0415
    from loader.page.model import LoadPage  # noqa: PLC0415

    def page(here: LocalRunDir) -> LoadPage:
        return build_page(here.path, time.time(), standing=lambda load: standing_of(load, value_flags()))

    def html(here: LocalRunDir, *, live: bool = False) -> str:
        return here.named(to_html(page(here), live=live))

    def html_now() -> str:
        with brought_here(run_dir) as here:
            return html(here, live=True)

    with brought_here(run_dir) as here:
        first = html(here)
    if live:
        with LiveServer(html_now, port or 0) as server:
            try:
                typer.echo(f"The report is at {server.address}\nCtrl-C stops the report, not the load.")
                server.serve_forever()
            except KeyboardInterrupt:
                typer.echo("The report is no longer served.")
        return
    path = output or (here.path if here.address is None else Path()) / "report.html"
    check_replaceable(path, b"<!doctype html>")
    try:
        write_output(path, first.encode())
    except OSError as error:
        raise SettingsError(
            "The report cannot be written.",
            where=str(path),
            why=error.strerror or str(error),
            next_step="name another file with --output",
        ) from error
    typer.echo(f"The report is in {printable(str(path.absolute()))}")


def _refuse_unused(*, live: bool, port: int | None, output: Path | None) -> None:
    """Raise an error if a flag has no effect.

    Raises:
        SettingsError: A port without --live, or a file with it.
    """
    if port is not None and not live:
        raise SettingsError(
            "--port applies only to --live.", why="without it the report is a file", next_step="add --live"
        )
    if output is not None and live:
        raise SettingsError(
            "--output and --live cannot be used together.",
            why="--live serves the page and writes no file",
            next_step="run the command once for each",
        )
