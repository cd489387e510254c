"""The files that ``load`` writes beside its run directory: checked before anything is sent."""

import sys
from pathlib import Path

from loader.cli.errors import show_error
from loader.errors import LoaderError, SettingsError
from loader.process.named_files import METRICS_FLAG, SUMMARY_FLAG
from loader.process.summary_place import is_writable
from loader.report import LoadSummary
from loader.report.summary_file import write_summary_json


def check_outputs(summary_json: Path | None, metrics_file: Path | None) -> None:
    """Refuse files that cannot be written, or that an output must not replace.

    Raises:
        SettingsError: There is such a file.
    """
    for flag, path in ((SUMMARY_FLAG, summary_json), (METRICS_FLAG, metrics_file)):
        if path is not None and flag.is_input(path, sys.argv[1:]):
            raise SettingsError(
                "An output would replace another file, so nothing was sent.",
                where=f"{flag.name} {path.absolute()}",
                why="this file exists, and it is not the output of an earlier load",
                next_step=f"name another file with {flag.name}",
            )
    if summary_json is not None and not is_writable(summary_json):
        raise SettingsError(
            "The summary cannot be written, so nothing was sent.",
            where=str(summary_json.absolute()),
            why="its folder does not exist or may not be written to, or it is a folder itself",
            next_step="name another file with --summary-json",
        )


def write_summary(summary: LoadSummary, path: Path) -> None:
    """Write the summary; show the error if that fails."""
    try:
        write_summary_json(summary, path)
    except OSError as error:
        # A failed write must not hide how the load ended: the exit code still says that.
        show_error(
            LoaderError(
                "The summary could not be written.", where=str(path), why=error.strerror or str(error)
            )
        )
