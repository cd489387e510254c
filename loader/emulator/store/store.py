"""Where the emulator keeps things: hands ledger rows and records to one writer thread, in batches."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from loader.emulator.store.lake import Change, Lake
from loader.emulator.store.ledger import LedgerFile, LedgerRow

FLUSH_SECONDS = 0.5
"""At least so often everything is written down."""

_MAX_WAITING_BYTES = 16 * 1_048_576
_ROW_BYTES = 512  # about what a waiting row and the objects of its change weigh beside the data

Found = TypeVar("Found")


class Store:
    """The ledger file and the lake, behind a queue.

    Args:
        ledger_path: SQLite file of the ledger, or None.
        lake_path: SQLite file of the lake, or None.

    Raises:
        OSError: A file cannot be created.
        sqlite3.DatabaseError: A file is no SQLite file.
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

    @property
    def is_full(self) -> bool:
        """Whether so much waits to be written that calls should wait too."""
        return self._waiting_bytes > _MAX_WAITING_BYTES

    def start(self) -> None:
        """Begin to flush on the running event loop."""
        self._flusher = asyncio.create_task(self._flush_regularly())

    def add(self, row: LedgerRow, change: Change | None) -> None:
        """Queue a row of the ledger and the records that came with it.

        Raises:
            RuntimeError: An earlier batch could not be written; nothing more is accepted.
        """
        self._refuse_after_failure()
        self._rows.append(row)
        self._waiting_bytes += _ROW_BYTES
        if change is not None:
            self._changes.append(change)
            self._waiting_bytes += len(change.data)

    async def flush(self) -> None:
        """Write down everything queued so far."""
        await self.read(lambda: None)

    async def read(self, query: Callable[[], Found]) -> Found:
        """Run a query of ``ledger`` or ``lake`` in the writer thread, after all that is queued.

        Raises:
            RuntimeError: An earlier batch could not be written.
            OSError: The disk refused.
            sqlite3.Error: SQLite did.
        """
        self._refuse_after_failure()
        rows, self._rows = self._rows, []
        changes, self._changes = self._changes, []
        self._waiting_bytes = 0

        def write_then_query() -> Found:
            try:
                if rows:
                    self.ledger.append(rows)
                if changes:
                    self.lake.apply(changes)
            except BaseException as error:
                self._failure = error
                raise
            return query()

        # Shielded: a batch that waits for the thread would be lost with whoever waits for it.
        return await asyncio.shield(
            asyncio.get_running_loop().run_in_executor(self._thread, write_then_query)
        )

    async def close(self) -> None:
        """Write down everything and close both files."""
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

    async def _flush_regularly(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            await self.flush()
