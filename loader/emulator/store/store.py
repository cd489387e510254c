"""The store of the emulator: one writer thread writes ledger rows and records in batches.

With a file for the ledger or the lake, an event is answered after it is written (``durable``). Events that
arrive while a batch is written form the next batch. A commit survives the death of the process, but not a
power loss.

The lake is written before the ledger, and has everything that the ledger will contain. If the process dies
between the two, ``restore`` copies the missing rows from the lake to the ledger.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

from loader.emulator.store.lake import Change, Lake
from loader.emulator.store.ledger import ACCEPTED, LedgerFile, LedgerRow

FLUSH_SECONDS = 0.5
"""Maximum time between two writes, in seconds."""

_PAGE_ROWS = 1000
_MAX_WAITING_BYTES = 16 * 1_048_576
_ROW_BYTES = 512  # approximate size of a queued row and the objects of its change, without the data

Found = TypeVar("Found")


class Store:
    """The ledger file and the lake, behind a queue.

    Args:
        ledger_path: SQLite file of the ledger, or None.
        lake_path: SQLite file of the lake, or None.

    Raises:
        OSError: A file cannot be created.
        sqlite3.DatabaseError: A file is not an SQLite file.
    """

    def __init__(self, ledger_path: Path | None, lake_path: Path | None) -> None:
        self.ledger = LedgerFile(ledger_path)
        self.lake = Lake(lake_path)
        self._rows: list[LedgerRow] = []
        self._changes: list[Change] = []
        self._waiting_bytes = 0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="emulator-store")
        self._flusher: asyncio.Task[None] | None = None
        self._failure: BaseException | None = None
        self._keeps = ledger_path is not None or lake_path is not None
        self._has_queued = asyncio.Event()
        self._batch: asyncio.Future[None] | None = None

    @property
    def is_full(self) -> bool:
        """Whether so much is queued that calls should wait."""
        return self._waiting_bytes > _MAX_WAITING_BYTES

    def start(self) -> None:
        """Begin to flush on the running event loop."""
        self._flusher = asyncio.create_task(self._write_batches() if self._keeps else self._flush_regularly())

    def add(self, row: LedgerRow, change: Change | None) -> None:
        """Queue a row of the ledger and its records.

        Raises:
            RuntimeError: An earlier batch could not be written; nothing more is accepted.
        """
        self._refuse_after_failure()
        self._rows.append(row)
        self._waiting_bytes += _ROW_BYTES
        if change is not None:
            self._changes.append(change)
            self._waiting_bytes += len(change.data)

    async def restore(self) -> AsyncIterator[LedgerRow]:
        """Yield the rows of earlier processes. First, copy rows that only the lake has to the ledger."""
        last, known = 0, set[str | None]()
        while rows := await self.read(partial(self.ledger.page, last, _PAGE_ROWS)):
            for row in rows:
                known.add(row.event_id if row.verdict == ACCEPTED else None)
                yield row
            last = rows[-1].seq
        if self.lake.accepted is None:
            return
        seq = last
        after = 0
        while rows := await self.read(partial(self.lake.accepted.page, after, _PAGE_ROWS)):
            after = rows[-1].seq
            missing = [row for row in rows if row.event_id not in known]
            for row in missing:
                row.seq = seq = max(row.seq, seq + 1)
                yield row
            await self.read(partial(self.ledger.append, missing))

    async def durable(self) -> None:
        """Return when everything queued so far is in the files; at once without files.

        Raises:
            RuntimeError: Writing failed.
        """
        if not self._keeps:
            return
        if self._batch is None:
            self._batch = asyncio.get_running_loop().create_future()
            self._has_queued.set()
        await asyncio.shield(self._batch)

    async def flush(self) -> None:
        """Write everything queued so far."""
        await self.read(lambda: None)

    async def read(self, query: Callable[[], Found]) -> Found:
        """Run a query of ``ledger`` or ``lake`` in the writer thread, after everything that is queued.

        Raises:
            RuntimeError: An earlier batch could not be written.
            OSError: The disk failed.
            sqlite3.Error: SQLite failed.
        """
        self._refuse_after_failure()
        rows, self._rows = self._rows, []
        changes, self._changes = self._changes, []
        self._waiting_bytes = 0

        def write_then_query() -> Found:
            try:
                if changes or (rows and self.lake.accepted is not None):
                    self.lake.apply(changes, rows)
                if rows:
                    self.ledger.append(rows)
            except BaseException as error:
                self._failure = error
                raise
            return query()

        # Shielded: if the caller is cancelled, a batch that waits for the thread must not be lost.
        return await asyncio.shield(
            asyncio.get_running_loop().run_in_executor(self._thread, write_then_query)
        )

    async def close(self) -> None:
        """Write everything and close both files."""
        if self._flusher is not None:
            self._flusher.cancel()
            await asyncio.gather(self._flusher, return_exceptions=True)
        try:
            await self.flush()
        finally:
            self._thread.shutdown()
            self.ledger.close()
            self.lake.close()

    def _refuse_after_failure(self) -> None:
        if self._failure is not None:
            raise RuntimeError("the emulator could not write what it accepted") from self._failure

    async def _write_batches(self) -> None:
        while True:
            with suppress(TimeoutError):  # for rows without a waiting client, such as refused attempts
                await asyncio.wait_for(self._has_queued.wait(), FLUSH_SECONDS)
            self._has_queued.clear()
            batch, self._batch = self._batch, None
            try:
                await self.flush()
            except Exception as error:  # noqa: BLE001 - handed to those who wait
                if batch is not None:
                    batch.set_exception(error)
                    batch.exception()  # the waiting clients may be gone
            else:
                if batch is not None:
                    batch.set_result(None)

    async def _flush_regularly(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            await self.flush()
