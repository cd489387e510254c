"""Windows that run over the borders of files, and events carried from slice to slice, under kills."""

import sqlite3
from contextlib import closing
from itertools import pairwise
from random import Random

import pytest

from loader.extract import open_extract
from loader.job import Job
from loader.stage_settings.extract import extract_settings
from tests.faults import judge
from tests.faults.extracts import ExtractShape, random_rows, write_extract
from tests.faults.harness import Trial
from tests.faults.kill_points import KILL_POINTS, kill_once
from tests.faults.reliability import ONCE, REPEATABLE

LARGE = ExtractShape(rows=420, groups=60, longest_text=160_000, rejected_share=0.01)
"""Rows of which a slice holds some 200, and a window all."""

SMALL = ExtractShape(rows=300, groups=40, longest_text=60, rejected_share=0.02)


def write_files(trial: Trial, chance: Random, shape: ExtractShape, files: int) -> None:
    """Write a random extract in files of any size, one of them without rows, and make the job load them."""
    rows = random_rows(chance, shape)
    cuts = sorted(chance.choices(range(len(rows) + 1), k=files - 1))
    borders = [0, *cuts, cuts[0], len(rows)] if chance.random() < 0.5 else [0, *cuts, len(rows)]
    paths = []
    for number, (start, end) in enumerate(pairwise(sorted(borders))):
        suffix = chance.choice(["csv", "parquet"])
        paths.append(str(write_extract(trial.folder / f"part-{number:02}.{suffix}", rows[start:end])))
    trial.settings["extract"] = tuple(paths)


async def survive(trial: Trial, seed: int, shape: ExtractShape, *, files: int, kills: int) -> None:
    """Kill the load at some moments, let it end, and judge."""
    chance = Random(seed)
    write_files(trial, chance, shape, files)
    trial.settings |= chance.choice(
        [
            {"pack": "group", "group_buckets": 3},
            {"pack": "group", "group_buckets": 2, "max_records": 5},
            {"pack": "group", "max_records": 4},
            {},
        ]
    )
    if shape is SMALL:
        trial.settings["window_rows"] = chance.choice([7, 40, 1000])
    async with trial.service(seed=seed, latency_seconds=0.01, latency_jitter_seconds=0.02) as emulator:
        for point in chance.choices(KILL_POINTS, k=kills):
            await kill_once(trial, emulator, chance, point)
        ended = await trial.run(emulator.url)
    assert trial.wrong(ended) == []
    assert ended.summary is not None
    assert ended.code == (1 if ended.summary["rows_rejected"] else 0)
    assert told_places(trial) == planned_places(trial)


def planned_places(trial: Trial) -> list[tuple[int, int]]:
    """Return file and row of each rejected row of the plan."""
    return sorted((row.file, row.row) for each in trial.plan().windows for row in each.rejected)


def told_places(trial: Trial) -> list[tuple[int, int]]:
    """Return file and row of each rejected row in the checkpoint."""
    with closing(sqlite3.connect(trial.checkpoint_path)) as checkpoint:
        return checkpoint.execute("SELECT file, row FROM rejected ORDER BY file, row").fetchall()


@pytest.mark.tried("SIGKILL while windows continue across files", keeps=ONCE)
@pytest.mark.parametrize("seed", range(3))
async def test_a_folder_of_small_files_survives_kills(trial: Trial, seed: int) -> None:
    """Each event is accepted once, in order, and each row is known by its own file."""
    await survive(trial, seed, SMALL, files=9, kills=3)


@pytest.mark.tried("SIGKILL between slices of a window, with open events", keeps=ONCE)
@pytest.mark.timeout(300)
async def test_carried_events_survive_kills(trial: Trial) -> None:
    """A window of several slices is planned again from its first one, and nothing of it is sent twice."""
    await survive(trial, 11, LARGE, files=4, kills=2)
    job = Job(**trial.settings)
    slices = [each.number for each in open_extract(extract_settings(job)).slices()]
    assert max(slices) > 0


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.tried("SIGKILL while windows continue across files", keeps=ONCE)
@pytest.mark.parametrize("seed", range(200, 216))
async def test_folders_survive_many_kills(trial: Trial, seed: int) -> None:
    """The same with more kills, small rows and large ones."""
    await survive(trial, seed, LARGE if seed % 4 == 0 else SMALL, files=2 + seed % 12, kills=8)


@pytest.mark.tried("An extract planned as one file and as many files", keeps=REPEATABLE)
@pytest.mark.parametrize("seed", range(4))
def test_many_files_make_the_events_of_one(trial: Trial, seed: int) -> None:
    """The division into files has no effect on the events, except for the tokens."""
    chance = Random(seed)
    rows = random_rows(chance, ExtractShape(rows=200, groups=20))
    trial.settings |= {"pack": "group", "group_buckets": 3, "window_rows": 90}
    contents = []
    for files in (1, 7):
        size = -(-len(rows) // files)
        trial.settings["extract"] = tuple(
            str(write_extract(trial.folder / f"{files}-{at:03}.csv", rows[at : at + size]))
            for at in range(0, len(rows), size)
        )
        plan = trial.plan()
        contents.append([(event.group, event.data) for event in plan.events])
        assert len({place for event in plan.events for place in judge.places_of(event)}) == len(rows)
    assert contents[0] == contents[1]
