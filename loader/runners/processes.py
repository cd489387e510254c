"""The interface of worker processes for their parent, and the processes of this machine."""

import sys
from asyncio.subprocess import PIPE, Process, create_subprocess_exec
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Protocol

from loader.job import Shard

MODULE = "loader.runners.worker"
"""The module that a worker process runs."""

LINE_BYTES = 2**20
"""Maximum length of a message in bytes."""


class WorkerProcess(Protocol):
    """A process that delivers a shard."""

    def messages(self) -> AsyncIterator[bytes]:
        """Yield its messages until it has ended."""

    def send(self, message: bytes) -> None:
        """Send it a message. A process that has ended ignores it."""

    def drain(self) -> None:
        """Let it end gracefully, as after SIGTERM: it waits for the attempts in flight."""

    def kill(self) -> None:
        """End it at once. May be called in any thread."""


StartProcess = Callable[[Shard, bytes], Awaitable[WorkerProcess]]
"""Starts a process for a shard and gives it its first message."""


class LocalProcess:
    """A worker process on this machine.

    Args:
        process: The process, with pipes.
    """

    def __init__(self, process: Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process = process
        self._stdin, self._stdout = process.stdin, process.stdout

    async def messages(self) -> AsyncIterator[bytes]:
        """Yield its messages until it has ended."""
        async for message in self._stdout:
            yield message
        await self._process.wait()
        self._stdin.close()

    def send(self, message: bytes) -> None:
        """Send it a message."""
        with suppress(ConnectionError):
            self._stdin.write(message)

    def drain(self) -> None:
        """Send it SIGTERM."""
        with suppress(ProcessLookupError):
            self._process.terminate()

    def kill(self) -> None:
        """End it at once."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.kill()


async def start_here(_shard: Shard, first: bytes, *, module: str = MODULE) -> LocalProcess:
    """Start a worker process on this machine.

    Args:
        first: Its first message.
        module: The module that it runs; fault tests use another one.
    """
    process = LocalProcess(
        await create_subprocess_exec(
            *(sys.executable, "-m", module),
            stdin=PIPE,
            stdout=PIPE,
            start_new_session=True,
            limit=LINE_BYTES,
        )
    )
    process.send(first)
    return process
