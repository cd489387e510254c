"""``loader.testing``: the emulator in a user's own tests."""

import os

import polars as pl
import pytest

from loader import load, run_load
from loader.emulator import EmulatorSettings, QuotaSettings
from loader.testing import emulated_service

pytest_plugins = ["loader.testing.fixtures"]

ROWS = pl.DataFrame({"id": ["1", "2"], "tpartner_id": ["V", "W"]})
ORDERS = {"event_type": "scn.data.inboundorder"}


def test_records_arrive_in_the_fixture(scn_emulator, tmp_path) -> None:
    """A load with nothing set but the event type; the records are asked for by dataset."""
    summary = run_load(scn_emulator.job(run_dir=tmp_path, **ORDERS), frame=ROWS)
    assert summary.events_accepted == 2
    assert sorted(record["tpartner_id"] for record in scn_emulator.records("inbound_order")) == ["V", "W"]
    assert scn_emulator.records("inbound_order_line") == []
    assert scn_emulator.calls()["accepted"] == 2


async def test_it_serves_async_tests(scn_emulator, tmp_path) -> None:
    """It runs beside the loop of the test."""
    assert (await load(scn_emulator.job(run_dir=tmp_path, **ORDERS), frame=ROWS)).events_accepted == 2


def test_the_environment_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test signs with the emulator's key only; afterwards the user's variables are as they were."""
    monkeypatch.setenv("AWS_PROFILE", "production")
    before = dict(os.environ)
    with emulated_service(EmulatorSettings(quota=QuotaSettings(rate=5))) as service:
        assert "AWS_PROFILE" not in os.environ
        assert service.url.startswith("http://127.0.0.1:")
    assert dict(os.environ) == before
