"""The metrics of a load on a terminal: a file and a collector during the load, one log line at its end.

Metrics never decide how a load ends. If the file cannot be written or the collector does not answer, the
loader logs that once.
"""

import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from loader.errors import LoaderError
from loader.metrics import MetricsFile, emf_line
from loader.metrics.otel import OtelMetrics, is_installed, is_wanted
from loader.model import Destination
from loader.report import LogFormat, Snapshot

log = logging.getLogger(__name__)


class MetricsOutput:
    """Receives the snapshots of a load and writes its metrics.

    Args:
        destination: The destination of the events; event type and instance become labels.
        path: The metrics file, or None.
        log_format: With JSON logs one line in CloudWatch's embedded metric format is printed at the end of
            the load.
    """

    def __init__(self, destination: Destination, path: Path | None, log_format: LogFormat) -> None:
        self._labels = {"event_type": destination.event_type, "instance_id": destination.instance_id}
        self._file = None if path is None else MetricsFile(path, self._labels)
        self._path = path
        self._prints_line = log_format is LogFormat.JSON
        self._last = Snapshot()
        self._otel: OtelMetrics | None = None
        if is_wanted(os.environ):
            if is_installed():
                self._otel = OtelMetrics(self._labels, os.environ)
            else:
                log.warning(
                    "OTEL_EXPORTER_OTLP_ENDPOINT is set, but no metrics are sent to it: the extra "
                    "scn-loader[otel] is not installed."
                )

    def update(self, now: Snapshot) -> None:
        """Receive the state of the load, and write the file if it is due."""
        self._last = now
        if self._otel is not None:
            self._otel.update(now)
        if self._file is not None:
            try:
                self._file.update(now)
            except OSError as error:
                self._give_up(error)

    def end(self, exit_code: int, load: str | None) -> None:
        """Write the last metrics of the load.

        Args:
            exit_code: The exit code of the load.
            load: Its id, or None if it has none.
        """
        if self._file is not None:
            try:
                self._file.write(self._last, exit_code=exit_code)
            except OSError as error:
                self._give_up(error)
        if self._otel is not None:
            self._otel.end(self._last, exit_code)
        if self._prints_line:
            line = emf_line(
                self._last, self._labels, epoch_ms=int(time.time() * 1000), exit_code=exit_code, load=load
            )
            sys.stderr.write(line + "\n")

    @contextmanager
    def refusals(self) -> Iterator[None]:
        """Write the exit code of an error that ends the command in the block.

        Otherwise the file would still have the exit code of an earlier load.

        Raises:
            LoaderError: The block raised it.
        """
        try:
            yield
        except LoaderError as error:
            if self._file is not None:
                with suppress(OSError):
                    self._file.write(self._last, exit_code=error.exit_code)
            raise

    def _give_up(self, error: OSError) -> None:
        self._file = None
        log.warning("The metrics file cannot be written: %s", error.strerror, extra={"path": str(self._path)})
