"""A signal in the moments between the end of the work and the end of the process loses no result."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from loader.emulator import ACCESS_KEY_ID, SECRET_ACCESS_KEY
from loader.errors import ExitCode
from loader.testing import INSTANCE_ID, emulated_service
from tests.prepared.starts import run

ROOT = Path(__file__).parents[2]

ROWS = 20

LOAD = ("load", "e.csv", "--event-type", "scn.data.reservation", "--emulate", "--run-dir", "run")


def environment(folder: Path) -> dict[str, str]:
    """Return the environment of a machine that knows the emulator's keys, with its home in a folder."""
    return {
        **os.environ,
        "HOME": str(folder),
        "PYTHONPATH": str(ROOT),
        "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
        "AWS_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def signalled_at(place: str, folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run ``scn-loader ARGUMENTS`` and send it SIGTERM at the first call of a function."""
    lines = [f"R{number % 7},{number}" for number in range(ROWS)]
    (folder / "e.csv").write_text("\n".join(["reservation_id,reservation_detail_id", *lines]) + "\n")
    ended = subprocess.run(
        [sys.executable, "-m", "tests.process.signalled_at", place, *arguments],
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert "SIGNALLED" in ended.stderr, ended.stderr
    assert "before anything was sent" not in ended.stderr
    assert "Traceback" not in ended.stderr
    return ended


def summary_in(folder: Path) -> dict[str, Any]:
    summary: dict[str, Any] = json.loads((folder / "sum.json").read_text())
    assert summary["events_accepted"] == ROWS
    return summary


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_signal_when_the_load_has_ended_does_not_change_how_it_ended(tmp_path: Path, workers: str) -> None:
    """All is sent, and the summary is not written yet: it is written, with the exit code of the load."""
    place = "loader.process.signals:deciding"
    ended = signalled_at(place, tmp_path, *LOAD, "--workers", workers, "--summary-json", "sum.json")
    assert ended.returncode == summary_in(tmp_path)["exit_code"] == ExitCode.DELIVERED


@pytest.mark.parametrize(
    "place",
    [
        "loader.cli.terminal.running:_asked_next",  # before the summary is written
        "loader.verify.api:verify",  # before the first question
        # In a serializer, for which pydantic raises an error of its own.
        "loader.verify.api:verify,loader.job.column_rule:TextRule._only_given",
        "loader.verify.text:to_text",
    ],
)
def test_a_signal_before_the_answer_about_a_delivered_load(tmp_path: Path, place: str) -> None:
    """It ends the command, which says that the load has ended and how to ask again; so does the summary."""
    ended = signalled_at(place, tmp_path, *LOAD, "--verify", "--summary-json", "sum.json")
    summary = summary_in(tmp_path)
    assert ended.returncode == summary["exit_code"] == ExitCode.TERMINATED
    assert "Done: all 20 events were accepted." in ended.stdout
    assert "Interrupted before the service had answered" in ended.stderr + summary["stopped_because"]
    command = shlex.split(ended.stderr.splitlines()[-1])
    assert command == ["scn-loader", "verify", str(tmp_path / "run")]
    again = run(command[1:], env=environment(tmp_path), text=True)
    assert again.returncode == ExitCode.DELIVERED, again.stderr


def test_a_signal_when_a_measurement_has_ended_loses_no_figures(tmp_path: Path) -> None:
    """They are printed, with the exit code of the measurement."""
    with emulated_service() as service:
        flags = ("--instance-id", INSTANCE_ID, "--endpoint-url", service.url, "--json")
        shape = ("--seconds", "1", "--packing", "row", "--record-bytes", "300", "--rate", "50")
        place = "loader.measuring.grid:Measurement.as_json"
        ended = signalled_at(place, tmp_path, "measure", "inbound_order_line", *flags, *shape)
    assert ended.returncode == ExitCode.DELIVERED
    assert json.loads(ended.stdout)["results"][0]["events_per_second"] > 0
