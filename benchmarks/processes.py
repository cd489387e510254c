"""Start a program on a core of its own, and learn what it used."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

POLL_SECONDS = 0.01
STOP_SECONDS = 30.0
"""How long a program that was asked to end may take: longer than a load waits for its answers."""


@dataclass(frozen=True, slots=True)
class Cores:
    """The cores of the two sides; None where nothing can be pinned."""

    client: int | None
    server: int | None

    @property
    def pinned(self) -> bool:
        """Whether client and server have a core each."""
        return self.client is not None and self.server is not None


@dataclass(frozen=True, slots=True)
class Ended:
    """A program that is over.

    Attributes:
        exit_code: Its exit code; negative for a signal.
        seconds: From start to end.
        cpu_seconds: CPU time it used, user and system.
        peak_bytes: Most memory it had resident. No less than this process had when it started it: keep
            what measures small.
        output: What it wrote to stdout.
        errors: What it wrote to stderr.
    """

    exit_code: int
    seconds: float
    cpu_seconds: float
    peak_bytes: int
    output: str
    errors: str


def two_cores() -> Cores:
    """Return core 0 for the client and core 1 for the server, if this machine lets us choose."""
    if shutil.which("taskset") is None:
        return Cores(None, None)
    usable = sorted(os.sched_getaffinity(0))
    return Cores(usable[0], usable[1]) if len(usable) > 1 else Cores(None, None)


def pinned(command: Sequence[str], core: int | None) -> list[str]:
    """Return the command that runs another one on one core."""
    return list(command) if core is None else ["taskset", "--cpu-list", str(core), *command]


class Child:
    """A program that runs; leaving it as a context manager ends it.

    Args:
        command: The program and its arguments.
        core: The core it runs on, or None for any.
        folder: Where its output goes.
        environment: Variables to add to those of this process.
        name: Names its output files, where several run at once.
        directory: Where it runs, or None for where this process does.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        core: int | None,
        folder: Path,
        environment: Mapping[str, str] | None = None,
        name: str = "child",
        directory: Path | None = None,
    ) -> None:
        self._out, self._err = folder / f"{name}.out", folder / f"{name}.err"
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.began_at = time.time()
            self._began = time.monotonic()
            self._process = subprocess.Popen(
                pinned(command, core),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                cwd=directory,
                env={**os.environ, **(environment or {})},
            )
        self._ended: Ended | None = None

    @property
    def pid(self) -> int:
        """Its process id: taskset replaces itself by the program."""
        return self._process.pid

    def wait(self, timeout_seconds: float) -> Ended:
        """Wait for its end and return what it used.

        Raises:
            TimeoutError: It was not over in time; it is killed.
        """
        deadline = time.monotonic() + timeout_seconds
        while (ended := self.poll()) is None:
            if time.monotonic() > deadline:
                self._process.kill()
                os.wait4(self.pid, 0)
                self._process.returncode = -signal.SIGKILL
                raise TimeoutError(f"{self._process.args!r} took longer than {timeout_seconds:.0f} s")
            time.sleep(POLL_SECONDS)
        return ended

    def poll(self) -> Ended | None:
        """Return what it used if it is over, else None."""
        if self._ended is None and self._process.returncode is None:
            pid, status, usage = os.wait4(self.pid, os.WNOHANG)
            if pid:
                self._process.returncode = os.waitstatus_to_exitcode(status)
                self._ended = Ended(
                    exit_code=self._process.returncode,
                    seconds=time.monotonic() - self._began,
                    cpu_seconds=usage.ru_utime + usage.ru_stime,
                    peak_bytes=usage.ru_maxrss * 1024,
                    output=self._out.read_text(errors="replace"),
                    errors=self._err.read_text(errors="replace"),
                )
        return self._ended

    def stop(self) -> Ended:
        """Ask it to end, wait for that, and return what it used."""
        if self.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        return self.wait(STOP_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.returncode is None:
            with suppress(TimeoutError):
                self.stop()


def run_to_end(
    command: Sequence[str],
    *,
    core: int | None,
    folder: Path,
    environment: Mapping[str, str] | None = None,
    timeout_seconds: float,
) -> Ended:
    """Run a program to its end.

    Raises:
        TimeoutError: It took too long, and was killed.
    """
    with Child(command, core=core, folder=folder, environment=environment) as child:
        return child.wait(timeout_seconds)
