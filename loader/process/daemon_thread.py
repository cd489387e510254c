"""Blocking work in threads that hold up neither the event loop nor the end of the program.

Not `asyncio.to_thread` and not `ThreadPoolExecutor`: their threads are waited for when the loop or the
program ends. A read from S3 or of standard input, and a look-up of credentials, may wait without end. Whoever
waits for one of these is cancelled; the thread is left behind and dies with the process.
"""

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from loader.errors import contained_call

T = TypeVar("T")


async def in_daemon_thread(work: Callable[[], T], name: str = "aws-look-up") -> T:
    """Return what ``work`` returns, or raise what it raises, from a thread of its own.

    What is not an Exception is raised as UnhandledCase.

    Args:
        work: What to do.
        name: The thread's name.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[T] = loop.create_future()
    threading.Thread(target=_answer, args=(loop, answer, work), name=name, daemon=True).start()
    return await answer


class DaemonWorker:
    """A thread that does one thing after another.

    Args:
        name: The thread's name.
    """

    def __init__(self, name: str) -> None:
        self._tasks: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        threading.Thread(target=self._work, name=name, daemon=True).start()

    def submit(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Return the future of what ``work`` returns or raises, done after all that was submitted before."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()
        self._tasks.put(lambda: _answer(loop, answer, work))
        return answer

    def close(self) -> None:
        """End the thread once it has done what was submitted; it is not waited for."""
        self._tasks.put(None)

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            task()
            del task  # it would keep its answer in memory until the next one


def _answer(loop: asyncio.AbstractEventLoop, answer: asyncio.Future[T], work: Callable[[], T]) -> None:
    def settle(set_answer: Callable[[Any], None], value: object) -> None:
        if not answer.done():  # it is, if the wait was cancelled
            set_answer(value)

    def hand_over(set_answer: Callable[[Any], None], value: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed, and with it the wait
            loop.call_soon_threadsafe(settle, set_answer, value)

    try:
        found = contained_call(work)
    except Exception as error:  # noqa: BLE001 - handed over unchanged to whoever waits
        hand_over(answer.set_exception, error)
    else:
        hand_over(answer.set_result, found)
