"""The files that ``load`` writes beside its run directory: checked before anything is sent."""

import sys
from dataclasses import dataclass
from pathlib import Path

from loader.cli.errors import show_error
from loader.errors import LoaderError, SettingsError
from loader.process.named_files import METRICS_FLAG, SUMMARY_FLAG
from loader.process.summary_place import is_summary_missing, is_writable
from loader.report import LoadSummary
from loader.report.summary_file import write_summary_json


@dataclass(frozen=True, slots=True)
class OutputFiles:
    """The files of ``--summary-json`` and ``--metrics-file``.

    Attributes:
        summary: Where the summary is written, or None. It is also written for a refused load, so that a
            scheduler does not read the summary of an earlier load.
        metrics: Where metrics are written, or None.
    """

    summary: Path | None
    metrics: Path | None

    def check(self) -> None:
        """Refuse files that cannot be written, or that an output must not replace.

        Raises:
            SettingsError: There is such a file.
        """
        for flag, path in ((SUMMARY_FLAG, self.summary), (METRICS_FLAG, self.metrics)):
            if path is not None and flag.is_input(path, sys.argv[1:]):
                raise SettingsError(
                    "An output would replace another file, so nothing was sent.",
                    where=f"{flag.name} {path.absolute()}",
                    why="this file exists, and it is not the output of an earlier load",
                    next_step=f"name another file with {flag.name}",
                )
        if self.summary is not None and not is_writable(self.summary):
            raise SettingsError(
                "The summary cannot be written, so nothing was sent.",
                where=str(self.summary.absolute()),
                why="its folder does not exist or may not be written to, or it is a folder itself",
                next_step="name another file with --summary-json",
            )

    @property
    def lacks_summary(self) -> bool:
        """Whether the summary is wanted and this run has not written it yet."""
        return self.summary is not None and is_summary_missing(self.summary)

    def write_summary(self, summary: LoadSummary) -> None:
        """Write the summary, if it is wanted; show the error if that fails."""
        if self.summary is None:
            return
        try:
            write_summary_json(summary, self.summary)
        except OSError as error:
            # A failed write must not hide how the load ended: the exit code still says that.
            where, why = str(self.summary), error.strerror or str(error)
            show_error(
                LoaderError(
                    "The summary could not be written.",
                    where=where,
                    why=why,
                    next_step="name another file with --summary-json; the exit code says how this run ended",
                )
            )
