"""The task of a Ray cluster that delivers a shard: a worker process, and messages to and from the driver."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread
from typing import IO, Any

import ray

from loader.runners.processes import MODULE

MESSAGES_SECONDS = 0.25
"""Interval at which a task and the driver exchange messages."""

DRAIN = b""
"""The order to drain. Every other order is a message for the worker."""


def deliver(first: bytes, environment: Mapping[str, str], exchange: Any, task: int) -> None:
    """Run a worker process to its end.

    Args:
        first: Its first line, with the job.
        environment: Environment variables of the driver.
        exchange: The actor that stores messages.
        task: Number by which the actor knows this task.
    """
    process = subprocess.Popen(  # noqa: S603 - our own module
        (sys.executable, "-m", MODULE),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, **environment},
        start_new_session=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    output: SimpleQueue[bytes | None] = SimpleQueue()
    Thread(target=_read, args=(process.stdout, output), daemon=True).start()
    try:
        _give(process.stdin, first)
        has_ended = False
        while not has_ended:
            lines = list(_new_lines(output))
            has_ended = None in lines
            messages = [each for each in lines if each is not None]
            for order in ray.get(exchange.give_messages.remote(task, messages)):
                _give(process.stdin, order)
    finally:
        _give(process.stdin, DRAIN)
        process.wait()


def _give(stdin: IO[bytes], order: bytes) -> None:
    with suppress(OSError, ValueError):  # the process has ended or drains
        if order == DRAIN:
            stdin.close()
        else:
            stdin.write(order)
            stdin.flush()


def _read(stdout: IO[bytes], output: "SimpleQueue[bytes | None]") -> None:
    """Put the lines of a process into a queue, and None at its end."""
    for line in stdout:
        output.put(line)
    output.put(None)


def _new_lines(output: "SimpleQueue[bytes | None]") -> Iterator[bytes | None]:
    """Yield what is in the queue, after a short wait for the first line."""
    with suppress(Empty):
        yield output.get(timeout=MESSAGES_SECONDS)
        while True:
            yield output.get_nowait()
