"""The run directory is full, read-only, in use, damaged, or belongs to something else."""

import hashlib
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from signal import SIGTERM
from typing import Any

import polars as pl
import pytest

from loader.emulator import Emulator
from tests.faults.extracts import KEY, ExtractShape
from tests.faults.harness import Trial, last_requests_taken
from tests.faults.machines import LAUNCHER, can_mount, read_only_disk, small_disk
from tests.faults.reliability import REFUSED, STOPS

SHAPE = ExtractShape(rows=150, groups=150)

NAMESPACE_NEEDED = pytest.mark.skipif(not can_mount(), reason="needs a mount namespace of its own")

Damage = tuple[Callable[[Path], None], str]
Change = tuple[Callable[[Path], None] | dict[str, Any], str]
"""What is done, and a word of the error that must tell it."""

ALIVE = ("load.lock", "load.log")
"""What a refused run may touch: whom the lock belonged to last, and the log."""


async def half_delivered(trial: Trial, emulator: Emulator) -> None:
    """Begin a load, kill it in the middle, and let the emulator take the requests that it had sent."""
    run = await trial.start(emulator.url)
    assert await run.until(lambda: emulator.summary()["accepted"] >= 30)
    await run.kill()
    await last_requests_taken(emulator)


def fingerprint(folder: Path) -> dict[str, str]:
    """Return the content of a folder, by name."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.iterdir()
        if path.name not in ALIVE
    }


@pytest.mark.tried("The disk is full while the checkpoint is written", keeps=STOPS)
async def test_a_full_disk_stops_the_load(trial: Trial) -> None:
    """A refused write stops the load with exit code 5; with room the same command resumes."""
    trial.write_extract(21, SHAPE)
    trial.known_rate = None  # a slow start commits more often, and so its log fills the disk
    async with trial.service(latency_seconds=0.01) as emulator:
        limit = {"FAULTS_FILE_LIMIT_BYTES": "120000", "PYTHONDONTWRITEBYTECODE": "1"}
        stopped = await trial.run(emulator.url, launcher=LAUNCHER, **limit)
        assert stopped.code == 5, stopped.err
        assert "The checkpoint could not be written" in stopped.err
        assert "run the same command again" in stopped.err
        assert 0 < emulator.summary()["accepted"] < SHAPE.rows
        ended = await trial.run(emulator.url)
    assert trial.wrong(ended) == []
    assert ended.code == 0


@pytest.mark.soak
@NAMESPACE_NEEDED
@pytest.mark.tried("The disk is full while the checkpoint is written", keeps=STOPS)
async def test_a_small_disk_stops_the_load(trial: Trial) -> None:
    """The same on a file system without a free byte: what lies on it then is enough to resume."""
    trial.write_extract(22, SHAPE)
    trial.known_rate = None
    kept = trial.folder / "kept"
    async with trial.service(latency_seconds=0.01) as emulator:
        stopped = await trial.run(emulator.url, launcher=small_disk(trial.run_dir, kept, "200k"))
        assert stopped.code == 5, stopped.err
        assert 0 < emulator.summary()["accepted"] < SHAPE.rows
        trial.run_dir.rmdir()
        kept.rename(trial.run_dir)
        ended = await trial.run(emulator.url)
    assert trial.wrong(ended) == []
    assert ended.code == 0


@NAMESPACE_NEEDED
@pytest.mark.tried("The run directory is read-only", keeps=REFUSED)
async def test_a_read_only_run_directory_is_refused(trial: Trial) -> None:
    """Nothing is sent that could not be written down; once it is writable the same command resumes."""
    trial.write_extract(23, SHAPE)
    async with trial.service() as emulator:
        await half_delivered(trial, emulator)
        attempts = emulator.summary()["attempts"]
        refused = await trial.run(emulator.url, launcher=read_only_disk(trial.run_dir))
        assert (refused.code, emulator.summary()["attempts"]) == (2, attempts)
        assert "--run-dir" in refused.err
        ended = await trial.run(emulator.url)
    assert trial.wrong(ended) == []
    assert ended.code == 0


@pytest.mark.tried("A second process on the same run directory", keeps=REFUSED)
async def test_a_second_process_is_refused(trial: Trial) -> None:
    """The second one names the first and leaves it in peace."""
    trial.write_extract(24, SHAPE)
    async with trial.service() as emulator:
        first = await trial.start(emulator.url, "--rate", "1")  # it would take minutes, however slow we are
        assert await first.until(lambda: emulator.summary()["accepted"] > 0)
        second = await trial.run(emulator.url)
        assert not first.is_over
        assert second.code == 2
        assert f"process {first.pid}" in second.err
        first.signal(SIGTERM)
        assert (await first.wait()).code == 143
        ended = await trial.run(emulator.url)
    assert trial.wrong(ended) == []
    assert ended.code == 0


def cut(run_dir: Path) -> None:
    path = run_dir / "checkpoint.sqlite"
    path.write_bytes(path.read_bytes()[:20_000])


def garble(run_dir: Path) -> None:
    """Garble pages of one table that nothing reads at the start but a look at the whole."""
    path = run_dir / "checkpoint.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'rejected'").fetchone()
    with path.open("r+b") as file:
        file.seek(4096 * (page - 1))
        file.write(b"\xa5" * 4096)


def empty(run_dir: Path) -> None:
    (run_dir / "checkpoint.sqlite").write_bytes(b"")


def another_program(run_dir: Path) -> None:
    (run_dir / "checkpoint.sqlite").unlink()
    with closing(sqlite3.connect(run_dir / "checkpoint.sqlite")) as connection:
        connection.execute("CREATE TABLE load (id TEXT)")


def newer(run_dir: Path) -> None:
    with closing(sqlite3.connect(run_dir / "checkpoint.sqlite")) as connection:
        connection.execute("PRAGMA user_version = 99")


DAMAGES = [(garble, "damaged"), (newer, "newer version")]
MORE_DAMAGES = [
    (cut, "damaged"),
    (empty, "damaged"),
    (another_program, "not a checkpoint of this loader"),
]


@pytest.mark.tried(
    "A checkpoint that is truncated, overwritten, empty, of another program, or newer", keeps=REFUSED
)
@pytest.mark.parametrize("damages", [DAMAGES, pytest.param(MORE_DAMAGES, marks=pytest.mark.soak)])
async def test_a_checkpoint_that_cannot_be_trusted_is_refused(trial: Trial, damages: list[Damage]) -> None:
    """Each kind of damage is reported with a next step; after a repair, the load continues."""
    trial.write_extract(25, SHAPE)
    good = trial.folder / "good"
    async with trial.service() as emulator:
        await half_delivered(trial, emulator)
        shutil.copytree(trial.run_dir, good)
        attempts = emulator.summary()["attempts"]
        for damage, words in damages:
            put_back(trial.run_dir, good)
            # What the killed run left beside the file belongs to it; only the file itself is damaged.
            for part in trial.run_dir.glob("checkpoint.sqlite-*"):
                part.unlink()
            damage(trial.run_dir)
            before = fingerprint(trial.run_dir)
            refused = await trial.run(emulator.url)
            assert (refused.code, emulator.summary()["attempts"]) == (2, attempts), damage
            assert words in refused.err, damage
            assert "next:" in refused.err
            assert fingerprint(trial.run_dir) == before, damage
        put_back(trial.run_dir, good)
        ended = await trial.run(emulator.url)
    assert trial.wrong(ended) == []
    assert ended.code == 0


def put_back(run_dir: Path, good: Path) -> None:
    """Restore a run directory from a copy."""
    shutil.rmtree(run_dir)
    shutil.copytree(good, run_dir)


def longer(extract: Path) -> None:
    with extract.open("a") as file:
        file.write("R99999,999999,more\n")


def of_the_same_size(extract: Path) -> None:
    content = extract.read_bytes()
    extract.write_bytes(content[:-2] + (b"X" if content[-2:-1] != b"X" else b"Y") + content[-1:])


CHANGES: list[Change] = [
    (of_the_same_size, "other content of the same size"),
    ({"group_by": ("reservation_detail_id",)}, "setting group_by"),
]
MORE_CHANGES: list[Change] = [
    (longer, "bytes then"),
    ({"pack": "group"}, "setting pack"),
    ({"window_rows": 17}, "window_rows"),
]


@pytest.mark.tried("The extract or a plan setting changed after the load began", keeps=REFUSED)
@pytest.mark.parametrize("changes", [CHANGES, pytest.param(MORE_CHANGES, marks=pytest.mark.soak)])
async def test_another_extract_or_other_settings_are_refused(trial: Trial, changes: list[Change]) -> None:
    """Each difference is named; with the extract and settings of the beginning the load goes on."""
    trial.write_extract(26, SHAPE)
    extract = Path(trial.settings["extract"][0])
    original = shutil.copyfile(extract, trial.folder / "original")
    settings = dict(trial.settings)
    async with trial.service() as emulator:
        await half_delivered(trial, emulator)
        attempts, before = emulator.summary()["attempts"], fingerprint(trial.run_dir)
        for change, words in changes:
            if isinstance(change, dict):
                trial.settings |= change
            else:
                change(extract)
            refused = await trial.run(emulator.url)
            assert (refused.code, emulator.summary()["attempts"]) == (2, attempts), words
            assert words in refused.err
            # Another extract may take the place of the unfinished load; other settings make another load.
            way_out = "--restart" if isinstance(change, dict) else "--unfinished supersede"
            assert way_out in refused.err
            assert fingerprint(trial.run_dir) == before, words
            trial.settings = dict(settings)
            shutil.copyfile(original, extract)
        ended = await trial.run(emulator.url)
    assert trial.wrong(ended) == []
    assert ended.code == 0


@pytest.mark.soak
@pytest.mark.tried("The log of the checkpoint is truncated at any byte, as after a power loss", keeps=STOPS)
@pytest.mark.parametrize("size", [0, 1, 31, 32, 33, 56, 4151, 4152, 4153, 9000, 20_000, 40_000])
async def test_a_cut_log_costs_nothing_but_sending_again(trial: Trial, size: int) -> None:
    """Whatever the write-ahead log lost, the load resumes and delivers each event once."""
    trial.write_extract(27, SHAPE)
    async with trial.service() as emulator:
        await half_delivered(trial, emulator)
        log = trial.checkpoint_path.with_name("checkpoint.sqlite-wal")
        log.write_bytes(log.read_bytes()[:size])
        ended = await trial.run(emulator.url)
    assert trial.wrong(ended) == []
    assert ended.code == 0, ended.err


@NAMESPACE_NEEDED
@pytest.mark.tried("The disk has less room than the checkpoint needs", keeps=REFUSED)
async def test_a_disk_that_the_checkpoint_cannot_fit_on_is_refused(trial: Trial) -> None:
    """A Parquet file tells its rows: 60,000 receipts do not fit on 300 KiB, and nothing is sent."""
    path = trial.folder / "many.parquet"
    keys = [f"R{number:06d}" for number in range(60_000)]
    pl.DataFrame({KEY[0]: keys, KEY[1]: "1"}).write_parquet(path)
    trial.settings["extract"] = (str(path),)
    async with trial.service() as emulator:
        kept = trial.folder / "kept"
        refused = await trial.run(emulator.url, launcher=small_disk(trial.run_dir, kept, "300k"))
        assert emulator.summary()["attempts"] == 0
    assert refused.code == 2, refused.err
    assert "too little room for the checkpoint" in refused.err
