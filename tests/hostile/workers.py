"""Share cases out to a few worker processes, and notice the case that ends or stops its worker."""

import os
import selectors
import subprocess
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import orjson

from tests.hostile.kinds import name_of
from tests.hostile.worker import CASE_SECONDS, Verdict
from tests.prepared.starts import start_by

ROOT = Path(__file__).parents[2]

WORKERS = 2

CASES_OF_A_WORKER = 250
"""Then a new one takes over: the emulator inside it keeps everything in memory."""

SILENT_SECONDS = 6 * CASE_SECONDS
"""A worker that says nothing for this long hangs, also on a machine that does five other things."""


def judge_all(numbers: Iterable[int], folder: Path) -> list[Verdict]:
    """Judge cases by number, in order of their numbers."""
    waiting = list(numbers)
    size = min(CASES_OF_A_WORKER, -(-len(waiting) // WORKERS))
    # Neighbours go to different workers, so that the slow kinds are spread evenly.
    batches = -(-len(waiting) // size)
    shares = [waiting[start::batches] for start in range(batches)]
    with ThreadPoolExecutor(WORKERS) as threads:
        found = threads.map(_judge_share, shares, [folder / f"share{place}" for place in range(batches)])
        return sorted((each for share in found for each in share), key=lambda each: each.number)


def _judge_share(numbers: list[int], folder: Path) -> list[Verdict]:
    folder.mkdir()
    verdicts: list[Verdict] = []
    while len(verdicts) < len(numbers):
        verdicts += _judge_until_death(numbers[len(verdicts) :], folder)
    return verdicts


def _judge_until_death(numbers: list[int], folder: Path) -> list[Verdict]:
    """Return the verdicts of one worker; if it did not live to the end, the last is on what killed it."""
    verdicts = []
    command = [sys.executable, "-m", "tests.hostile.worker"]
    complaints = folder / "stderr"
    with (
        complaints.open("wb") as stderr,
        start_by(
            command,
            [str(folder), *map(str, numbers)],
            stdout=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            stderr=stderr,
            env=_environment(folder),
        ) as worker,
    ):
        for line in _lines(worker):
            said = orjson.loads(line)
            if "verdict" in said:
                verdicts.append(Verdict(**said["verdict"]))
        code = worker.wait()
    if len(verdicts) < len(numbers):
        number = numbers[len(verdicts)]
        last_words = complaints.read_text(errors="replace")[-300:]
        how = f"it ended the process with code {code} or let it hang: {last_words}"
        verdicts.append(Verdict(number, name_of(number), wrong=[how]))
    return verdicts


def _lines(worker: "subprocess.Popen[bytes]") -> Iterator[bytes]:
    """Yield what a worker says; end it if it says nothing for too long."""
    assert worker.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(worker.stdout, selectors.EVENT_READ)
        rest = b""
        while selector.select(SILENT_SECONDS):
            read = os.read(worker.stdout.fileno(), 65_536)
            if not read:
                return
            *lines, rest = (rest + read).split(b"\n")
            yield from lines
    worker.kill()


def _environment(folder: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "HOME": str(folder),
        "XDG_STATE_HOME": str(folder / "state"),
        "AWS_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
