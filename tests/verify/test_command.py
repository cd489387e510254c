"""``verify``, ``load --verify`` and ``status`` as users run them."""

import csv
import json
import shlex
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import polars as pl
import pytest

from loader.errors import SettingsError
from loader.verify.receipts import Wanted, export_receipts
from tests.load.conftest import emulator_process
from tests.verify.test_verdicts import ARN, INSTANCE

pytestmark = pytest.mark.usefixtures("environment")

DATASET_FLAGS = ["--event-type", "scn.data.dataset", "--dataset-arn", ARN, "--operation", "UPSERT"]
TYPED_FLAGS = ["--event-type", "scn.data.processheader"]


def written(folder: Path, column: str, rows: int) -> Path:
    extract = folder / "extract.csv"
    extract.write_text(f"{column}\n" + "".join(f"c{number}\n" for number in range(rows)))
    return extract


@dataclass(frozen=True)
class Ending:
    """How a load with --verify ends, with some flags of the emulator."""

    flags: tuple[str, ...]
    wait: str
    code: int
    loaded: dict[str, int]
    next_command: str | None = None


ENDINGS = {
    "good": Ending((), "--verify", 0, {"succeeded": 20}),
    "bad": Ending(("--fail-load-where", "id=c7"), "--verify", 1, {"failed": 1, "succeeded": 19}, "load"),
    "slow": Ending(("--load-seconds", "1000"), "--verify=1s", 7, {"in_progress": 20}, "verify"),
    "soon": Ending(("--load-seconds", "3"), "--verify=60s", 0, {"succeeded": 20}),
}


@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS)
def test_load_goes_on_to_verify(scn_loader, tmp_path, ending):
    """Exit code 0 if all is loaded, 1 with failures, 7 when time was up; summary file and status agree."""
    extract, run_dir, file = written(tmp_path, "id", 20), tmp_path / "run", tmp_path / "summary.json"
    with emulator_process(tmp_path, *ending.flags) as emulator:
        place = ["--instance-id", INSTANCE, "--endpoint-url", emulator.url, "--run-dir", run_dir]
        ended = scn_loader("load", extract, *DATASET_FLAGS, *place, ending.wait, "--summary-json", file)
    assert ended.returncode == ending.code, (ended.stdout, ended.stderr)
    summary = json.loads(file.read_text())
    status = scn_loader("status", run_dir, "--json", "--exit-code")
    assert status.returncode == summary["exit_code"] == ending.code
    shown = json.loads(status.stdout)
    for found in (summary["loaded"], shown["loaded"]):
        assert {name: number for name, number in found.items() if number} == ending.loaded
    # What is printed is what status proposes.
    commands = [step["command"] for step in shown["next"]]
    wanted = [] if ending.next_command is None else [ending.next_command]
    assert [shlex.split(command)[1] for command in commands] == wanted
    assert all(f"  {command}" in ended.stdout.splitlines() for command in commands)


def test_each_stage_of_a_load_is_shown(scn_loader, tmp_path):
    """Accepted, then loaded: in the summary, status and report, each with the command that comes next."""
    extract, run_dir = written(tmp_path, "id", 20), tmp_path / "run"
    with emulator_process(tmp_path, "--fail-load-where", "id=c7") as emulator:
        place = ["--instance-id", INSTANCE, "--endpoint-url", emulator.url, "--run-dir", run_dir]
        ended = scn_loader("load", extract, *DATASET_FLAGS, *place)
        assert "loaded      not verified yet; accepted does not mean loaded" in ended.stdout
        command = shlex.split(ended.stdout.splitlines()[-1])[1:]
        assert command == ["verify", str(run_dir), "--wait", "30m"]
        found = scn_loader(*command)
        assert found.returncode == 1, found.stderr
        correcting = found.stdout.splitlines()[-1].strip()
        status = scn_loader("status", run_dir).stdout
        assert "\nloaded    1 failed, 19 succeeded\n" in status
        assert status.splitlines()[-1].strip() == correcting
        assert scn_loader("report", run_dir).returncode == 0
        page = (run_dir / "report.html").read_text()
        for words in ("Accepted, but 1 event is not loaded.", "<h3>Loaded</h3>", "succeeded <b>19</b>"):
            assert words in page
        assert "corrected-not-loaded" in page
        assert scn_loader("verify", run_dir).stdout.splitlines()[-1].strip() == correcting
        (run_dir / "not-loaded" / "extract.csv").write_text("id\nright\n")
        assert scn_loader(*shlex.split(correcting)[1:]).returncode == 0
    (step,) = json.loads(scn_loader("status", run_dir, "--json").stdout)["next"]
    child = str(run_dir / "corrected-not-loaded")
    assert shlex.split(step["command"])[1:3] == ["verify", child]
    assert f"rows not loaded of the load in {run_dir}" in scn_loader("status", child).stdout


@pytest.mark.parametrize("shards", [[], ["--workers", "2"]], ids=["whole", "workers"])
def test_a_rehearsal_can_be_verified_afterwards(scn_loader, tmp_path, shards):
    """Its emulator is gone; the lake that it left is enough to ask."""
    run_dir = tmp_path / "run"
    place = ["--instance-id", INSTANCE, "--emulate", "--run-dir", run_dir]
    ended = scn_loader("load", written(tmp_path, "id", 20), *DATASET_FLAGS, *place, *shards)
    found = scn_loader(*shlex.split(ended.stdout.splitlines()[-1])[1:-2])
    assert (found.returncode, "20 succeeded" in found.stdout) == (0, True), found.stderr


