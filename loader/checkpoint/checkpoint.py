"""The checkpoint of a running load: what is to be sent, what may have been sent, what was accepted."""

import asyncio
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from loader.checkpoint import progress
from loader.checkpoint.connections import stand_alone
from loader.checkpoint.file_names import CHECKPOINT_NAME
from loader.checkpoint.progress import InDoubtEvent, WindowProgress
from loader.checkpoint.queries import FileTotals, RunEnd, Totals, read_file_totals, read_totals
from loader.checkpoint.reading import reading_errors
from loader.checkpoint.reconciling import Disagreement, drop_strays
from loader.checkpoint.samples import StoredSample, read_samples, write_samples
from loader.checkpoint.slices import check_same_slice, read_slice
from loader.checkpoint.writing.doubt_decisions import resend, skip
from loader.checkpoint.writing.entries import (
    EventPlace,
    EventsMarked,
    EventsNamed,
    WriterCall,
    named,
    part_noted,
    put_aside,
    slice_opened,
)
from loader.checkpoint.writing.ledger import Ledger
from loader.checkpoint.writing.runs import RunRecord, end_run
from loader.checkpoint.writing.writer import Writer
from loader.errors import CheckpointError
from loader.model import Event, EventResult, EventState, PartResult, SlicePlan


@dataclass(frozen=True, slots=True)
class OpenedState:
    """What was found, or made, when a checkpoint was opened; the attributes are those of `Checkpoint`."""

    load_id: str
    began_at: float
    generation: int
    resumed: bool
    finished: bool
    archived: Path | None
    disagreement: Disagreement


