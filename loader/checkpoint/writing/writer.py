"""The thread that writes the checkpoint, in group commits.

Callers append entries to an inbox and do not wait. The thread wakes every ``COMMIT_SECONDS``, or immediately
if a caller waits for durability. It takes all entries and writes them in one transaction. Waiting callers
continue only when the transaction is on the disk. A failed write ends the thread. The state that was durable
before stays valid, and later entries are not confirmed.
"""

import os
import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress

from loader.checkpoint.writing.entries import Durable
from loader.checkpoint.writing.ledger import Ledger, WriterEntry
from loader.errors import CheckpointWriteError, LoaderError, unhandled

COMMIT_SECONDS = 0.1
"""Maximum time that a receipt waits for the start of its commit. If the process is killed in this time, the
events are sent again with the same tokens. A shorter time would cost more flushes of the disk."""


class Writer:
    """Owns the writing connection from ``start`` until ``stop`` returns."""

    def __init__(
        self, connection: sqlite3.Connection, ledger: Ledger, clock: Callable[[], float], where: str
    ) -> None:
        self._connection = connection
        self._ledger = ledger
        self._clock = clock
        self._where = where
        self._identity = _identity(where)
        self._inbox: deque[WriterEntry] = deque()
        self._wake = threading.Event()
        self._stopping = False
        self._failing = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="checkpoint", daemon=True)
        self.put = self._inbox.append
        self.error: LoaderError | None = None
        self.failed: Future[None] = _running_future()

    def start(self) -> None:
        """Begin writing."""
        self._thread.start()

    def durable(self) -> Future[None]:
        """Return a future that is resolved when all earlier entries are on the disk."""
        future = _running_future()
        with self._failing:
            if self.error is None:
                self.put(Durable(future))
                self._wake.set()
            else:
                future.set_exception(self.error)
        return future

    def stop(self) -> None:
        """Write the remaining entries and end the thread. The caller may then use the connection."""
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()
        if not self.failed.done():
            self.failed.set_result(None)

    def _run(self) -> None:
        stopping = False
        while not stopping and self.error is None:
            self._wake.wait(COMMIT_SECONDS)
            self._wake.clear()
            stopping = self._stopping  # read before the inbox, so that no entry from before stop() is lost
            # append and popleft of a deque are atomic, so the event loop never waits for this thread.
            batch = [self._inbox.popleft() for _ in range(len(self._inbox))]
            if batch:
                self._commit(batch)

    def _commit(self, batch: list[WriterEntry]) -> None:
        try:
            self._check_file()
            self._connection.execute("BEGIN IMMEDIATE")
            self._ledger.apply(batch, self._clock())
            self._connection.execute("COMMIT")
        except BaseException as error:  # noqa: BLE001 - handed to the load, which raises it
            with suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            self._fail(self._named(error), batch)
        else:
            for entry in batch:
                if type(entry) is Durable:
                    entry.future.set_result(None)

    def _check_file(self) -> None:
        # SQLite would continue to write to a removed file, which disappears when it is closed.
        if _identity(self._where) != self._identity:
            raise CheckpointWriteError(
                "The checkpoint was removed or replaced while the load ran, so the load stopped.",
                where=self._where,
                why="the progress since then is not recorded",
                next_step="if the run directory was moved, move it back and run the same command again; "
                "without it the command begins a new load, which is safe within 8 hours, because the service "
                "recognizes the events that it accepted",
            )

    def _fail(self, error: LoaderError, batch: list[WriterEntry]) -> None:
        with self._failing:
            self.error = error
            batch.extend(self._inbox.popleft() for _ in range(len(self._inbox)))
        for entry in batch:
            if type(entry) is Durable:
                entry.future.set_exception(error)
        self.failed.set_exception(error)

    def _named(self, error: BaseException) -> LoaderError:
        if isinstance(error, LoaderError):
            return error
        refused = (
            isinstance(error, sqlite3.OperationalError | OSError) or type(error) is sqlite3.DatabaseError
        )
        if not refused:
            return unhandled(error, where=self._where)
        named = CheckpointWriteError(
            "The checkpoint could not be written, so the load stopped.",
            where=self._where,
            why=str(error),
            next_step="free space or repair the disk, then run the same command again: it resumes",
        )
        named.__cause__ = error
        return named


def _identity(path: str) -> tuple[int, int] | None:
    """Return device and inode of a file, or None if it does not exist."""
    try:
        status = os.stat(path)  # noqa: PTH116 - called for each commit
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _running_future() -> Future[None]:
    """Return a future that cannot be cancelled by a task that stops waiting."""
    future: Future[None] = Future()
    future.set_running_or_notify_cancel()
    return future
