"""Whatever is around a run, its end is one of those documented, and depends on the load alone."""

import asyncio
from collections.abc import Callable
from random import Random

import orjson
import pytest

from tests.faults.extracts import ExtractShape, random_rows, write_extract
from tests.faults.harness import Trial
from tests.faults.loader_run import Ended
from tests.faults.reliability import SURROUNDED
from tests.faults.surroundings import CODES, Surroundings, clear, draw, heeds_signals, prepare
from tests.prepared.starts import COMMAND

SHAPE = ExtractShape(rows=30, groups=30)

DRAWS_AT_ONCE = 10

SEEDS = [*range(2), *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(2, 50))]


@pytest.mark.tried(
    "Streams, HOME, limits, encodings, names, signals and what lies in the run directory, drawn at random",
    keeps=SURROUNDED,
)
@pytest.mark.parametrize("seed", SEEDS)
async def test_surroundings_do_not_decide(new_trial: Callable[[], Trial], seed: int) -> None:
    """Ten draws; the laws are judged on each, and one of them is run again in ordinary surroundings."""
    chance = Random(seed)
    for number in range(DRAWS_AT_ONCE):
        around = draw(chance)
        found = await tried(new_trial(), around, again=number == 0)
        assert found == [], (seed, number, around)


async def tried(trial: Trial, around: Surroundings, *, again: bool) -> list[str]:
    """Run a load in its surroundings, and return what was wrong."""
    victim = trial.folder / "victim"
    victim.touch(mode=0o600)
    victim.write_text("mine")
    extract = trial.folder / "extract.csv"
    write_extract(extract, random_rows(Random(1), SHAPE))
    named = trial.folder / around.name.decode(errors="surrogateescape")
    extract.rename(named)
    trial.settings["extract"] = (str(named),)
    place, thing = around.prepared
    if place:
        prepare(trial.run_dir, place, thing, victim)
    async with trial.service() as emulator:
        run = await trial.start(
            emulator.url,
            *around.flags,
            launcher=(*around.launcher, *COMMAND),
            CODE_FILE=str(trial.folder / "code"),
            PYTHONDONTWRITEBYTECODE="1",  # a limit of the size of files holds for these as well
            **around.encoding,
        )
        if around.signals:
            await run.until(lambda: heeds_signals(run.pid))
            await asyncio.sleep(around.after_seconds)
        for signal in around.signals:
            run.signal(signal)
            await asyncio.sleep(0.1)
        ended = await run.wait()
        await emulator.flush()
        found = wrong(ended, around, emulator.summary()["accepted"])
        if victim.read_text() != "mine":
            found.append("a file behind a link was changed")
        if again and not found and ended.code in (0, 5, 130, 143):
            if place and thing != "rubbish":
                clear(trial.run_dir, place)
            last = await trial.run(emulator.url)
            found += [] if last.code == 0 else [f"run again: exit code {last.code}: {last.err[-1000:]}"]
    if again and not found and ended.code in (0, 5, 130, 143):
        found += trial.wrong(last)
    return found


def wrong(ended: Ended, around: Surroundings, accepted: int) -> list[str]:
    """Return what was wrong with the end of a run."""
    found = []
    if ended.code not in CODES:
        found.append(f"exit code {ended.code}: {ended.err[-1500:]}")
    if "Fatal Python error" in ended.err or ("Traceback" in ended.err and "--debug" not in around.flags):
        found.append(f"a traceback: {ended.err[-1500:]}")
    if "\x1b" in ended.words:
        found.append("a terminal escape passed through")
    if "-f 40" not in around.limits:  # too little for a summary
        # A second signal leaves at once: the summary may be missing, but is never that of an earlier run.
        if ended.summary is None and len(around.signals) < 2:
            found.append(f"no summary (exit code {ended.code}): {ended.err[-1500:]}")
        elif ended.summary is not None and ended.summary["exit_code"] != ended.code:
            found.append(f"exit code {ended.code}, but the summary says {ended.summary['exit_code']}")
    if ended.code == 0 and accepted != SHAPE.rows:
        found.append(f"exit code 0, but {accepted} of {SHAPE.rows} events were accepted")
    if ended.code == 2 and accepted:
        found.append(f"refused, but {accepted} events were sent")
    return found


def test_the_same_seed_draws_the_same() -> None:
    """A finding can be had again, and 500 draws hold every kind of each part."""
    draws = [draw(Random(seed)) for seed in range(500)]
    assert draws == [draw(Random(seed)) for seed in range(500)]
    assert len({each.name for each in draws}) == 8
    assert {each.prepared[1] for each in draws} >= {"link", "fifo", "folder", "rubbish"}
    assert orjson.dumps([each.streams for each in draws])