class Checkpoint:
    """An open checkpoint; made by ``open_checkpoint``.

    Questions (``window_progress``, ``totals`` ...) are answered from what is durable, by a connection
    of their own. Changes go to the writer's inbox in the order of the calls and are durable within
    ``writer.COMMIT_SECONDS``, or when an awaited call returns. Leaving it as a context manager closes it.

    Attributes:
        run_dir: The load's directory.
        load_id: Names the load.
        began_at: When its first run began, in epoch seconds.
        generation: Number of earlier loads of the run directory that it replaces; part of its tokens.
        resumed: Whether an earlier run began it.
        finished: Whether the earlier runs left nothing to do but failed events.
        archived: New path of the checkpoint that it replaces, or None.
        disagreement: What did not agree in it when it was opened.
    """

    def __init__(
        self,
        run_dir: Path,
        state: OpenedState,
        run: RunRecord,
        *,
        connection: sqlite3.Connection,
        reader: sqlite3.Connection,
        held: ExitStack,
        clock: Callable[[], float],
    ) -> None:
        self.run_dir = run_dir
        self.load_id, self.began_at, self.generation = state.load_id, state.began_at, state.generation
        self.resumed, self.finished = state.resumed, state.finished
        self.archived, self.disagreement = state.archived, state.disagreement
        self._path = run_dir / CHECKPOINT_NAME
        self._run, self._connection, self._clock = run, connection, clock
        self._writer = Writer(connection, Ledger(connection, run), clock, where=str(self._path))
        self._put = self._writer.put
        self._reader = reader
        self._held = held
        self._last_totals: Totals | None = None
        self._writer.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # What earlier runs found out.

    def settled_windows(self) -> Mapping[int, Mapping[int, int]]:
        """Return the windows that need not be read, as they have no event that this run would send.

        Returns:
            Their rows by file, by the window's number.
        """
        with reading_errors(self._path):
            return progress.read_settled_windows(self._reader, retry_failed=self._run.retry_failed)

    def window_progress(self, window: int) -> WindowProgress | None:
        """Return where the events of a window stand, or None if it was never planned."""
        with reading_errors(self._path):
            return progress.read_progress(self._reader, window, retry_failed=self._run.retry_failed)

    def known_rows(self) -> Mapping[int, int]:
        """Return the number of rows of each file that was planned to its end, by file number."""
        with reading_errors(self._path):
            return progress.read_known_rows(self._reader)

    def held_groups(self) -> frozenset[str]:
        """Return the groups whose later events ``--on-failure hold`` keeps back from the start.

        None if this run sends failed events again. Events in doubt hold nobody back: they go out
        first, in their place.
        """
        if self._run.retry_failed:
            return frozenset()
        with reading_errors(self._path):
            return progress.read_held_groups(self._reader)

    def old_in_doubt(self, before: float) -> Sequence[InDoubtEvent]:
        """Return the events in doubt that may have reached the service before a time (epoch seconds)."""
        with reading_errors(self._path):
            return progress.read_old_in_doubt(self._reader, before)

    def totals(self) -> Totals:
        """Return the sums of what is durable, at the end once closed; ``flush`` first for all recorded."""
        if self._last_totals is not None:
            return self._last_totals
        with reading_errors(self._path):
            # What could not be written leaves the events in doubt, as a kill does.
            return read_totals(self._reader, marked=self._writer.error is not None)

    def file_totals(self, settled: Mapping[int, Mapping[int, int]]) -> Mapping[int, FileTotals]:
        """Return the sums of each file; ``settled`` as from ``settled_windows``."""
        with reading_errors(self._path):
            return read_file_totals(self._reader, settled)

    # What this run does.

    def begin_slice(self, plan: SlicePlan) -> bool:
        """Write down a slice before its events are marked, once in a run.

        Returns:
            Whether no earlier run planned it.

        Raises:
            CheckpointMismatch: An earlier run planned other events for the same slice.
        """
        with reading_errors(self._path):
            stored = read_slice(self._reader, plan.window, plan.number)
            nameless = self._reader.execute(
                "SELECT event_index FROM events WHERE window = ? AND token IS NULL", (plan.window,)
            ).fetchall()
        if stored is None:
            self._put(slice_opened(plan, self._clock()))
            return True
        check_same_slice(plan, stored, self._path)
        events = {event.index: event for event in plan.events}
        known = [named(events[index]) for (index,) in nameless if index in events]
        if known:
            self._put(EventsNamed(known))
        return False

    async def mark_sendable(self, places: Sequence[EventPlace]) -> None:
        """Write down that events may be sent from now on; durable on return.

        Args:
            places: Window and index of each. One may be marked again as long as it cannot have been accepted:
                its age then counts from the later mark.

        Raises:
            CheckpointWriteError: The disk refused. The events must not be sent.
        """
        self._put(EventsMarked(places, self._clock()))
        await self.flush()

    def record(self, result: EventResult) -> None:
        """Record the result of an event; returns at once."""
        if result.state is EventState.ACCEPTED:
            event = result.event
            self._put((event.window, event.index, result.event_id or ""))
        else:
            self._put(put_aside(result))

    def record_part(self, event: Event, result: PartResult) -> None:
        """Record the result of a part of an event; returns at once."""
        self._put(part_noted(event, result))

    def record_samples(self, samples: Sequence[StoredSample], *, replace_all: bool) -> None:
        """Write samples over time, in place of all others if ``replace_all``; returns at once."""
        self._put(WriterCall(lambda connection: write_samples(connection, samples, replace_all=replace_all)))

    def samples(self) -> list[StoredSample]:
        """Return the samples that earlier runs wrote."""
        with reading_errors(self._path):
            return read_samples(self._reader)

    async def flush(self) -> None:
        """Return when everything recorded so far is on the disk.

        Raises:
            CheckpointWriteError: The disk refused.
        """
        await asyncio.wrap_future(self._writer.durable())

    async def resend_in_doubt(self, before: float, *, skipped_too: bool = False) -> None:
        """Let events in doubt from before a time (epoch seconds) be sent again, as if in doubt since now.

        Sent again, an event whose token has expired is a new one to the service, and its token lives anew.

        Args:
            before: Their first attempt was earlier.
            skipped_too: Whether events that were skipped earlier come back as well.
        """
        now = self._clock()
        self._put(WriterCall(lambda connection: resend(connection, before, now, skipped_too=skipped_too)))
        await self.flush()

    async def skip_in_doubt(self, before: float) -> None:
        """Count events in doubt from before a time (epoch seconds) as failed, never to be sent again.

        Their code becomes ``doubt.SKIPPED``; ``--retry-failed`` leaves them alone.
        """
        self._put(WriterCall(lambda connection: skip(connection, before)))
        await self.flush()

    async def drop_strays(self) -> None:
        """Forget the receipts of windows that are not there, so that these are planned and sent again."""
        self._put(WriterCall(drop_strays))
        await self.flush()

    async def watch(self) -> None:
        """Return when the checkpoint is closed.

        Raises:
            CheckpointWriteError: The disk refused a write: nothing more can be recorded.
        """
        await asyncio.wrap_future(self._writer.failed)

    def raise_if_failed(self) -> None:
        """Raise what stopped the writer, if anything did.

        Raises:
            CheckpointWriteError: The disk refused a write: nothing more can be recorded.
        """
        if self._writer.error is not None:
            raise self._writer.error

    # How it ends.

    def finish(self, end: RunEnd) -> None:
        """Write down how the run ended and close; the file then stands alone.

        Raises:
            CheckpointWriteError: The disk refused. What was durable before stays valid.
        """
        self._put(WriterCall(lambda connection: end_run(connection, self._run, end, self._clock())))
        durable = self._writer.durable()
        self.close()
        durable.result()

    def close(self) -> None:
        """Write what was recorded and let go of the run directory; harmless if done already.

        Without ``finish`` the marks stay: what was sendable and has no answer is in doubt.
        """
        self._writer.stop()
        with suppress(CheckpointError):
            self._last_totals = self.totals()
        self._reader.close()
        if self._writer.error is None:
            with suppress(sqlite3.Error):  # a reader, or a full disk: the log stays beside the file, valid
                stand_alone(self._connection)
        self._held.close()
