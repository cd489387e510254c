"""The checkpoint of a running load: the events to send, those possibly sent, and those accepted."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Mapping, Sequence
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
    """The state of a checkpoint when it was opened. The attributes are those of `Checkpoint`."""

    load_id: str
    began_at: float
    generation: int
    resumed: bool
    finished: bool
    archived: Path | None
    disagreement: Disagreement


class Checkpoint:
    """An open checkpoint; made by ``open_checkpoint``.

    Queries (``window_progress``, ``totals``) read the durable state through their own connection. Changes go
    to the writer's inbox in the order of the calls. They are durable after a commit, at most about
    ``writer.COMMIT_SECONDS`` later, or when an awaited call returns. The end of a ``with`` block closes the
    checkpoint.

    Attributes:
        run_dir: The load's directory.
        load_id: Name of the load.
        began_at: Start of its first run, in epoch seconds.
        generation: Number of earlier loads of the run directory that it replaces; part of its tokens.
        resumed: Whether an earlier run of the load exists.
        finished: Whether earlier runs left nothing to do except failed events.
        archived: New path of the checkpoint that it replaces, or None.
        disagreement: Contradictions between its parts that were found when it was opened.
        gaps: Events that lost machines may have sent, although the checkpoint has no row of them.
        permit: Called with the number of a window, and awaited, before events up to this window are marked;
            or None.
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
        self._reader, self._held = reader, held
        self._last_totals: Totals | None = None
        self.gaps = progress.read_gaps(reader)
        self.permit: Callable[[int], Awaitable[None]] | None = None
        self._writer.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # The results of earlier runs.

    def settled_windows(self) -> Mapping[int, Mapping[int, int]]:
        """Return the windows that need not be read, because this run would send none of their events.

        Returns:
            The number of rows by file, for each window number.
        """
        with reading_errors(self._path):
            return progress.read_settled_windows(self._reader, retry_failed=self._run.retry_failed)

    def window_progress(self, window: int) -> WindowProgress | None:
        """Return the progress of the events of a window, or None if the window was never planned."""
        with reading_errors(self._path):
            return progress.read_progress(self._reader, window, retry_failed=self._run.retry_failed)

    def known_rows(self) -> Mapping[int, int]:
        """Return the number of rows of each file that was planned to its end, by file number."""
        with reading_errors(self._path):
            return progress.read_known_rows(self._reader)

    def held_groups(self) -> frozenset[str]:
        """Return the groups whose later events ``--on-failure hold`` holds back when the run begins.

        The set is empty if this run sends failed events again. An event in doubt does not hold its group
        back, because it is sent again before later events of the group.
        """
        if self._run.retry_failed:
            return frozenset()
        with reading_errors(self._path):
            return progress.read_held_groups(self._reader)

    def old_in_doubt(self, before: float) -> Sequence[InDoubtEvent]:
        """Return the events in doubt that may have reached the service before a time in epoch seconds."""
        with reading_errors(self._path):
            return progress.read_old_in_doubt(self._reader, before)

    def totals(self) -> Totals:
        """Return the sums of the durable state. Call ``flush`` first to include everything recorded."""
        if self._last_totals is not None:
            return self._last_totals
        with reading_errors(self._path):
            # Events whose results could not be written are in doubt, as after a kill.
            return read_totals(self._reader, marked=self._writer.error is not None)

    def file_totals(self, settled: Mapping[int, Mapping[int, int]]) -> Mapping[int, FileTotals]:
        """Return the sums of each file. ``settled`` is the result of ``settled_windows``."""
        with reading_errors(self._path):
            return read_file_totals(self._reader, settled)

    # The work of this run.

    def begin_slice(self, plan: SlicePlan) -> bool:
        """Record a slice. This is called once in a run for each slice, before its events are marked.

        Returns:
            Whether no earlier run planned the slice.

        Raises:
            CheckpointMismatch: An earlier run planned other events for the same slice.
        """
        with reading_errors(self._path):
            stored = read_slice(self._reader, plan.window, plan.number)
            unnamed = self._reader.execute(
                "SELECT event_index FROM events WHERE window = ? AND token IS NULL", (plan.window,)
            ).fetchall()
        if stored is None:
            self._put(slice_opened(plan, self._clock()))
            return True
        check_same_slice(plan, stored, self._path)
        events = {event.index: event for event in plan.events}
        known = [named(events[index]) for (index,) in unnamed if index in events]
        if known:
            self._put(EventsNamed(known))
        return False

    async def mark_sendable(self, places: Sequence[EventPlace]) -> None:
        """Mark events as sendable from now on. The marks are durable on return.

        Args:
            places: Window and index of each event. An event may be marked again if it cannot have been
                accepted. Its age then counts from the later mark.

        Raises:
            CheckpointWriteError: The write failed. The events must not be sent.
        """
        if self.permit is not None:
            await self.permit(max(window for window, _ in places))
        self._put(EventsMarked(places, self._clock()))
        await self.flush()

    def record(self, result: EventResult) -> None:
        """Record the result of an event without waiting."""
        if result.state is EventState.ACCEPTED:
            event = result.event
            self._put((event.window, event.index, result.event_id or ""))
        else:
            self._put(put_aside(result))

    def record_part(self, event: Event, result: PartResult) -> None:
        """Record the result of a part of an event without waiting."""
        self._put(part_noted(event, result))

    def record_samples(self, samples: Sequence[StoredSample], *, replace_all: bool) -> None:
        """Record samples without waiting. ``replace_all`` deletes all earlier ones."""
        self._put(WriterCall(lambda connection: write_samples(connection, samples, replace_all=replace_all)))

    def samples(self) -> list[StoredSample]:
        """Return the samples that earlier runs wrote."""
        with reading_errors(self._path):
            return read_samples(self._reader)

    async def flush(self) -> None:
        """Wait until everything recorded so far is on the disk.

        Raises:
            CheckpointWriteError: The write failed.
        """
        await asyncio.wrap_future(self._writer.durable())

    async def resend_in_doubt(self, before: float, *, skipped_too: bool = False) -> None:
        """Let old events in doubt be sent again. They are then in doubt since now.

        An event whose token has expired is a new event for the service, and the life of its token begins
        again.

        Args:
            before: Epoch seconds. Events with an earlier first attempt are sent again.
            skipped_too: Whether events that were skipped earlier are sent again too.
        """
        now = self._clock()
        self._put(WriterCall(lambda connection: resend(connection, before, now, skipped_too=skipped_too)))
        await self.flush()

    async def skip_in_doubt(self, before: float) -> None:
        """Record old events in doubt as failed, so that they are never sent again.

        Their code becomes ``doubt.SKIPPED``, which ``--retry-failed`` excludes.

        Args:
            before: Epoch seconds. Events with an earlier first attempt are skipped.
        """
        self._put(WriterCall(lambda connection: skip(connection, before)))
        await self.flush()

    async def drop_strays(self) -> None:
        """Delete the receipts of missing windows, so that these windows are planned and sent again."""
        self._put(WriterCall(drop_strays))
        await self.flush()

    async def watch(self) -> None:
        """Wait until the checkpoint is closed.

        Raises:
            CheckpointWriteError: A write failed, and nothing more can be recorded.
        """
        await asyncio.wrap_future(self._writer.failed)

    # The end of this run.

    def finish(self, end: RunEnd) -> None:
        """Record the end of the run, and close the checkpoint. It is then a single file.

        Raises:
            CheckpointWriteError: The write failed. The state that was durable before stays valid.
        """
        self._put(WriterCall(lambda connection: end_run(connection, self._run, end, self._clock())))
        durable = self._writer.durable()
        self.close()
        durable.result()

    def close(self) -> None:
        """Write the recorded entries, and release the run directory. A second call has no effect.

        Without ``finish`` the marks stay, so marked events without an answer are in doubt.
        """
        self._writer.stop()
        with suppress(CheckpointError):
            self._last_totals = self.totals()
        self._reader.close()
        if self._writer.error is None:
            # If a reader has the file open, or the disk is full, the write-ahead log stays, and remains
            # valid.
            with suppress(sqlite3.Error):
                stand_alone(self._connection)
        self._held.close()
