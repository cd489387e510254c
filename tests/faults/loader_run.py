"""A run of the command in a process of its own: watched, signalled, killed, and what it left behind."""

import asyncio
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import psutil

if TYPE_CHECKING:
    import subprocess

RUN_SECONDS = 60.0
"""A run that takes longer hangs: those of the trials end within a few seconds."""

LOOK_SECONDS = 0.002

END_LOOK_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class Ended:
    """A run that is over.

    Attributes:
        code: Exit code; negative for a signal.
        out: What it wrote to stdout.
        err: What it wrote to stderr.
        summary: Its ``--summary-json``, or None if it wrote none.
    """

    code: int
    out: str
    err: str
    summary: Mapping[str, Any] | None

    @property
    def words(self) -> str:
        """Everything it said."""
        return self.out + self.err


class LoaderRun:
    """A run of the command.

    Args:
        process: Its process.
        stem: Path of its output files, without the suffix.
    """

    def __init__(self, process: "subprocess.Popen[bytes]", stem: Path) -> None:
        self._process = process
        self._stem = stem

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self._process.poll() is not None

    @property
    def has_summary(self) -> bool:
        """Whether it has written its summary."""
        return self._stem.with_suffix(".json").exists()

    @property
    def said(self) -> str:
        """What it has written to stderr so far."""
        return self._stem.with_suffix(".err").read_text()

    @property
    def rss_bytes(self) -> int:
        """Memory of the process, in RAM."""
        return int(psutil.Process(self.pid).memory_info().rss)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, unless it is over."""
        if not self.is_over:
            self._process.send_signal(number)

    async def until(self, condition: Callable[[], bool], seconds: float = RUN_SECONDS) -> bool:
        """Wait for a condition; return False if the run is over before it holds.

        Raises:
            TimeoutError: Neither came.
        """
        async with asyncio.timeout(seconds):
            while not condition():
                if self.is_over:
                    return False
                await asyncio.sleep(LOOK_SECONDS)
        return True

    async def wait(self, seconds: float = RUN_SECONDS) -> Ended:
        """Wait for its end.

        Raises:
            TimeoutError: It did not end; it is killed.
        """
        try:
            async with asyncio.timeout(seconds):
                while (code := self._process.poll()) is None:  # noqa: ASYNC110 - a process sets no event
                    await asyncio.sleep(END_LOOK_SECONDS)
        except TimeoutError:
            self.signal(signal.SIGKILL)
            self._process.wait()
            raise
        summary = self._stem.with_suffix(".json")
        return Ended(
            code,
            self._stem.with_suffix(".out").read_text(),
            self._stem.with_suffix(".err").read_text(),
            orjson.loads(summary.read_bytes()) if summary.exists() else None,
        )

    async def kill(self) -> Ended:
        """End it with SIGKILL, if it is not over already."""
        self.signal(signal.SIGKILL)
        return await self.wait()


def resident_megabytes(run: LoaderRun) -> float:
    """Return the memory of a run in MiB."""
    return run.rss_bytes / 1_048_576
