"""What an accepted event costs on the disk, and what the open windows cost in memory."""

import random
import uuid
from pathlib import Path

from loader.checkpoint import Checkpoint, RunEnd, open_checkpoint
from loader.model import EventResult, EventState
from tests.checkpoint.sample_loads import load_plan, up_to, window_plan

WINDOW_EVENTS = 8192
WINDOWS = 24
LATE = 250  # events that are accepted only while later ones are under way, as with 250 in flight
LOG_BYTES = 4_500_000  # WAL_PAGES, and the commit that passed them


def size_bytes(checkpoint: Checkpoint, pattern: str) -> int:
    return sum(path.stat().st_size for path in checkpoint.run_dir.glob(pattern))


async def test_an_accepted_event_costs_less_than_40_bytes(tmp_path: Path) -> None:
    """With 8,192 events to a window: 17 bytes an event and a log that does not grow; in the end 17 bytes."""
    luck = random.Random(1)
    late: list[EventResult] = []
    with open_checkpoint(tmp_path, load_plan()) as checkpoint:
        for number in range(WINDOWS):
            plan = window_plan(number, WINDOW_EVENTS, first_row=number * WINDOW_EVENTS)
            checkpoint.begin_slice(plan)
            for through in range(1023, WINDOW_EVENTS, 1024):
                await checkpoint.mark_sendable(up_to(number, through, after=through - 1024))
                sent = late + [
                    EventResult(event, EventState.ACCEPTED, str(uuid.UUID(int=luck.getrandbits(128))))
                    for event in plan.events[through - 1023 : through + 1]
                ]
                luck.shuffle(sent)
                late, answers = sent[:LATE], sent[LATE:]
                for answer in answers:
                    checkpoint.record(answer)
            assert size_bytes(checkpoint, "*-wal") < LOG_BYTES
            assert size_bytes(checkpoint, "*.sqlite") < 17 * (number + 1) * WINDOW_EVENTS + 65_536
        assert size_bytes(checkpoint, "*") < 40 * WINDOWS * WINDOW_EVENTS
        assert len(checkpoint._writer._ledger._windows) <= 2
        for answer in late:
            checkpoint.record(answer)
        await checkpoint.flush()
        assert checkpoint.totals().events_accepted == WINDOWS * WINDOW_EVENTS
        assert not checkpoint._writer._ledger._windows
        checkpoint.finish(RunEnd("done", 0, complete=True))
        assert size_bytes(checkpoint, "*") < 17 * WINDOWS * WINDOW_EVENTS
