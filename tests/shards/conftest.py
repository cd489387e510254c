"""Loads of shards in this process, over real sockets to an emulator in a thread."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from loader import LoadSummary, run_load
from loader.job import Job
from loader.testing import INSTANCE_ID, EmulatedService, emulated_service
from tests.load.known_rate import know_rate

Load = Callable[..., LoadSummary]

ROWS = 240
EVERY_REJECTED = 40
"""Each so many rows lack a required value."""


@pytest.fixture
def service() -> Iterator[EmulatedService]:
    with emulated_service() as running:
        know_rate(running.url, INSTANCE_ID)
        yield running


@pytest.fixture
def extract(tmp_path: Path) -> Path:
    """An extract with rejected rows, in groups that are mixed."""
    path = tmp_path / "reservations.csv"
    lines = [
        f"{'' if number % EVERY_REJECTED == 7 else f'R{number % 31:03d}'},{number:05d},P{number % 5}"
        for number in range(ROWS)
    ]
    header = "reservation_id,reservation_detail_id,product_id"
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def job(service: EmulatedService, extract: Path, tmp_path: Path) -> Callable[..., Job]:
    """Return a job over the extract; settings as keywords."""

    def make(**settings: object) -> Job:
        given: dict[str, Any] = {
            "extract": [str(extract)],
            "event_type": "scn.data.reservation",
            "group_by": ["reservation_id"],
            "run_dir": tmp_path / "run",
        }
        return service.job(**(given | settings))

    return make


@pytest.fixture
def load(job: Callable[..., Job]) -> Load:
    """Load the extract, or a shard of it, and return the summary."""

    def run(shard: str | None = None, **settings: object) -> LoadSummary:
        return run_load(job(shard=shard, **settings))

    return run
