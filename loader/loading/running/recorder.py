"""Record each result of a run in the checkpoint, the counts and the log, and apply the limits of errors."""

import logging
from collections.abc import Callable, Mapping

from loader.checkpoint import Checkpoint
from loader.errors import LoaderError
from loader.extract import Extract
from loader.extract.planning import log_rejected
from loader.loading.error_limits import ErrorCounts
from loader.loading.running.counters import LoadCounters
from loader.model import Event, EventResult, EventState, PartResult, PartState, SlicePlan

log = logging.getLogger(__name__)


class Recorder:
    """Receives slices, results and parts (``PartLog``) of one run.

    Args:
        checkpoint: Stores the results.
        tally: Counts the results.
        extract: Has the names of the files.
        on_result: Called with the result of each event, or None.
        stop: Called with the error that ends the run.
        limits: Returns the error if the counts of the load, or of a file, exceed a limit, else None.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        tally: LoadCounters,
        extract: Extract,
        *,
        on_result: Callable[[EventResult], None] | None,
        stop: Callable[[LoaderError], None],
        limits: Callable[[ErrorCounts, Mapping[str, ErrorCounts]], LoaderError | None],
    ) -> None:
        self._checkpoint = checkpoint
        self._tally = tally
        self._extract = extract
        self._on_result = on_result
        self._stop = stop
        self._limits = limits

    def slice(self, plan: SlicePlan, settled: Mapping[int, int], new: bool) -> None:  # noqa: FBT001 - a callback
        """Record a planned slice.

        Args:
            plan: The slice.
            settled: Number of its rows that need no more work, by file.
            new: Whether no earlier run planned it.
        """
        self._tally.slice(plan, settled, new)
        if new:
            log_rejected(plan, self._extract.files)
        for file in plan.files:
            self._check_errors(file.file)

    def result(self, result: EventResult) -> None:
        """Record the result of an event."""
        self._checkpoint.record(result)
        self._tally.result(result)
        if result.state is not EventState.ACCEPTED:
            self._log_result(result)
        if self._on_result is not None:
            self._on_result(result)

    def settled(self, event: Event, result: PartResult) -> None:
        """Record the result of a part of an event (``PartLog``)."""
        self._checkpoint.record_part(event, result)
        self._tally.part(event, result)
        if result.state is PartState.FAILED:
            part = result.part
            source = self._extract.files[event.file_of(part.first)]
            log.warning(
                "A record was refused." if part.count == 1 else "Records were refused.",
                extra={
                    "code": result.code,
                    "window": event.window,
                    "index": event.index,
                    "file": source.path,
                    "row": source.row_number(event.rows[part.first]),
                    "records": part.count,
                    "token": result.token,
                },
            )
            for file, _ in event.rows_by_file(part.first, part.first + part.count):
                self._check_errors(file)

    async def divided(self, event: Event, result: PartResult) -> None:
        """Record the division of an event, or of a part of it. It is durable on return (``PartLog``)."""
        self._checkpoint.record_part(event, result)
        await self._checkpoint.flush()

    def _log_result(self, result: EventResult) -> None:
        event = result.event
        has_failed = result.state is EventState.FAILED
        log.log(
            logging.WARNING if has_failed else logging.INFO,
            "An event was not accepted.",
            extra={
                "state": result.state.value,
                "code": result.code,
                "attempts": result.attempts,
                "window": event.window,
                "index": event.index,
                "file": self._extract.files[event.file].path,
                "row": self._extract.files[event.file].row_number(event.rows[0]),
                "token": event.token,
            },
        )
        if has_failed:
            for file, _ in result.rows_by_file():
                self._check_errors(file)

    def check_load(self) -> None:
        """Stop the run if the errors of the load exceed their limit."""
        self._check({})

    def _check_errors(self, file: int) -> None:
        self._check({self._extract.files[file].path: self._tally.errors_of(file)})

    def _check(self, files: Mapping[str, ErrorCounts]) -> None:
        error = self._limits(self._tally.errors(), files)
        if error is not None:
            self._stop(error)