CANNOT_WRITE = "error: The receipts cannot be written."


@pytest.mark.parametrize("name", ["receipts.csv", "receipts.parquet"])
def test_receipts_on_a_full_disk_leave_nothing_behind(scn_loader, tmp_path, name):
    """A limit on the size of files stands for the full disk: no part of it stays."""
    extract, run_dir = written(tmp_path, "id", 2000), tmp_path / "run"
    with emulator_process(tmp_path) as emulator:
        place = ["--instance-id", INSTANCE, "--endpoint-url", emulator.url, "--run-dir", run_dir]
        assert scn_loader("load", extract, *DATASET_FLAGS, *place).returncode == 0
    folder = tmp_path / "receipts"
    folder.mkdir()
    program = [sys.executable, "-m", "loader"]
    command = [
        "sh",
        "-c",
        'ulimit -f 100; exec "$@"',
        "sh",
        *program,
        "receipts",
        run_dir,
        "-o",
        folder / name,
    ]
    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (refused.returncode, refused.stderr.splitlines()[0]) == (2, CANNOT_WRITE)
    assert list(folder.iterdir()) == []


def test_the_receipt_of_a_row_and_of_a_group(scn_loader, tmp_path):
    """Was row 8 loaded? One command; all receipts go into a Parquet file of as many lines as events."""
    extract, run_dir = written(tmp_path, "id", 20), tmp_path / "run"
    with emulator_process(tmp_path, "--fail-load-where", "id=c7") as emulator:
        place = ["--instance-id", INSTANCE, "--endpoint-url", emulator.url, "--run-dir", run_dir]
        assert scn_loader("load", extract, *DATASET_FLAGS, *place).returncode == 0
        before = scn_loader("receipts", run_dir, "--row", "extract.csv:8")
        assert scn_loader("verify", run_dir).returncode == 1
        emulator.flush()
        with closing(sqlite3.connect(emulator.ledger)) as connection:
            query = "SELECT event_group, event_id, client_token FROM attempts WHERE verdict = 'accepted'"
            known = {group: rest for group, *rest in connection.execute(query)}
    (line,) = csv.DictReader(before.stdout.splitlines())
    assert (line["status"], line["group"], line["first_row"]) == ("accepted", "c7", "8")
    (line,) = csv.DictReader(scn_loader("receipts", run_dir, "--group", "c7").stdout.splitlines())
    assert (line["status"], [line["event_id"], line["token"]]) == ("failed", known["c7"])
    assert scn_loader("receipts", run_dir, "--group", "nobody").returncode == 1
    table = tmp_path / "receipts.parquet"
    assert scn_loader("receipts", run_dir, "-o", table).returncode == 0
    found = pl.read_parquet(table)
    assert dict(zip(found["group"], found["event_id"], strict=True)) == {
        group: event_id for group, (event_id, _) in known.items()
    }
    assert found["first_row"].to_list() == list(range(1, 21))
    assert scn_loader("receipts", run_dir, "-o", table).returncode == 2  # it exists
    for name in ("receipts.csv", "receipts.parquet"):
        refused = scn_loader("receipts", run_dir, "-o", tmp_path / "missing" / name)
        assert (refused.returncode, refused.stderr.splitlines()[0]) == (2, CANNOT_WRITE)
    nothing = StringIO()
    with pytest.raises(SettingsError):
        export_receipts(run_dir, Wanted(path="other.csv", row=1), None, nothing)
    assert not nothing.getvalue()  # not even the header, which would look like a load without events


def test_a_load_with_a_mapping_is_planned_again(scn_loader, tmp_path):
    """The row that was not loaded is found by the rules of the job, with their defaults."""
    job_file = tmp_path / "job.toml"
    job_file.write_text(
        '[mapping]\nid = "code"\n[mapping.description]\ncolumn = "note"\nnull_words = "x"\n'
        "[defaults]\ntrim = true\n"
    )
    extract = tmp_path / "extract.csv"
    extract.write_text("code,note\nc1,x\nc2, y\n")
    with emulator_process(tmp_path, "--fail-load-where", "id=c2") as emulator:
        place = ["--instance-id", INSTANCE, "--endpoint-url", emulator.url, "--run-dir", tmp_path / "run"]
        loaded = scn_loader("load", extract, "--job", job_file, *DATASET_FLAGS, *place)
        assert loaded.returncode == 0, loaded.stderr
        found = scn_loader("verify", tmp_path / "run")
        assert found.returncode == 1, found.stderr
    assert (tmp_path / "run/not-loaded/extract.csv").read_text() == "code,note\nc2, y\n"
    receipt = scn_loader("receipts", tmp_path / "run", "--row", "extract.csv:2")
    (line,) = csv.DictReader(receipt.stdout.splitlines())
    assert (line["status"], line["group"]) == ("failed", "c2")


def test_a_wrong_run_directory_and_wrong_values_are_refused(scn_loader, tmp_path):
    """One block and exit code 2."""
    for arguments in ((tmp_path,), (tmp_path, "--wait", "soon"), (tmp_path, "--how", "ask")):
        ended = scn_loader("verify", *arguments)
        assert ended.returncode == 2, ended.stderr
        assert "Traceback" not in ended.stderr
