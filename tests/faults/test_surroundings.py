"""Whatever is around a run, its end is one of those documented, and depends on the load alone."""

import asyncio
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from random import Random

import orjson
import pytest

from loader.checkpoint.start.lock import LOCK_NAME
from loader.emulator import Emulator
from tests.faults.copied_run_dirs import COPIES, SHAPE, TEARS, KilledLoad, killed_load
from tests.faults.extracts import random_rows, write_extract
from tests.faults.harness import Trial
from tests.faults.loader_run import Ended, LoaderRun
from tests.faults.reliability import SURROUNDED
from tests.faults.surroundings import (
    CODES,
    DISKS,
    LIMITS,
    STAGES,
    TOO_LITTLE_FOR_A_SUMMARY,
    TOO_LITTLE_MEMORY,
    Surroundings,
    clear,
    draw,
    heeds_signals,
    prepare,
)
from tests.faults.test_run_dir import fingerprint
from tests.prepared.starts import COMMAND

DRAWS_AT_ONCE = 10

SEEDS = range(50)

USUAL = {
    "copied": (248, 17, 75, 182, 357, 219, 416, 417, 423, 301),
    "new": (337, 78, 122, 194, 268, 498, 108, 173, 196, 208, 333),
    "first": tuple(range(10)),
    "second": (*range(10, 17), 18, 19),
}
"""The forty draws of each run of the tests. Together they hold each part that there is."""

DRAWS = {
    **USUAL,
    **{str(seed): tuple(range(seed * DRAWS_AT_ONCE, (seed + 1) * DRAWS_AT_ONCE)) for seed in SEEDS},
}
"""Draws by the name of a test: draw 17 is the one with number 7 of those with seed 1."""

TESTS = [
    pytest.param(draws, id=name, marks=() if name in USUAL else pytest.mark.soak)
    for name, draws in DRAWS.items()
]

RESUMABLE = (0, 5, 130, 143)


@pytest.fixture(scope="session")
def killed_loads() -> list[KilledLoad]:
    """The load that was killed, once a draw has needed it."""
    return []


@pytest.mark.timeout(300)
@pytest.mark.tried(
    "Random combinations of streams, HOME, user, limits, encodings, names, clocks, small disks, copied and "
    "incomplete run directories, other files in them, and signals at each stage",
    keeps=SURROUNDED,
)
@pytest.mark.parametrize("draws", TESTS)
async def test_surroundings_do_not_decide(
    new_trial: Callable[[], Trial],
    tmp_path_factory: pytest.TempPathFactory,
    killed_loads: list[KilledLoad],
    draws: Sequence[int],
) -> None:
    """The laws are judged on each draw, and every fifth is run again in ordinary surroundings."""
    found = []
    for place, number in enumerate(draws):
        around = drawn(number).here()
        trial = new_trial()
        trial.counts["surroundings"] += 1
        put_up(trial, around)
        if any(around.copied):
            if not killed_loads:
                killed_loads.append(await killed_load(tmp_path_factory.mktemp("killed")))
            killed_loads[0].put_into(trial, *around.copied, Random(number))
        wrong = await tried(trial, around, again=place % 5 == 0)
        if wrong:
            found.append(f"draw {number}: {around}: " + "; ".join(wrong))
    assert found == [], "\n".join(found)


def drawn(number: int) -> Surroundings:
    """Return the draw with this number."""
    seed, earlier = divmod(number, DRAWS_AT_ONCE)
    chance = Random(seed)
    return [draw(chance) for _ in range(earlier + 1)][-1]


def put_up(trial: Trial, around: Surroundings) -> None:
    """Write the extract, and prepare the run directory."""
    victim = trial.folder / "victim"
    victim.touch(mode=0o600)
    victim.write_text("mine")
    named = trial.folder / around.name.decode(errors="surrogateescape")
    extract = trial.folder / "extract.csv"
    write_extract(extract, random_rows(Random(1), SHAPE))
    extract.rename(named)
    trial.settings["extract"] = (str(named),)
    place, thing = around.prepared
    if place:
        prepare(trial.run_dir, place, thing, victim)


async def tried(trial: Trial, around: Surroundings, *, again: bool) -> list[str]:
    """Run a load in its surroundings, and return what was wrong."""
    before = fingerprint(trial.run_dir) if any(around.copied) else {}
    async with trial.service() as emulator:
        sent = emulator.summary()["attempts"]
        ended = await in_surroundings(trial, emulator, around)
        sent = emulator.summary()["attempts"] - sent
        found = wrong(ended, around, sent)
        is_said = "nothing in it was changed" in ended.err
        if any(around.copied) and is_said and fingerprint(trial.run_dir) != before:
            found.append("refused, but the run directory was changed")
    if (trial.folder / "victim").read_text() != "mine":
        found.append("a file behind a link was changed")
    # A copy may be older than the ledger: a run that is stopped at its start cannot know what was sent since.
    was_opened = ended.summary is not None and ended.summary["run_dir"] and not any(around.copied)
    if ended.code == 0 or (was_opened and ended.code != 2):
        found += trial.wrong(ended if ended.summary else None, complete=ended.code == 0)
    found = [f"{each} (exit code {ended.code}: {ended.err[-700:]})" for each in found]
    if again and not found and ended.code in RESUMABLE:
        found += await run_again(trial, around)
    return found


