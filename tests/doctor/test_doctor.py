"""``scn-loader doctor``: what it finds, against an emulator in a process of its own."""

import json
import os
import sqlite3
import stat
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from loader.doctor.check import CheckState
from loader.doctor.machine import machine_checks
from loader.doctor.service import _connection, _judged
from loader.emulator import ACCESS_KEY_ID, SECRET_ACCESS_KEY
from loader.model import Outcome, OutcomeKind
from loader.service.protocol import read_response
from tests.prepared.starts import run, start

INSTANCE = "8928ae12-15e5-4441-825d-ec2184f0a43a"


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The address of an emulator, and its ledger."""
    ledger = tmp_path / "ledger.sqlite"
    command = ["emulator", "--port", "0", "--until-stdin-ends"]
    with start(
        [*command, "--ledger", ledger], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield process.stdout.readline().split()[-1], ledger
        process.terminate()


def doctor(tmp_path: Path, *arguments: str, **environment: str) -> tuple[int, dict[str, Any], str]:
    """Run the command on a machine that knows nothing of AWS; return exit code, checks by name, stderr."""
    known = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SCN_"))}
    known |= {
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    command = ["doctor", "--json", "--run-dir", tmp_path / "runs"]
    ran = run([*command, *arguments], env=known | environment, text=True)
    checks = json.loads(ran.stdout)["checks"] if ran.stdout else []
    return ran.returncode, {check["name"]: check for check in checks}, ran.stderr


KEYS = {"AWS_ACCESS_KEY_ID": ACCESS_KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY}


def test_a_machine_that_can_load_passes_every_check(tmp_path: Path, emulator: tuple[str, Path]):
    """All is ok, no secret is shown, and the emulator has accepted nothing."""
    url, ledger = emulator
    arguments = ("--endpoint-url", url, "--region", "us-east-1", "--instance-id", INSTANCE)
    code, checks, stderr = doctor(tmp_path, *arguments, **KEYS)
    states = {name: check["state"] for name, check in checks.items() if not name.startswith("extra")}
    assert (code, set(states.values()), stderr) == (0, {"ok"}, "")
    assert "from env" in checks["credentials"]["found"]
    assert "ValidationException" in checks["permission to send"]["found"]
    assert SECRET_ACCESS_KEY not in json.dumps(checks)
    with urlopen(f"{url}/_emulator/lake", timeout=60) as answer:
        answer.read()
    with closing(sqlite3.connect(ledger)) as connection:
        accepted = connection.execute("SELECT count(*) FROM attempts WHERE event_id IS NOT NULL").fetchone()
        attempts = connection.execute("SELECT count(*) FROM attempts").fetchone()
    assert (attempts, accepted) == ((1,), (0,))


@pytest.mark.parametrize(
    ("arguments", "environment", "failed"),
    [
        ((), KEYS, "Region and endpoint"),
        (("--region", "us-east-1", "--endpoint-url", "http://127.0.0.1:9"), {}, "credentials"),
        (("--region", "us-east-1", "--endpoint-url", "http://127.0.0.1:9"), KEYS, "connection"),
        (("--region", "us-east-1", "--endpoint-url", "https://scn.invalid"), KEYS, "connection"),
        (
            ("--region", "us-east-1", "--endpoint-url", "https://scn.example.com"),
            KEYS | {"HTTPS_PROXY": "socks5://127.0.0.1:9"},
            "connection",
        ),
    ],
)
def test_the_first_thing_that_is_missing_is_named(
    tmp_path: Path, arguments: tuple[str, ...], environment: dict[str, str], failed: str
):
    """A check that fails ends the command with 2, says what to do, and is the last of its kind."""
    code, checks, _ = doctor(tmp_path, *arguments, **environment)
    assert (code, checks[failed]["state"], list(checks)[-1]) == (2, "failed", failed)
    assert checks[failed]["next_step"]


def test_a_wrong_key_fails_the_permission(tmp_path: Path, emulator: tuple[str, Path]):
    """Credentials that exist but are refused are not taken for a permission."""
    arguments = ("--endpoint-url", emulator[0], "--region", "us-east-1", "--instance-id", INSTANCE)
    wrong = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "x" * 40}
    code, checks, _ = doctor(tmp_path, *arguments, **wrong)
    assert (code, checks["permission to send"]["state"]) == (2, "failed")


@pytest.mark.parametrize(
    ("kind", "code", "state"),
    [
        (OutcomeKind.REJECTED, "ValidationException", CheckState.OK),
        (OutcomeKind.STOP, "AccessDeniedException", CheckState.FAILED),
        (OutcomeKind.STOP, "ResourceNotFoundException", CheckState.FAILED),
        (OutcomeKind.THROTTLED, "ThrottlingException", CheckState.FAILED),
        (OutcomeKind.ACCEPTED, "", CheckState.WARNING),
    ],
)
def test_only_a_refusal_of_the_content_shows_the_permission(kind, code, state):
    """The service judges the content of an event only for those who may send it."""
    check = _judged("permission to send", Outcome(kind, code=code))
    assert check.state is state
    assert bool(check.next_step) == (state is CheckState.FAILED)


def test_a_run_directory_without_permission_is_named(tmp_path: Path):
    """A folder that cannot be written to fails its check, with the flag that names another."""
    file = tmp_path / "file"
    file.write_text("")
    file.chmod(stat.S_IRUSR)
    locked = Path("/proc/self")  # no user can make a file here
    checks = {check.name: check for check in machine_checks(locked / "runs", 100)}
    assert checks["run directory"].state is CheckState.FAILED
    assert "--run-dir" in checks["run directory"].next_step


def test_a_run_directory_that_is_a_file_is_named(tmp_path: Path):
    """A load would be refused there."""
    (tmp_path / "file").write_text("")
    checks = {check.name: check for check in machine_checks(tmp_path / "file", 100)}
    assert checks["run directory"].state is CheckState.FAILED
    assert "is not a folder" in checks["run directory"].found


def test_a_run_directory_in_s3_is_not_checked_as_a_local_folder():
    """Whether this folder can be written to says nothing about a bucket."""
    checks = {check.name: check for check in machine_checks(Path("s3://bucket/prefix"), 100)}
    assert checks["run directory"].state is CheckState.SKIPPED
    assert "s3://bucket/prefix" in checks["run directory"].found


def test_a_portal_is_not_taken_for_the_service():
    """It answers, but its answer has no request id."""
    page = read_response(200, {}, b"<html><title>Log in</title></html>")
    check = _connection(page, 0.01)
    assert check.state is CheckState.WARNING
    assert "HtmlPage" in check.found
    assert check.next_step.endswith(".")
    assert _connection(read_response(404, {"x-amzn-requestid": "r"}, b""), 0.01).state is CheckState.OK


def test_too_few_open_files_are_named():
    """A load that may want more connections than the system allows is warned of."""
    checks = {check.name: check for check in machine_checks(Path.cwd(), 100_000_000)}
    assert checks["open files"].state in (CheckState.WARNING, CheckState.OK)
    if checks["open files"].state is CheckState.WARNING:
        assert "--max-in-flight" in checks["open files"].next_step
