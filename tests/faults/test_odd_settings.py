"""Job files, settings and fault plans of any kind are used, or refused in one block with exit code 2."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loader.emulator import FaultPlan
from loader.errors import SettingsError
from loader.job import Job, read_job, run_dir_of
from tests.faults.odd_settings import JOBS, PLANS, SPOILED, VALID, VALUES, WORDS, to_toml
from tests.faults.reliability import REFUSED

Spoil = Callable[[bytes], bytes]

examples = partial(
    settings, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
OFTEN = 100
"""Examples in each run of the tests."""

odd_job = pytest.mark.tried(
    "Job files and SCN_LOADER_* with odd types, huge numbers, deep nesting, odd names and odd bytes",
    keeps=REFUSED,
)
odd_plan = pytest.mark.tried("Fault plans of the emulator with the same oddities", keeps=REFUSED)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def usable(folder: Path, content: bytes) -> bool:
    """Return whether a job file can be used; what is not a SettingsError fails the test."""
    file = folder / "job.toml"
    file.write_bytes(content)
    try:
        job = read_job(file)
    except SettingsError:
        return False
    assert run_dir_of(job.model_copy(update={"run_dir": None})).name  # made of all settings that shape events
    return True


@odd_job
@examples(max_examples=OFTEN)
@given(job=JOBS, spoil=SPOILED)
def test_a_job_file_is_used_or_refused(folder: Path, job: dict[str, Any], spoil: Spoil) -> None:
    usable(folder, spoil(to_toml(job)))


@odd_job
@pytest.mark.soak
@pytest.mark.timeout(600)
@examples(max_examples=2000)
@given(job=JOBS, spoil=SPOILED)
def test_many_job_files_are_used_or_refused(folder: Path, job: dict[str, Any], spoil: Spoil) -> None:
    usable(folder, spoil(to_toml(job)))


@odd_job
@examples(max_examples=OFTEN)
@given(name=st.sampled_from(sorted(Job.model_fields)), text=st.one_of(WORDS, VALUES.map(str)))
def test_an_environment_variable_is_used_or_refused(folder: Path, name: str, text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(f"SCN_LOADER_{name.upper()}", text.replace("\0", "0"))
        usable(folder, to_toml({key: value for key, value in VALID.items() if key != name}))


def plan_is_read(folder: Path, name: str, content: bytes) -> bool:
    """Return whether a fault plan can be used; what the command does not turn into a block fails the test."""
    file = folder / name
    file.write_bytes(content)
    try:
        FaultPlan.from_file(file)
    except ValueError:
        return False
    return True


@odd_plan
@examples(max_examples=OFTEN)
@given(plan=PLANS, spoil=SPOILED)
def test_a_fault_plan_is_used_or_refused(folder: Path, plan: dict[str, Any], spoil: Spoil) -> None:
    plan_is_read(folder, "plan.toml", spoil(to_toml(plan)))
    plan_is_read(folder, "plan.json", spoil(json.dumps(plan, default=str).encode()))


@odd_plan
@pytest.mark.soak
@pytest.mark.timeout(600)
@examples(max_examples=2000)
@given(plan=PLANS, spoil=SPOILED)
def test_many_fault_plans_are_used_or_refused(folder: Path, plan: dict[str, Any], spoil: Spoil) -> None:
    plan_is_read(folder, "plan.toml", spoil(to_toml(plan)))


def test_the_examples_are_of_both_kinds(folder: Path) -> None:
    """A generator whose files are all refused at the first byte tries nothing."""
    assert usable(folder, to_toml(VALID))
    assert plan_is_read(folder, "plan.toml", to_toml({"rules": [{"fault": "reset"}]}))
    assert not usable(folder, to_toml(VALID | {"rate": True, "extract": [{}]}))
    assert not usable(folder, to_toml(VALID) + b"\nrate = " + b"9" * 5000)
