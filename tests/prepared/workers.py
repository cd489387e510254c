"""Worker processes of ``--workers N`` that are forked from the prepared process."""

import asyncio
from typing import cast

from loader.job import Shard
from loader.runners.processes import LINE_BYTES, LocalProcess, WorkerProcess, start_here
from tests.prepared.starts import PLAIN_STARTS, PreparedPopen


class PreparedProcess:
    """The part of ``asyncio.subprocess.Process`` that a parent of workers uses.

    Args:
        process: The process, with pipes.
        stdin: Writes to it.
        stdout: Reads from it.
    """

    def __init__(
        self, process: PreparedPopen, stdin: asyncio.StreamWriter, stdout: asyncio.StreamReader
    ) -> None:
        self._process = process
        self.stdin, self.stdout = stdin, stdout
        self.kill, self.terminate = process.kill, process.terminate

    @property
    def returncode(self) -> int | None:
        """Its exit code, once it was waited for."""
        return self._process.returncode

    async def wait(self) -> int:
        """Wait for its end."""
        return await asyncio.to_thread(self._process.wait)


async def start_worker(shard: Shard, first: bytes) -> WorkerProcess:
    """Start a worker process as ``start_here`` does, without the second that its imports take."""
    if PLAIN_STARTS:
        return await start_here(shard, first)
    process = PreparedPopen(
        [],
        module="loader.runners.worker",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    loop = asyncio.get_running_loop()
    stdout = asyncio.StreamReader(limit=LINE_BYTES)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stdout), process.stdout)
    writing, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, process.stdin)
    stdin = asyncio.StreamWriter(writing, protocol, None, loop)
    worker = LocalProcess(cast("asyncio.subprocess.Process", PreparedProcess(process, stdin, stdout)))
    worker.send(first)
    return worker
