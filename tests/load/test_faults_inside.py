"""Faults of the loader or a library at each stage of a load, of whatever class: never a false "done"."""

import asyncio
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import polars as pl
import pytest

from loader.delivery.rate.memory import RateMemory, Remembered
from loader.emulator import ACCESS_KEY_ID, EmulatorSettings, running_emulator
from loader.errors import ExitCode, ExtractError, UnhandledCase
from loader.job import Job, read_job
from loader.loading.api import run_to_end
from loader.loading.observers import Ending
from tests.load.faulty_parts import (
    BEFORE_SENDING,
    STAGES,
    FaultPlan,
    emulator_key,
    faulty_observers,
    faulty_parts,
)

ROWS = 60
WINDOW_ROWS = 10
INSTANCE = "8928ae12-15e5-4441-825d-ec2184f0a43a"


def panic() -> BaseException:
    return pl.exceptions.PanicException("a value that was a secret")


FAULTS = {
    "panic": panic,
    "exit": lambda: SystemExit(0),
    "cancelled": asyncio.CancelledError,
    "error": lambda: ValueError("a value that was a secret"),
}


@pytest.fixture(scope="module")
def emulator_url() -> Iterator[str]:
    """An emulator on an event loop of its own: each load of these tests makes and closes one."""
    running: queue.Queue[tuple[str, Callable[[], object]]] = queue.Queue()

    async def emulate() -> None:
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        async with running_emulator(EmulatorSettings()) as emulator:
            running.put((emulator.url, lambda: loop.call_soon_threadsafe(ended.set)))
            await ended.wait()

    thread = threading.Thread(target=asyncio.run, args=(emulate(),))
    thread.start()
    url, end = running.get(timeout=20)
    yield url
    end()
    thread.join()


@pytest.fixture
def job(emulator_url: str, environment: dict[str, str], tmp_path: Path) -> Job:
    RateMemory(emulator_url, ACCESS_KEY_ID, INSTANCE).remember(Remembered(1000.0), time.time())
    path = tmp_path / "r.csv"
    lines = [f"{tmp_path.name}-{row},1" for row in range(ROWS)]
    path.write_text("\n".join(["reservation_id,reservation_detail_id", *lines, ""]))
    return read_job(
        extract=[str(path)],
        event_type="scn.data.reservation",
        instance_id=INSTANCE,
        endpoint_url=emulator_url,
        run_dir=tmp_path / "run",
        window_rows=WINDOW_ROWS,
        pack="group",
        group_buckets=1,
        drain_seconds=5,
    )


def is_needed(stage: str, kind: str) -> bool:
    """Return whether a trial is part of every test run: one of each stage, and one of each kind of task."""
    own_way = {("open client", "exit"), ("progress", "cancelled")}  # through the loop, and at the end
    return kind == "panic" or stage in ("convert", "mark", "attempt") or (stage, kind) in own_way


def run(job: Job, plan: FaultPlan) -> Ending:
    return run_to_end(job, faulty_observers(plan), credentials=emulator_key(), parts=faulty_parts(plan))


@pytest.mark.parametrize(
    ("stage", "kind"),
    [
        pytest.param(stage, kind, marks=() if is_needed(stage, kind) else pytest.mark.soak)
        for stage in STAGES
        for kind in FAULTS
        # A cancelled opening is a cancelled load.
        if not (stage in BEFORE_SENDING and kind == "cancelled")
    ],
)
def test_a_fault_at_any_stage_ends_as_a_bug_and_the_next_run_resumes(
    job: Job, tmp_path: Path, stage: str, kind: str
) -> None:
    """Its class does not matter: the load says that it is not done, and the next run does the rest, once."""
    plan = FaultPlan(stage, FAULTS[kind])
    if stage in BEFORE_SENDING:
        with pytest.raises(UnhandledCase if kind != "error" else ValueError):
            run(job, plan)
    else:
        ending = run(job, plan)
        assert ending.summary.exit_code == ExitCode.BUG
        assert isinstance(ending.error, UnhandledCase)
        assert "secret" not in ending.error.block()
    assert plan.raised
    if stage == "attempt":  # what was in flight has no outcome: without its mark its doubt would be lost
        with closing(sqlite3.connect(tmp_path / "run" / "checkpoint.sqlite")) as connection:
            assert connection.execute("SELECT count(*) FROM marks").fetchone() != (0,)
    again = run(job, FaultPlan()).summary
    assert (again.exit_code, again.records) == (ExitCode.DELIVERED, ROWS)
    assert (again.files_total, again.files_read_whole, again.rows_expected) == (1, 1, ROWS)


@pytest.mark.parametrize("stage", ["read later window", "after last window", "convert", "pack"])
def test_ctrl_c_that_a_library_raises_in_the_planning_thread_is_a_fault(job: Job, stage: str) -> None:
    """Python never raises Ctrl-C in that thread; such an exception must not count as Ctrl-C."""
    ending = run(job, FaultPlan(stage, KeyboardInterrupt))
    assert ending.summary.exit_code == ExitCode.BUG


@pytest.mark.parametrize(
    ("stage", "code"),
    [("read first window", ExitCode.REFUSED), ("read later window", ExitCode.STOPPED_RESUMABLE)],
)
def test_an_extract_that_turns_out_bad_is_refused_only_if_nothing_was_sent(
    job: Job, stage: str, code: ExitCode
) -> None:
    """2 means "refused before sending": once something was sent the load is resumable, and ends with 5."""
    plan = FaultPlan(stage)

    def damaged() -> ExtractError:
        assert stage == "read first window" or plan.sent.wait(30)
        return ExtractError("A file of the extract is damaged.")

    plan.fault = damaged
    ending = run(job, plan)
    assert ending.summary.exit_code == code
    # A later run that sends nothing itself still knows that an earlier one did.
    again = run(job, FaultPlan("read first window", lambda: ExtractError("Damaged.")))
    assert again.summary.exit_code == code


def test_a_reader_that_ends_early_without_a_word_is_found(job: Job) -> None:
    """The third equation detects windows that are missing at the end."""
    summary = run(job, FaultPlan("end early")).summary
    assert summary.exit_code == ExitCode.BUG
    assert summary.violations() == ["files_total 1 is not files_read_whole 0"]
    run_dir = job.run_dir or Path()
    with closing(sqlite3.connect(run_dir / "checkpoint.sqlite")) as checkpoint:
        assert checkpoint.execute("SELECT complete FROM runs").fetchall() == [(0,)]
