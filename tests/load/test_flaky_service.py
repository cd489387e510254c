"""Loads against a service that fails at random, at 500 events per second and 40 ms: the rate is kept."""

import time
from pathlib import Path

import pytest

from loader.delivery.rate.memory import RateMemory, Remembered
from loader.emulator import ACCESS_KEY_ID
from loader.errors import ExitCode
from loader.job import read_job
from loader.loading.api import run_to_end
from tests.load.conftest import INSTANCE, emulator_process
from tests.load.faulty_parts import FaultPlan, emulator_key, faulty_observers, faulty_parts

QUOTA = 500
"""Calls per second that the emulator admits; the loads know it from an earlier one."""

ERRORS = ('fault = "error"\ncode = "InternalServerException"\nprobability = 0.004', 1500, 0.8)
RESETS = ('fault = "reset"\nprobability = 0.03', 1500, 0.8)
THROTTLES = ('fault = "error"\ncode = "ThrottlingException"\nprobability = 0.1', 15_000, 0.35)
"""A fault, the number of events, and the share of the quota that a load must reach from its start to its last
event. A load recognizes random throttles after five to ten seconds, and is slow until then. A busy
machine makes it slower still."""


@pytest.mark.parametrize(
    ("rule", "events", "share"),
    [
        pytest.param(*ERRORS, id="0.4 % server errors"),
        pytest.param(*RESETS, id="3 % resets", marks=pytest.mark.soak),
        pytest.param(*THROTTLES, id="10 % throttles", marks=pytest.mark.soak),
    ],
)
def test_random_faults_cost_little(
    rule: str, events: int, share: float, environment: dict[str, str], tmp_path: Path
) -> None:
    """A load is nearly as fast as the quota allows, whatever share of its calls fails at random."""
    plan, extract = tmp_path / "faults.toml", tmp_path / "r.csv"
    plan.write_text(f"seed = 1\n[[rules]]\n{rule}\n")
    lines = [f"{row},1" for row in range(events)]
    extract.write_text("\n".join(["reservation_id,reservation_detail_id", *lines, ""]))
    flags = ("--rate", str(QUOTA), "--burst", "50", "--latency-ms", "40", "--faults", str(plan))
    with emulator_process(tmp_path, *flags) as emulator:
        RateMemory(emulator.url, ACCESS_KEY_ID, INSTANCE).remember(Remembered(float(QUOTA)), time.time())
        job = read_job(
            extract=[str(extract)],
            event_type="scn.data.reservation",
            instance_id=INSTANCE,
            endpoint_url=emulator.url,
            run_dir=tmp_path / "run",
            group_by=["reservation_id"],
        )
        fault_free = FaultPlan()
        ending = run_to_end(
            job, faulty_observers(fault_free), credentials=emulator_key(), parts=faulty_parts(fault_free)
        )
    assert ending.summary.exit_code == ExitCode.DELIVERED
    assert ending.summary.events_per_second >= share * QUOTA