async def in_surroundings(trial: Trial, emulator: Emulator, around: Surroundings) -> Ended:
    """Run the load, send the signals, and return how it ended."""
    pid_file, kept = trial.folder / "pid", trial.folder / "kept"
    run = await trial.start(
        emulator.url,
        *around.flags,
        launcher=around.launcher(COMMAND, trial.run_dir, pid_file, kept),
        PYTHONDONTWRITEBYTECODE="1",  # a limit of the size of files holds for these as well
        **around.encoding,
    )
    if around.signals and await has_come(around.stage, run, trial, emulator, pid_file):
        await asyncio.sleep(around.after_seconds)
        for signal in around.signals:
            if not run.is_over:
                with suppress(ProcessLookupError):
                    os.kill(pid_of(pid_file), signal)
            await asyncio.sleep(0.1)
    ended = await run.wait()
    if around.disk:  # it is gone with the process
        trial.run_dir.rmdir()
        kept.rename(trial.run_dir)
    await emulator.flush()
    return ended


async def has_come(stage: str, run: LoaderRun, trial: Trial, emulator: Emulator, pid_file: Path) -> bool:
    """Wait for a stage; return False if the run ended before it."""
    if not await run.until(lambda: heeds_signals(pid_of(pid_file))):
        return False
    accepted = emulator.summary()["accepted"]
    lock = trial.run_dir / LOCK_NAME
    is_reached = {
        "importing": lambda: True,
        "opening": lambda: lock.is_file() and lock.read_text().startswith(str(pid_of(pid_file))),
        "sending": lambda: emulator.summary()["accepted"] >= accepted + SHAPE.rows // 4,
        "ending": lambda: run.has_summary,
    }
    return await run.until(is_reached[stage])


def pid_of(pid_file: Path) -> int:
    """Return the process of the command, or 0 before it is known."""
    return int(pid_file.read_text() or 0) if pid_file.exists() else 0


async def run_again(trial: Trial, around: Surroundings) -> list[str]:
    """Run the load in ordinary surroundings, and return what was wrong."""
    place, thing = around.prepared
    if place and thing != "rubbish":
        clear(trial.run_dir, place)
    async with trial.service() as emulator:
        last = await trial.run(emulator.url)
    if any(around.copied) and last.code == 2 and "damaged" in last.err:
        return []
    if around.name.decode(errors="replace").encode() != around.name:  # polars and SQLite take only UTF-8
        is_refused = last.code == 2 and "The name of a file cannot be used" in last.err
        return [] if is_refused else [f"a name that is not UTF-8: exit code {last.code}: {last.err[-1000:]}"]
    if last.code != 0:
        return [f"run again: exit code {last.code}: {last.err[-1000:]}"]
    return trial.wrong(last)


def wrong(ended: Ended, around: Surroundings, sent: int) -> list[str]:
    """Return what was wrong with the end of a run."""
    found = []
    if ended.code not in CODES:
        found.append(f"exit code {ended.code}: {ended.err[-1500:]}")
    if "Fatal Python error" in ended.err or ("Traceback" in ended.err and "--debug" not in around.flags):
        found.append(f"a traceback: {ended.err[-1500:]}")
    if "\x1b" in ended.words:
        found.append("a terminal escape passed through")
    if around.limits != TOO_LITTLE_FOR_A_SUMMARY:
        # A second signal leaves at once: the summary may be missing, but is never that of an earlier run.
        if ended.summary is None and len(around.signals) < 2:
            found.append(f"no summary (exit code {ended.code}): {ended.err[-1500:]}")
        elif ended.summary is not None and ended.summary["exit_code"] != ended.code:
            found.append(f"exit code {ended.code}, but the summary says {ended.summary['exit_code']}")
    if ended.code == 2 and sent:
        found.append(f"refused, but {sent} events were sent")
    if around.limits in TOO_LITTLE_MEMORY and not around.signals and ended.code != 2:
        found.append(f"too little memory, but exit code {ended.code}")
    return found


def parts(around: Surroundings) -> set[tuple[str, object]]:
    """Return the judged parts of a draw: too little memory refuses a run, unless a signal ends it."""
    if around.limits in TOO_LITTLE_MEMORY:
        return set() if around.signals else {("limits", around.limits)}
    values = {each.name: getattr(around, each.name) for each in fields(around)}
    del values["after_seconds"]
    values |= {"place": around.prepared[0], "thing": around.prepared[1], "encoding": str(around.encoding)}
    values |= {"copy": around.copied[0], "tear": around.copied[1]}
    del values["prepared"], values["copied"]
    if around.signals:
        values["first signal at"] = around.signals[0], around.stage
    else:
        del values["stage"]
    return set(values.items())


def test_each_run_tries_every_part() -> None:
    """What any of the draws holds is in one of those that each run of the tests tries."""
    usual, whole = (
        set[object]().union(*(parts(drawn(each)) for draws in groups.values() for each in draws))
        for groups in (USUAL, DRAWS)
    )
    assert usual == whole


def test_the_same_seed_draws_the_same() -> None:
    """A finding can be had again, and 500 draws hold every kind of each part."""
    draws = [draw(Random(seed)) for seed in range(500)]
    assert draws == [draw(Random(seed)) for seed in range(500)]
    assert len({each.name for each in draws}) == 8
    assert {each.prepared[1] for each in draws} >= {"link", "fifo", "folder", "rubbish"}
    assert {each.disk for each in draws} >= set(DISKS)
    assert {each.copied[0] for each in draws} >= set(COPIES)
    assert {each.copied[1] for each in draws} >= set(TEARS)
    assert {each.stage for each in draws if each.signals} == set(STAGES)
    assert {each.limits for each in draws} == set(LIMITS)
    assert orjson.dumps([each.streams for each in draws])
