"""Run a blocking look-up without holding up the event loop, or the end of the program."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from loader.errors import contained_call

T = TypeVar("T")


async def in_daemon_thread(look_up: Callable[[], T]) -> T:
    """Return what ``look_up`` returns, or raise what it raises, from a thread of its own.

    What is not an Exception is raised as UnhandledCase.

    Not `asyncio.to_thread`: its threads are waited for when the loop closes, and a look-up of
    credentials may wait without end, for a helper process or for someone to type a code. Cancelling
    this leaves the thread behind; it dies with the process.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[T] = loop.create_future()

    def settle(set_answer: Callable[[Any], None], value: object) -> None:
        if not answer.done():  # it is, if the wait was cancelled
            set_answer(value)

    def hand_over(set_answer: Callable[[Any], None], value: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has closed: nobody waits any more
            loop.call_soon_threadsafe(settle, set_answer, value)

    def run() -> None:
        try:
            found = contained_call(look_up)
        except Exception as error:  # noqa: BLE001 - handed over unchanged to whoever waits
            hand_over(answer.set_exception, error)
        else:
            hand_over(answer.set_result, found)

    threading.Thread(target=run, name="aws-look-up", daemon=True).start()
    return await answer
