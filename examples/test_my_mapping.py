"""A test of a mapping, and one of a whole pipeline: run it with pytest."""

from pathlib import Path
from typing import Any

import polars as pl

from loader import planned_events, run_load
from loader.testing import EmulatedService

pytest_plugins = ["loader.testing.fixtures"]

ROWS = pl.DataFrame({"Order No": ["4500000001"], "Vendor": ["000043"]})
SETTINGS: dict[str, Any] = {
    "event_type": "scn.data.inboundorder",
    "mapping": {"id": "Order No", "tpartner_id": "Vendor"},
}


def test_the_zeros_of_a_vendor_are_kept(scn_emulator: EmulatedService) -> None:
    """``planned_events`` sends nothing: it shows what would be sent."""
    (event,) = planned_events(scn_emulator.job(**SETTINGS), frame=ROWS)
    assert event.records == [{"id": "4500000001", "tpartner_id": "000043"}]


def test_the_records_arrive(scn_emulator: EmulatedService, tmp_path: Path) -> None:
    """A whole load over a socket, into an emulator that checks signatures and records."""
    summary = run_load(scn_emulator.job(run_dir=tmp_path, **SETTINGS), frame=ROWS)
    assert summary.exit_code == 0
    assert scn_emulator.records("inbound_order") == [{"id": "4500000001", "tpartner_id": "000043"}]
