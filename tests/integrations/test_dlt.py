"""A real dlt pipeline into the emulator: a load, a job that fails, and a repetition.

dlt is imported by the tests: it takes a second, and most test processes run none of them.
"""

import shlex
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from loader.emulator import FaultKind, FaultPlan, FaultRule
from loader.testing import EmulatedService, emulated_service
from tests.prepared.seen_commands import noted
from tests.prepared.starts import run

if TYPE_CHECKING:
    import dlt

ROWS = 40

ENDED_RUNS = "SELECT cause FROM runs WHERE ended_at IS NOT NULL ORDER BY number"


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
    import dlt

    from loader.integrations.dlt import scn_destination

    job = service.job(event_type="scn.data.reservation", drain_seconds=0, give_up_after="1s")
    destination = scn_destination({"reservation": job}, tmp_path / "runs")
    return dlt.pipeline("trial", destination=destination, pipelines_dir=str(tmp_path / "dlt"))


def reservations(quantity: object = 1.5, name: str = "reservation") -> Any:
    """A resource of rows with ids that begin with zeros."""
    import dlt

    rows = [
        {"reservation_id": f"{number:04}", "reservation_detail_id": "1", "quantity": quantity}
        for number in range(ROWS)
    ]
    return dlt.resource(rows, name=name)


def ids(service: EmulatedService) -> list[str]:
    """The ids that arrived, in order."""
    return sorted(record["reservation_id"] for record in service.records("reservation"))


def causes_of_runs(folder: Path) -> list[str]:
    """Why each run of the only load ended."""
    for path in folder.glob("*/checkpoint.sqlite"):
        with (
            suppress(sqlite3.Error),
            closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as checkpoint,
        ):
            found = checkpoint.execute(ENDED_RUNS)
            return [cause for (cause,) in found]
    return []


def mend_after_a_run(service: EmulatedService, folder: Path) -> None:
    """End the fault once a run of the load has ended with it."""
    while not causes_of_runs(folder):
        time.sleep(0.05)
    service.emulator.set_faults(FaultPlan())


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
    page = FaultRule(fault=FaultKind.PAGE, first_call=15)
    service.emulator.set_faults(FaultPlan(rules=(page,)))
    mended = threading.Thread(target=mend_after_a_run, args=(service, tmp_path / "runs"))
    mended.start()
    pipeline.run(reservations())
    mended.join()
    assert ids(service) == [f"{number:04}" for number in range(ROWS)]
    assert service.calls()["accepted_tokens"] == ROWS
    causes = causes_of_runs(tmp_path / "runs")
    assert len(causes) > 1
    assert causes[-1] == "completed"


def test_rejected_rows_fail_the_job(
    service: EmulatedService, pipeline: "dlt.Pipeline", tmp_path: Path
) -> None:
    """A terminal end is shown with a command that says more, and runs; the other rows have arrived."""
    from dlt.pipeline.exceptions import PipelineStepFailed

    with noted(tmp_path / "seen"), pytest.raises(PipelineStepFailed) as failed:
        pipeline.run(reservations(quantity="many"))
    assert "integrations/dlt.py:_check" in (tmp_path / "seen").read_text()
    (command,) = {line for line in str(failed.value).splitlines() if line.startswith("scn-loader ")}
    shown = run(shlex.split(command)[1:], text=True)
    assert (shown.returncode, "rejected" in shown.stdout) == (0, True), shown.stderr


def test_a_table_without_rows_is_loaded(service: EmulatedService, pipeline: "dlt.Pipeline") -> None:
    """The file that dlt writes for it has no rows, and nothing is wrong."""
    import dlt

    def no_rows() -> Iterator[Any]:
        yield dlt.mark.materialize_table_schema()

    texts: Any = {name: {"data_type": "text"} for name in ("reservation_id", "reservation_detail_id")}
    pipeline.run(dlt.resource(no_rows, name="reservation", columns=texts))
    assert service.calls()["attempts"] == 0


def test_a_terminal_end_gives_its_cause(service: EmulatedService, pipeline: "dlt.Pipeline") -> None:
    """The service refuses the load: no row was rejected, and no event failed."""
    from dlt.pipeline.exceptions import PipelineStepFailed

    denied = FaultRule(fault=FaultKind.ERROR, code="AccessDeniedException")
    service.emulator.set_faults(FaultPlan(rules=(denied,)))
    with pytest.raises(PipelineStepFailed, match="The service refuses this load"):
        pipeline.run(reservations())


def test_a_table_without_a_job_fails(pipeline: "dlt.Pipeline") -> None:
    """A table that nothing is known about is never loaded silently."""
    from dlt.pipeline.exceptions import PipelineStepFailed

    with pytest.raises(PipelineStepFailed, match="no job for the table 'orders'"):
        pipeline.run(reservations(name="orders"))
