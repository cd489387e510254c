"""Blocking work in threads that delay neither the event loop nor the end of the program.

`asyncio.to_thread` and `ThreadPoolExecutor` are not used, because the loop or the program waits for their
threads at its end. A read from S3 or standard input, or a look-up of credentials, may block forever. Here the
waiting coroutine is cancelled; the thread is abandoned and ends with the process.
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
    """Run ``work`` in a new thread, and return its result or raise its exception.

    A BaseException that is not an Exception is raised as UnhandledCase.

    Args:
        work: The blocking function.
        name: The thread's name.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[T] = loop.create_future()
    threading.Thread(target=_answer, args=(loop, answer, work), name=name, daemon=True).start()
    return await answer


class DaemonWorker:
    """A thread that runs one task after another.

    Args:
        name: The thread's name.
    """

    def __init__(self, name: str) -> None:
        self._tasks: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        threading.Thread(target=self._work, name=name, daemon=True).start()

    def submit(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Return a future for the result of ``work``, which runs after all work submitted before."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()
        self._tasks.put(lambda: _answer(loop, answer, work))
        return answer

    def close(self) -> None:
        """End the thread after all submitted work; do not wait for it."""
        self._tasks.put(None)

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            task()
            del task  # would keep its result in memory until the next task


def _answer(loop: asyncio.AbstractEventLoop, answer: asyncio.Future[T], work: Callable[[], T]) -> None:
    def settle(set_answer: Callable[[Any], None], value: object) -> None:
        if not answer.done():  # it is done if the wait was cancelled
            set_answer(value)

    def hand_over(set_answer: Callable[[Any], None], value: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed, so nothing waits
            loop.call_soon_threadsafe(settle, set_answer, value)

    try:
        found = contained_call(work)
    except Exception as error:  # noqa: BLE001 - passed unchanged to the waiting code
        hand_over(answer.set_exception, error)
    else:
        hand_over(answer.set_result, found)
