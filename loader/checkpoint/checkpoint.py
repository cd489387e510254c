"""The checkpoint of a running load: the events to send, those possibly sent, and those accepted."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from loader.checkpoint.connections import OpenFile
from loader.checkpoint.progress import LoadProgress
from loader.checkpoint.queries import RunEnd, Totals, read_totals
from loader.checkpoint.reading import reading_errors
from loader.checkpoint.reconciling import Disagreement, drop_strays
from loader.checkpoint.samples import StoredSample, write_samples
from loader.checkpoint.slices import check_same_slice
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
    disagreement: Disagreement


class Checkpoint:
    """An open checkpoint; made by ``open_checkpoint``.

    ``progress`` and ``totals`` read the durable state through their own connection. Changes go to the
    writer's inbox in the order of the calls. They are durable after a commit, at most about
    ``writer.COMMIT_SECONDS`` later, or when an awaited call returns. The end of a ``with`` block closes the
    checkpoint.

    Args:
        file: The open file. The checkpoint closes it.
        state: The state of the checkpoint when it was opened.
        run: The run that writes it.
        clock: Returns epoch seconds.

    Attributes:
        run_dir: The load's directory.
        load_id: Name of the load.
        began_at: Start of its first run, in epoch seconds.
        generation: Number of earlier loads of the run directory that it replaces; part of its tokens.
        resumed: Whether an earlier run of the load exists.
        disagreement: Contradictions between its parts that were found when it was opened.
        progress: The results of earlier runs.
        permit: Called with the number of a window, and awaited, before events up to this window are marked;
            or None.
    """

    def __init__(
        self, file: OpenFile, state: OpenedState, run: RunRecord, clock: Callable[[], float]
    ) -> None:
        self.run_dir = file.path.parent
        self.load_id, self.began_at, self.generation = state.load_id, state.began_at, state.generation
        self.resumed, self.disagreement = state.resumed, state.disagreement
        self.progress = LoadProgress(file.reads, file.path, retry_failed=run.retry_failed)
        self.permit: Callable[[int], Awaitable[None]] | None = None
        self._file, self._run, self._clock = file, run, clock
        self._writer = Writer(file.writes, Ledger(file.writes, run), clock, where=str(file.path))
        self._put = self._writer.put
        self._last_totals: Totals | None = None
        self._writer.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def totals(self) -> Totals:
        """Return the sums of the durable state. Call ``flush`` first to include everything recorded."""
        if self._last_totals is not None:
            return self._last_totals
        with reading_errors(self._file.path):
            # Events whose results could not be written are in doubt, as after a kill.
            return read_totals(self._file.reads, marked=self._writer.error is not None)

    def begin_slice(self, plan: SlicePlan) -> bool:
        """Record a slice. This is called once in a run for each slice, before its events are marked.

        Returns:
            Whether no earlier run planned the slice.

        Raises:
            CheckpointMismatch: An earlier run planned other events for the same slice.
        """
        stored, unnamed = self.progress.slice(plan.window, plan.number)
        if stored is None:
            self._put(slice_opened(plan, self._clock()))
            return True
        check_same_slice(plan, stored, self._file.path)
        events = {event.index: event for event in plan.events}
        known = [named(events[index]) for index in unnamed if index in events]
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

    async def flush(self) -> None:
        """Wait until everything recorded so far is on the disk.

        Raises:
            CheckpointWriteError: The write failed.
        """
        await asyncio.wrap_future(self._writer.durable())

    async def resend_in_doubt(self, before: float, *, skipped_too: bool = False) -> None:
        """Let old events in doubt be sent again. The age of their doubt then counts from now.

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
        self._file.close(is_written=self._writer.error is None)
