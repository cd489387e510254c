"""Payloads and secrets: after each trial everything is searched for them; here the search itself is tried."""

import pytest

from loader.emulator import FaultPlan
from loader.emulator.faults import FaultKind, FaultRule
from tests.faults.extracts import MARKER, ExtractShape
from tests.faults.harness import Trial
from tests.faults.leaks import SECRET, SESSION_TOKEN, leaks
from tests.faults.reliability import PRIVATE

ECHO = FaultRule(
    fault=FaultKind.ERROR,
    code="ValidationException",
    message=f"Value at '/data' failed to satisfy constraint: '{MARKER}'",
    probability=0.3,
)
"""The service may quote the payload it refuses."""


@pytest.mark.tried("The service quotes row data in its errors; debug log as JSON lines", keeps=PRIVATE)
async def test_a_quoted_payload_stays_out_of_logs(trial: Trial) -> None:
    """The service's words on an event go to the checkpoint, which is for the owner alone, and no further."""
    trial.write_extract(71, ExtractShape(rows=60, groups=60, rejected_share=0.1))
    trial.environment["AWS_SESSION_TOKEN"] = SESSION_TOKEN
    async with trial.service(faults=FaultPlan(rules=(ECHO,)), session_token=SESSION_TOKEN) as emulator:
        ended = await trial.run(emulator.url, "--debug", "--log-format", "json")
    assert ended.code == 1
    assert MARKER.encode() in trial.checkpoint_path.read_bytes()
    log = (trial.run_dir / "load.log").read_text()
    assert "ValidationException" in log or "ValidationException" in ended.words
    assert MARKER not in log + ended.words


@pytest.mark.parametrize("name", ["run9.out", "run9.err", "run9.json", "run/load.log"])
@pytest.mark.parametrize("text", [MARKER, SECRET, SESSION_TOKEN, SECRET.encode().hex()])
def test_the_search_finds_what_leaked(trial: Trial, name: str, text: str) -> None:
    """A marker in anything a run says, or in its log, is found, also as hex."""
    trial.run_dir.mkdir(mode=0o700)
    path = trial.folder / name
    path.touch(mode=0o600)
    path.write_text(f"... {text} ...")
    assert leaks(trial.folder, [trial.run_dir])
    path.unlink()


def test_the_search_finds_open_files(trial: Trial) -> None:
    """A checkpoint that others can read is found, and so is a secret in it."""
    trial.run_dir.mkdir(mode=0o700)
    trial.checkpoint_path.touch(mode=0o600)
    assert leaks(trial.folder, [trial.run_dir]) == []
    trial.checkpoint_path.chmod(0o640)
    assert leaks(trial.folder, [trial.run_dir]) == ["checkpoint.sqlite has mode 640"]
    trial.checkpoint_path.chmod(0o600)
    trial.checkpoint_path.write_text(SECRET)
    assert leaks(trial.folder, [trial.run_dir]) == ["checkpoint.sqlite holds a secret"]
    trial.checkpoint_path.unlink()
