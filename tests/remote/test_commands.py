"""The commands that take a run directory take its address."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner

from loader.cli import app
from loader.errors import CheckpointError, CheckpointLocked, ExitCode, SettingsError
from loader.job import working_copy_of
from loader.remote.lease import Lease
from loader.remote.objects import Objects
from loader.sources.s3.client import S3Client
from loader.testing import EmulatedService
from loader.testing.emulated_service import INSTANCE_ID
from tests.remote.conftest import ADDRESS, PREFIX, ROWS, SLOW, Load, stopping_at
from tests.remote.faulty_s3 import FaultyS3


def command(*arguments: str) -> Any:
    """Run a command in this process, and return its result."""
    return CliRunner().invoke(app, list(arguments), catch_exceptions=True)


def test_each_command_works_on_any_machine(
    load: Load, s3: FaultyS3, machine: Callable[[str], Path], service: EmulatedService, tmp_path: Path
) -> None:
    """On a machine that never saw the load: state, report, receipts, rejected rows, verdicts."""
    load()
    for name in ("status", "report", "receipts", "rejects"):
        machine(name)
        options = {"report": ("-o", str(tmp_path / "report.html"))}.get(name, ())
        result = command(name, ADDRESS, *options)
        assert result.exit_code == 0, (name, result.output, result.exception)
        assert str(working_copy_of(ADDRESS)) not in result.output
    status = command("status", ADDRESS).output
    assert re.search(rf"^run +{ADDRESS}$", status, re.MULTILINE)
    assert "finished" in status
    assert f"scn-loader rejects {ADDRESS}\n" in status
    assert ADDRESS in (tmp_path / "report.html").read_text()
    machine("verify")
    verified = command("verify", ADDRESS, "--json")
    assert verified.exit_code == 0, (verified.output, verified.exception)
    assert orjson.loads(verified.output)["run_dir"] == ADDRESS
    machine("after")  # what verify found out is in S3
    assert f"{ROWS - 1} known" in command("status", ADDRESS).output
    assert orjson.loads(s3.get(PREFIX + "lease.json"))["is_released"]


def test_a_load_that_runs_elsewhere_counts_as_running(
    load: Load, s3: FaultyS3, machine: Callable[[str], Path], service: EmulatedService
) -> None:
    """Its runner is named, and no command changes it meanwhile. Once its lease is stale, it was killed."""
    load(stopping_at(60), **SLOW)
    machine("b")
    runner = Lease(Objects(ADDRESS, S3Client(None, None)), "", holder="elsewhere", writer="elsewhere:1")
    runner.take(lambda _words: None)
    runner.renew(10)
    status = command("status", ADDRESS).output
    assert "running" in status
    assert "runner    process " in status
    values = orjson.loads(command("status", ADDRESS, "--json").output)
    assert values["state"] == "running"
    assert len(values["runners"]) == 1
    assert isinstance(command("rejects", ADDRESS).exception, CheckpointLocked)
    s3.seconds_ahead = 1000
    values = orjson.loads(command("status", ADDRESS, "--json").output)
    assert values["state"] == "stopped"
    assert values["runners"] == []
    in_doubt = values["totals"]["events_in_doubt"] if "totals" in values else values["events_in_doubt"]
    assert in_doubt > 0  # what the runner may have sent


@pytest.mark.parametrize("name", ["status", "report", "verify", "receipts", "rejects"])
def test_an_address_without_a_load_has_none(s3: FaultyS3, machine: Callable[[str], Path], name: str) -> None:
    """As a folder without a load: the exit code is 2, and nothing is written to S3."""
    result = command(name, f"{ADDRESS}/elsewhere")
    code = getattr(result.exception, "exit_code", result.exit_code)
    assert code == ExitCode.REFUSED, (result.output, result.exception)
    assert s3.all_keys() == []


@pytest.mark.parametrize(
    "address", ["s3://", "s3://b/x", "s3://bucket", "s3://bucket/a b", "s3://bucket/a/../b"]
)
def test_a_text_that_is_not_an_address_is_refused(
    s3: FaultyS3, job: Callable[..., Any], address: str
) -> None:
    """In a job, and in the other commands."""
    with pytest.raises(SettingsError):
        job(run_dir=address)
    assert isinstance(command("status", address).exception, SettingsError | CheckpointError)
    assert not s3.asked


def test_a_plan_knows_what_was_delivered(
    load: Load, machine: Callable[[str], Path], service: EmulatedService, extract: Path
) -> None:
    """On a machine that never saw the load, files of a folder that were delivered are left out."""
    folder = str(extract.parent / "*.csv")
    load(extract=[folder])
    machine("b")
    (extract.parent / "tomorrow.csv").write_text("reservation_id,reservation_detail_id\nR1,x\n")
    flags = ("--event-type", "scn.data.reservation", "--group-by", "reservation_id", "--run-dir", ADDRESS)
    target = ("--instance-id", INSTANCE_ID, "--endpoint-url", service.url)
    planned = command("plan", folder, *target, *flags)
    assert "1 record in 1 event" in planned.output, (planned.output, planned.exception)
