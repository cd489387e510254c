"""Run directories in S3: over real sockets to moto behind faults, and to an emulator in a thread."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from loader.errors import Interrupted
from loader.job import Job
from loader.loading.api import run_to_end
from loader.loading.observers import Ending, Observers
from loader.loading.opening import LoadParts
from loader.remote.pace import ArchiveSizes, KeepingPace
from loader.report import Snapshot
from loader.testing import INSTANCE_ID, EmulatedService, emulated_service
from tests.load.known_rate import know_rate
from tests.remote.faulty_s3 import BUCKET, FaultyS3

ADDRESS = f"s3://{BUCKET}/nightly/orders"
PREFIX = "nightly/orders/"

ROWS = 300

FAST = KeepingPace(
    renew_seconds=0.1,
    stop_seconds=20.0,
    copy_seconds=0.1,
    copy_share=0.5,
    retry_seconds=0.1,
    end_seconds=5.0,
    archive_sizes=ArchiveSizes(least_bytes=1, most_bytes=1),
)
"""Each window that finishes has an archive of its own."""

SLOW = {"rate": 200, "burst": 4}
"""A load that takes a second and a half."""

SLOWER = {"rate": 60, "burst": 4}
"""A load that is stopped long before its end, however late a thread of this process is."""

ABANDONED_SECONDS = 60.0

Load = Callable[..., Ending]


def stopping_at(events: int, act: Callable[[Observers], None] | None = None) -> Observers:
    """Return observers that act once, or stop the load, when so many events are accepted."""
    observers = Observers()
    done: list[int] = []

    def watch(snapshot: Snapshot) -> None:
        if snapshot.events_accepted >= events and not done:
            done.append(snapshot.events_accepted)
            if act is None:
                observers.stop(Interrupted("The test stops it."))
            else:
                act(observers)

    observers.watch = watch
    return observers


@pytest.fixture(scope="module")
def server() -> Iterator[FaultyS3]:
    with FaultyS3().running() as server:
        yield server


@pytest.fixture
def service() -> Iterator[EmulatedService]:
    with emulated_service() as running:
        yield running


@pytest.fixture
def s3(server: FaultyS3, service: EmulatedService, monkeypatch: pytest.MonkeyPatch) -> FaultyS3:
    """The server without an object."""
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    server.clear()
    return server


@pytest.fixture
def machine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, service: EmulatedService
) -> Callable[[str], Path]:
    """Go over to a machine by its name: it has a state folder of its own."""

    def to(name: str) -> Path:
        folder = tmp_path / f"machine-{name}"
        monkeypatch.setenv("XDG_STATE_HOME", str(folder))
        know_rate(service.url, INSTANCE_ID)
        return folder

    to("a")
    return to


@pytest.fixture
def extract(tmp_path: Path) -> Path:
    """An extract with groups that are mixed, and a row that is rejected."""
    path = tmp_path / "reservations.csv"
    lines = [f"{'' if number == 7 else f'R{number % 31:03d}'},{number:05d},P1" for number in range(ROWS)]
    path.write_text("\n".join(["reservation_id,reservation_detail_id,product_id", *lines]) + "\n", "utf-8")
    return path


@pytest.fixture
def job(service: EmulatedService, extract: Path) -> Callable[..., Job]:
    """Return a job over the extract with a run directory in S3; settings as keywords."""

    def make(**settings: object) -> Job:
        given: dict[str, Any] = {
            "extract": [str(extract)],
            "event_type": "scn.data.reservation",
            "group_by": ["reservation_id"],
            "run_dir": ADDRESS,
        }
        return service.job(**(given | settings))

    return make


@pytest.fixture
def load(s3: FaultyS3, machine: Callable[[str], Path], job: Callable[..., Job]) -> Load:
    """Load the extract, and return how that ended."""

    def run(observers: Observers | None = None, pace: KeepingPace = FAST, **settings: object) -> Ending:
        before = set(threading.enumerate())
        try:
            return run_to_end(job(**settings), observers or Observers(), parts=LoadParts(pace=pace))
        finally:
            end_abandoned(set(threading.enumerate()) - before)

    return run


def end_abandoned(threads: set[threading.Thread]) -> None:
    """Wait for the requests to S3 that a load left behind: a machine that is lost sends none later."""
    for thread in threads:
        if thread.name.startswith("s3"):
            thread.join(ABANDONED_SECONDS)
            assert not thread.is_alive()
