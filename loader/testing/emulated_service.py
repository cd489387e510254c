"""An emulator on an event loop in a separate thread, with the queries that tests need."""

import asyncio
import os
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar

from loader.emulator import ACCESS_KEY_ID, SECRET_ACCESS_KEY, Emulator, EmulatorSettings, running_emulator
from loader.job import Job, read_job

T = TypeVar("T")

INSTANCE_ID = "00000000-0000-4000-8000-000000000000"
"""The instance that ``EmulatedService.job`` loads into; the emulator accepts any."""

REGION = "us-east-1"


class EmulatedService:
    """A running emulator. Its methods block, and may be called from any thread.

    Args:
        emulator: The emulator.
        loop: The event loop that it runs on.

    Attributes:
        emulator: The emulator itself: faults, quota, clock.
        url: Its endpoint.
        environment: Variables with which the loader and any AWS SDK reach it: keys and Region, but no profile
            or configuration of the user.
    """

    def __init__(self, emulator: Emulator, loop: asyncio.AbstractEventLoop) -> None:
        self.emulator = emulator
        self.url = emulator.url
        self.environment = {
            "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL_SUPPLYCHAIN": emulator.url,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        self._loop = loop

    def job(self, job_file: Path | str | None = None, **settings: Any) -> Job:
        """Return a job that loads into the emulator: ``read_job`` with its endpoint, Region and an instance.

        Args:
            job_file: A job file (TOML), or None.
            settings: Settings by name; they win over the job file.

        Raises:
            SettingsError: The job file cannot be read, or a setting is missing or cannot be used.
        """
        target = {"endpoint_url": self.url, "region": REGION}
        return read_job(job_file, fallback={"instance_id": INSTANCE_ID}, **(target | settings))

    def records(self, dataset: str) -> list[dict[str, str]]:
        """Return the received records of a dataset, without the columns that have no value.

        Args:
            dataset: The name of the dataset, such as ``inbound_order``; ``namespace.name`` of a custom one.
        """
        if dataset not in {name for (name,) in self.query(_TABLES)}:
            return []
        quoted = '"' + dataset.replace('"', '""') + '"'
        names = [name for _, name, *_ in self.query(f"PRAGMA table_info({quoted})")]
        rows = self.query(f"SELECT * FROM {quoted}")  # noqa: S608 - quoted
        return [
            {name: value for name, value in zip(names, row, strict=True) if value is not None} for row in rows
        ]

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the result of an SQL query on the received records: one table per dataset, all texts."""
        return self._on_loop(self.emulator.lake(sql))

    def calls(self) -> dict[str, Any]:
        """Return the counts of received calls, like ``GET /_emulator/ledger``."""
        self._on_loop(self.emulator.flush())
        return self.emulator.summary()

    def _on_loop(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()


_TABLES = "SELECT name FROM sqlite_schema WHERE type = 'table'"


@contextmanager
def emulated_service(settings: EmulatorSettings | None = None) -> Iterator[EmulatedService]:
    """Run an emulator on loopback in a thread for the duration of the context.

    During this time, the environment of the process has its keys and no other AWS settings, because a test
    must not sign with a real key.

    Args:
        settings: Quota, faults, datasets; by default its records are kept in memory.

    Raises:
        OSError: The port is taken, or a file cannot be used.
    """
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever, name="scn-emulator", daemon=True)
    thread.start()
    running = running_emulator(settings or EmulatorSettings())

    def on_loop(coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result()

    async def enter() -> Emulator:
        return await running.__aenter__()

    async def leave() -> None:
        await running.__aexit__(None, None, None)

    try:
        service = EmulatedService(on_loop(enter()), loop)
        try:
            with _environment(service.environment):
                yield service
        finally:
            on_loop(leave())
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    before = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    for name in before:
        del os.environ[name]
    os.environ.update(variables)
    try:
        yield
    finally:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            del os.environ[name]
        os.environ.update(before)
