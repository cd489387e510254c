"""The thread that writes the checkpoint leaves nothing behind when it is stopped."""

import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from loader.checkpoint.writing.writer import Writer


class NoLedger:
    """A ledger that writes nothing."""

    def apply(self, _batch: Any, _now: float) -> None:
        pass


def test_an_entry_that_is_put_just_before_the_stop_is_written(tmp_path: Path) -> None:
    """Also if both come while a commit is under way: whether to stop is read before what there is."""
    late: list[Any] = []
    stopping = threading.Event()

    def clock() -> float:
        if not late:
            late.append(writer.durable())
            threading.Thread(target=stop).start()
            stopping.wait(5)
        return 0.0

    def stop() -> None:
        # stop() waits for the thread; its first statement is what the thread looks at.
        threading.Timer(0.2, stopping.set).start()
        writer.stop()
        stopped.set()

    stopped = threading.Event()
    with closing(
        sqlite3.connect(tmp_path / "a", isolation_level=None, check_same_thread=False)
    ) as connection:
        writer = Writer(connection, NoLedger(), clock, "here")  # type: ignore[arg-type] # its only method
        writer.start()
        first = writer.durable()
        assert stopped.wait(10)
        assert first.done()
        assert late[0].done()


class RacedInbox(deque[Any]):
    """An inbox where another thread acts right after the writer has looked how much there is."""

    then: Callable[[], None] | None = None

    def __len__(self) -> int:
        found = super().__len__()
        then, self.then = self.then, None
        if then is not None:
            then()
        return found


def test_the_stop_flag_is_read_before_the_queue(tmp_path: Path) -> None:
    """An entry that comes after that look, with the stop behind it, is written before the thread ends."""
    with closing(
        sqlite3.connect(tmp_path / "a", isolation_level=None, check_same_thread=False)
    ) as connection:
        writer = Writer(connection, NoLedger(), lambda: 0.0, "here")  # type: ignore[arg-type] # its only method
        writer._inbox = inbox = RacedInbox()
        writer.put = inbox.append
        late: list[Any] = []

        def race() -> None:
            late.append(writer.durable())
            writer._stopping = True  # what stop() does before it waits for the thread

        inbox.then = race
        writer.start()
        writer._thread.join(10)
        assert late[0].done()
