"""A real dlt pipeline into the emulator: a load, a job that fails, and a repetition."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dlt
import pytest
from dlt.pipeline.exceptions import PipelineStepFailed

from loader.emulator import FaultKind, FaultPlan, FaultRule
from loader.integrations.dlt import scn_destination
from loader.testing import EmulatedService, emulated_service

ROWS = 40


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[EmulatedService]:
    """An emulator, reached through the environment as the real service is."""
    monkeypatch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")
    with emulated_service() as service:
        for name, value in service.environment.items():
            monkeypatch.setenv(name, value)
        yield service


@pytest.fixture
def pipeline(service: EmulatedService, tmp_path: Path) -> "dlt.Pipeline":
    """A pipeline for reservations."""
    job = service.job(event_type="scn.data.reservation", drain_seconds=0, give_up_after="1s")
    destination = scn_destination({"reservation": job}, tmp_path / "runs")
    return dlt.pipeline("trial", destination=destination, pipelines_dir=str(tmp_path / "dlt"))


def reservations(quantity: object = 1.5, name: str = "reservation") -> Any:
    """A resource of rows with ids that begin with zeros."""
    rows = [
        {"reservation_id": f"{number:04}", "reservation_detail_id": "1", "quantity": quantity}
        for number in range(ROWS)
    ]
    return dlt.resource(rows, name=name)


def ids(service: EmulatedService) -> list[str]:
    """The ids that arrived, in order."""
    return sorted(record["reservation_id"] for record in service.records("reservation"))


def test_a_pipeline_loads_every_row_once(service: EmulatedService, pipeline: "dlt.Pipeline") -> None:
    """Values arrive exactly; dlt's own columns do not."""
    pipeline.run(reservations())
    assert ids(service) == [f"{number:04}" for number in range(ROWS)]
    assert service.records("reservation")[0] == {
        "reservation_id": "0000",
        "reservation_detail_id": "1",
        "quantity": "1.5",
    }


def test_a_stopped_load_is_resumed_by_dlts_repetition(
    service: EmulatedService, pipeline: "dlt.Pipeline", tmp_path: Path
) -> None:
    """A transient end makes dlt repeat the job in the same run; each event is accepted once."""
    page = FaultRule(fault=FaultKind.PAGE, first_call=15, until_seconds=6)
    service.emulator.set_faults(FaultPlan(rules=(page,)))
    pipeline.run(reservations())
    assert ids(service) == [f"{number:04}" for number in range(ROWS)]
    assert service.calls()["accepted_tokens"] == ROWS
    (folder,) = (tmp_path / "runs").iterdir()
    with sqlite3.connect(folder / "checkpoint.sqlite") as checkpoint:
        causes = [cause for (cause,) in checkpoint.execute("SELECT cause FROM runs ORDER BY number")]
    assert len(causes) > 1
    assert causes[-1] == "completed"


def test_rejected_rows_fail_the_job(service: EmulatedService, pipeline: "dlt.Pipeline") -> None:
    """A terminal end is shown with the command that says more; the other rows have arrived."""
    with pytest.raises(PipelineStepFailed, match="scn-loader status"):
        pipeline.run(reservations(quantity="many"))


def test_a_table_without_a_job_fails(pipeline: "dlt.Pipeline") -> None:
    """A table that nothing is known about is never loaded silently."""
    with pytest.raises(PipelineStepFailed, match="no job for the table 'orders'"):
        pipeline.run(reservations(name="orders"))
