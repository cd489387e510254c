"""A load to an emulator is called a rehearsal, wherever its endpoint is named."""

import time
from pathlib import Path

import pytest

from loader import Job
from loader.emulator import EmulatorSettings, running_emulator
from loader.job import run_dir_of
from loader.loading.api import open_and_run
from loader.loading.observers import Observers
from loader.page.build import build_page
from loader.status.closing_block import to_text
from loader.status.listing import listing_text, loads_below
from loader.status.overview import read_overview
from loader.status.overview_text import overview_text

INSTANCE = "8928ae12-15e5-4441-825d-ec2184f0a43a"
NAMED = f"rehearsal on this machine, instance {INSTANCE}"


def write_profile(config: Path, url: str) -> None:
    config.write_text(f"[default]\nendpoint_url = {url}\n")


@pytest.mark.parametrize("place", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SUPPLYCHAIN", "profile", "setting"])
async def test_the_endpoint_in_use_decides_what_the_service_is_called(
    place: str, environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Summary, status, listing and page agree, and a real load has another plan and run directory."""
    (tmp_path / "a.csv").write_text("reservation_id,reservation_detail_id\nR1,1\n")
    common = {"extract": ("a.csv",), "event_type": "scn.data.reservation", "instance_id": INSTANCE}
    monkeypatch.chdir(tmp_path)
    config = Path(environment["AWS_CONFIG_FILE"])
    real = Job(**common)
    assert real.plan_settings()["service"] == "aws"
    async with running_emulator(EmulatorSettings()) as emulator:
        if place == "profile":
            write_profile(config, emulator.url)
        elif place != "setting":
            monkeypatch.setenv(place, emulator.url)
        job = Job(**common, endpoint_url=emulator.url if place == "setting" else None)
        ending = await open_and_run(job, Observers())
    run_dir = run_dir_of(job)
    assert run_dir != run_dir_of(real)
    overview = read_overview(run_dir, time.time())
    facts = dict(build_page(run_dir, time.time()).facts)
    assert NAMED in " ".join(to_text(ending.summary).split())  # the line wraps
    assert NAMED in overview_text(overview, [])
    assert facts["service"] == NAMED
    assert "rehearsal" in listing_text(loads_below(run_dir.parent, time.time()))
    assert overview.plan is not None
    assert overview.plan.settings["service"] == "loopback"
