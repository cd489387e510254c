"""What the user wants to see of a load on stderr."""

import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from loader.cli.terminal.live_hint import LiveHint
from loader.report import (
    Display,
    LogFormat,
    Pace,
    ProgressStyle,
    Signs,
    Snapshot,
    log_to,
    make_display,
    plain_line,
    with_signs,
)


@dataclass(frozen=True, slots=True)
class Console:
    """How a load is shown on stderr.

    Attributes:
        progress: How progress is shown.
        signs: Other signs on the terminal: title and bell.
        log_format: Format of the log lines. Progress has the same format.
        debug: Whether debug lines, and tracebacks of errors, are shown.
    """

    progress: ProgressStyle
    signs: Signs
    log_format: LogFormat
    debug: bool

    def display(self, json_line: Callable[[Snapshot, Pace], str]) -> Display:
        """Return the display of progress; ``json_line`` formats progress as JSON."""
        line = json_line if self.log_format is LogFormat.JSON else plain_line
        return with_signs(make_display(self.progress, sys.stderr, line=line), sys.stderr, self.signs)

    def hint(self, display: Display) -> LiveHint:
        """Return the hint of the live page, which is for people only."""
        is_for_people = self.progress is ProgressStyle.AUTO and self.log_format is LogFormat.TEXT
        return LiveHint(display, is_wanted=is_for_people and sys.stderr.isatty())

    def log(
        self, display: Display | None, *, run_dir: Path | None, ids: Mapping[str, str | None]
    ) -> AbstractContextManager[None]:
        """Log until the block ends, as ``log_to`` does; without a display only to the run directory."""
        write = None if display is None else display.message
        return log_to(write, run_dir=run_dir, log_format=self.log_format, ids=ids, debug=self.debug)
