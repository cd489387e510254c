"""Checkpoints whose parts disagree, run directories that go away, and restarts that are killed half-way."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from loader.checkpoint.file_names import CHECKPOINT_NAME
from loader.checkpoint.start.archiving import ARCHIVING_NAME
from tests.faults.extracts import ExtractShape
from tests.faults.harness import Trial
from tests.faults.reliability import ONCE, STOPS

SHAPE = ExtractShape(rows=200, groups=60)

Tear = Callable[[sqlite3.Connection], object]

TEARS: dict[str, Tear] = {
    "counts too high": lambda file: file.execute("UPDATE windows SET accepted = events"),
    "counts too low": lambda file: file.execute("UPDATE windows SET accepted = accepted / 2"),
    "receipts lost": lambda file: file.execute("UPDATE receipts SET event_ids = zeroblob(length(event_ids))"),
    "receipts of a window gone": lambda file: file.execute("DELETE FROM receipts WHERE window = 0"),
    "a window gone": lambda file: file.execute("DELETE FROM windows WHERE number = 0"),
    "rows of accepted events": lambda file: file.execute(
        "INSERT INTO events (state, window, event_index, file, code, message, attempts, run)"
        " SELECT 'failed', 0, 0, 0, 'X', '', 1, 1 WHERE NOT EXISTS"
        " (SELECT 1 FROM events WHERE window = 0 AND event_index = 0)"
    ),
}


async def killed(trial: Trial, url: str, accepted: Callable[[], int], *flags: str) -> None:
    """Run the command and kill it when some events are accepted."""
    run = await trial.start(url, *flags)
    assert await run.until(lambda: accepted() >= 60)
    await run.kill()


@pytest.mark.tried("The parts of a checkpoint are inconsistent: lost counts, receipts or windows", keeps=ONCE)
@pytest.mark.parametrize(
    "tear",
    [
        pytest.param(tear, marks=() if name in ("counts too high", "a window gone") else pytest.mark.soak)
        for name, tear in TEARS.items()
    ],
    ids=list(TEARS),
)
async def test_a_torn_checkpoint_can_be_finished(trial: Trial, tear: Tear) -> None:
    """What was accepted is known or in doubt, what was not is sent; each event is accepted once."""
    trial.settings |= {"window_rows": 40, "rate": 200}
    trial.write_extract(81, SHAPE)
    async with trial.service(latency_seconds=0.02) as emulator:
        await killed(trial, emulator.url, lambda: emulator.summary()["accepted"])
        with closing(sqlite3.connect(trial.checkpoint_path, isolation_level=None)) as file:
            tear(file)
        ended = await trial.run(emulator.url, "--rate", "5000")
    assert ended.code == 0, ended.words
    assert "do not agree" in ended.words
    assert trial.wrong(ended) == []


@pytest.mark.tried("The log of a checkpoint is copied before its database", keeps=ONCE)
async def test_a_copy_that_was_not_taken_at_one_moment(trial: Trial) -> None:
    """The copy is refused as damaged, or resumed and finished: no event is lost."""
    trial.settings |= {"window_rows": 40, "rate": 200}
    trial.write_extract(82, SHAPE)
    log = trial.checkpoint_path.with_name(f"{CHECKPOINT_NAME}-wal")
    async with trial.service(latency_seconds=0.02) as emulator:
        await killed(trial, emulator.url, lambda: emulator.summary()["accepted"])
        old = trial.folder / "old-wal"
        shutil.copyfile(log, old)
        run = await trial.start(emulator.url)
        assert await run.until(lambda: emulator.summary()["accepted"] >= 120)
        await run.kill()
        shutil.copyfile(old, log)
        log.with_name(f"{CHECKPOINT_NAME}-shm").unlink(missing_ok=True)
        ended = await trial.run(emulator.url, "--rate", "5000")
        if ended.code == 2:
            assert "damaged" in ended.err
            ended = await trial.run(emulator.url, "--rate", "5000", "--restart")
            assert ended.code == 0
            return  # of another generation: what was accepted before is accepted again
    assert ended.code == 0, ended.words
    assert trial.wrong(ended) == []


@pytest.mark.tried("The run directory is deleted during a load", keeps=STOPS)
async def test_a_deleted_run_directory_stops_the_load(trial: Trial) -> None:
    """Nothing more is sent than was marked, and the exit code is 5."""
    trial.settings |= {"rate": 100}
    trial.write_extract(83, SHAPE)
    async with trial.service() as emulator:
        run = await trial.start(emulator.url)
        assert await run.until(lambda: emulator.summary()["accepted"] >= 40)
        shutil.rmtree(trial.run_dir)
        ended = await run.wait()
        assert ended.code == 5, ended.words
        assert "removed" in ended.err
        again = await trial.run(emulator.url, "--rate", "5000")
    assert again.code == 0, again.words
    assert trial.wrong(again) == []


@pytest.mark.tried("--restart is killed after any of its renames", keeps=STOPS)
@pytest.mark.parametrize("step", [0, 1, 2, 3])
async def test_a_restart_that_was_killed_is_finished(trial: Trial, step: int) -> None:
    """The next run begins a new load with any flags; the old checkpoint is complete under its other name."""
    trial.settings |= {"rate": 200}
    trial.write_extract(84, ExtractShape(rows=80, groups=30))
    async with trial.service() as emulator:
        await killed(trial, emulator.url, lambda: emulator.summary()["accepted"])
        rejected = trial.run_dir / "rejected"
        rejected.mkdir()
        half_way(trial.run_dir, step)
        ended = await trial.run(emulator.url, "--rate", "5000")
        assert ended.code == 0, ended.words
    assert not rejected.exists()
    assert not (trial.run_dir / ARCHIVING_NAME).exists()
    kept = trial.run_dir / "checkpoint-killed.sqlite"
    with closing(sqlite3.connect(kept)) as file:
        assert file.execute("PRAGMA quick_check").fetchone() == ("ok",)
        assert file.execute("SELECT sum(accepted) > 0 FROM windows").fetchone() == (1,)


def half_way(run_dir: Path, steps: int) -> None:
    """Leave a run directory as a restart does that is killed after so many renames."""
    (run_dir / ARCHIVING_NAME).write_text("killed")
    renames = [("", ""), ("-wal", "-wal"), ("-shm", "-shm")]
    for old, new in renames[:steps]:
        part = run_dir / f"{CHECKPOINT_NAME}{old}"
        if part.exists():
            part.rename(run_dir / f"checkpoint-killed.sqlite{new}")
