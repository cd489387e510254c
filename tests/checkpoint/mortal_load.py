"""A load that is killed again and again; it checks what it finds before it goes on.

Usage: ``python -m tests.checkpoint.mortal_load FOLDER SEED``. Two files outlive it: ``service`` holds the
events the service accepted (written before the loader hears of it), ``promises`` those of which the
checkpoint said that they are durable. Both are written without buffers, so a kill loses none of it.
"""

import asyncio
import os
import random
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from loader.checkpoint import Checkpoint, RunEnd, open_checkpoint
from loader.model import EventState, SlicePlan
from tests.checkpoint.sample_loads import (
    accepted,
    event_id,
    load_plan,
    put_aside,
    receipts_of,
    up_to,
    window_plan,
)

WINDOWS, EVENTS, CHUNK = 24, 64, 16
FAILING = 13  # every so-many-th event is refused by the service


def window(number: int) -> SlicePlan:
    return window_plan(number, EVENTS, first_row=number * EVENTS)


def is_refused(number: int, index: int) -> bool:
    return (number * EVENTS + index) % FAILING == 0


class Diary:
    """A file of (window, index) lines that a kill cannot shorten."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        pairs = [line.split() for line in path.read_text().splitlines()]
        self.written = Counter((int(number), int(index)) for number, index in pairs)

    def write(self, events: Iterable[tuple[int, int]]) -> None:
        os.write(self._descriptor, "".join(f"{number} {index}\n" for number, index in events).encode())


def check(checkpoint: Checkpoint, service: Diary, promises: Diary) -> None:
    """Check what the last run left against what was promised and what the service accepted."""
    stored: set[tuple[int, int]] = set()
    doubtful: set[tuple[int, int]] = set()
    for number in range(WINDOWS):
        progress = checkpoint.progress.of_window(number)
        if progress is not None:
            stored |= {(number, index) for index in progress.accepted}
            doubtful |= {(number, index) for index in progress.in_doubt}
            receipts = receipts_of(checkpoint, number)
            assert receipts == {index: event_id(number, index) for index in progress.accepted}
    assert promises.written.keys() <= stored, "an event that was durable is lost"
    assert service.written.keys() <= stored | doubtful, (
        "an event the service holds is neither known nor in doubt"
    )
    assert stored <= service.written.keys(), "an event is called accepted that the service never saw"


async def run(checkpoint: Checkpoint, service: Diary, promises: Diary, luck: random.Random) -> None:
    """Deliver what is left, in chunks and out of order."""
    for number in range(WINDOWS):
        if number in checkpoint.progress.settled_windows():
            continue
        progress = checkpoint.progress.of_window(number)
        checkpoint.begin_slice(window(number))
        for start in range(0, EVENTS, CHUNK):
            await checkpoint.mark_sendable(up_to(number, start + CHUNK - 1, after=start - 1))
            chunk = [
                index for index in range(start, start + CHUNK) if progress is None or progress.to_send(index)
            ]
            luck.shuffle(chunk)
            held = [(number, index) for index in chunk if not is_refused(number, index)]
            service.write(held)
            for index in chunk:
                checkpoint.record(
                    put_aside(number, index, EventState.FAILED)
                    if is_refused(number, index)
                    else accepted(number, index)
                )
            if luck.random() < 0.5:
                await checkpoint.flush()
                promises.write(held)


def main(folder: Path, seed: int) -> None:
    """Resume, check and deliver; print a line if the process was not killed."""
    service, promises = Diary(folder / "service"), Diary(folder / "promises")
    with open_checkpoint(folder / "run", load_plan()) as checkpoint:
        check(checkpoint, service, promises)
        print("checked", flush=True)
        asyncio.run(run(checkpoint, service, promises, random.Random(seed)))
        checkpoint.finish(RunEnd("done", 1, complete=True))
    print("finished", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
