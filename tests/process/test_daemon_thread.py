"""Blocking look-ups: they hold up neither the loop nor the end of the program."""

import asyncio
import subprocess
import sys
import threading
from typing import Any

import pytest

from loader.process.daemon_thread import in_daemon_thread


async def test_result_and_exception_come_back() -> None:
    """What the look-up returns or raises is what the caller gets, from another thread."""
    assert await in_daemon_thread(threading.get_ident) != threading.get_ident()
    with pytest.raises(ZeroDivisionError):
        await in_daemon_thread(lambda: 1 // 0)


async def test_loop_runs_on_meanwhile() -> None:
    """While a look-up waits, the loop does other work."""
    release = threading.Event()
    waiting = asyncio.create_task(in_daemon_thread(lambda: release.wait(10)))
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_soon(release.set)
    assert await waiting


async def test_late_result_of_a_cancelled_look_up_is_dropped() -> None:
    """A look-up that ends after its cancellation has no effect."""
    faults: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))
    release, ended = threading.Event(), threading.Event()

    def look_up() -> None:
        release.wait(10)
        ended.set()

    waiting = asyncio.create_task(in_daemon_thread(look_up))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    release.set()
    assert ended.wait(10)
    await asyncio.sleep(0.05)
    assert faults == []


def test_result_after_the_loop_has_closed_is_dropped() -> None:
    """A look-up that ends after the loop does not fail in its thread."""
    release = threading.Event()

    async def give_up() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await in_daemon_thread(lambda: release.wait(10))

    asyncio.run(give_up())
    (thread,) = (thread for thread in threading.enumerate() if thread.name == "aws-look-up")
    release.set()
    thread.join(10)  # pytest turns an exception in a thread into a failure
    assert not thread.is_alive()


PROGRAM = """
import asyncio, threading
from loader.process.daemon_thread import in_daemon_thread
async def main():
    try:
        async with asyncio.timeout(0.05):
            await in_daemon_thread(threading.Event().wait)
    except TimeoutError:
        print("gave up")
asyncio.run(main())
"""


def test_program_ends_although_a_look_up_hangs() -> None:
    """A look-up that never ends does not keep the process from ending."""
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=30, check=True
    )
    assert ended.stdout == "gave up\n"
