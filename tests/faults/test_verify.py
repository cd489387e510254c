"""``verify`` killed at any moment while its calls fail, and the load of the rows that were not loaded."""

import shlex
import signal
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import orjson
import polars as pl
import pytest

from loader.checkpoint.verdicts import Verdict, open_verdicts
from loader.emulator import Emulator, FaultPlan
from loader.emulator.faults import FaultKind, FaultRule
from loader.emulator.store.ledger import LedgerRow
from loader.model import Event
from tests.faults import judge
from tests.faults.extracts import KEY, ExtractShape
from tests.faults.fault_mix import mixed
from tests.faults.harness import INSTANCE, Trial
from tests.faults.loader_run import LoaderRun
from tests.faults.reliability import LOADED
from tests.faults.test_windows_over_files import write_files

ARN = f"arn:aws:scn:us-east-1:123456789012:instance/{INSTANCE}/namespaces/asc/datasets/reservation"
DATASET = {"event_type": "scn.data.dataset", "dataset_arn": ARN, "operation": "UPSERT"}
SHAPE = ExtractShape(rows=240, groups=30, longest_text=60, rejected_share=0.02)
ASKING = ("GetDataIntegrationEvent", "ListDataIntegrationEvents")
PACKINGS: Sequence[dict[str, Any]] = (
    {},
    {"pack": "group", "group_buckets": 4, "max_records": 3, "window_rows": 90},
    {"pack": "group", "max_records": 4, "window_rows": 70},
)


def noise(seed: int) -> FaultPlan:
    """Return a plan in which calls of verify fail, some loads do, and two receipts are lost."""
    calls = [
        rule.model_copy(update={"operation": operation})
        for operation in ASKING
        for rule in mixed(seed, scale=0.4).rules
        if not rule.after_acceptance and rule.fault not in (FaultKind.ANSWER_LOST, FaultKind.NO_EVENT_ID)
    ]
    lost = FaultRule(fault=FaultKind.FORGOTTEN, calls=frozenset({5, 21}))
    failed = FaultRule(fault=FaultKind.LOAD_FAILED, probability=0.15)
    return FaultPlan(seed=seed, rules=(lost, failed, *calls))


def verdict_of(row: LedgerRow) -> Verdict:
    """Return what the emulator would say of an event."""
    if row.fault == FaultKind.FORGOTTEN:
        return Verdict.MISSING
    return Verdict.FAILED if row.fault == FaultKind.LOAD_FAILED else Verdict.SUCCEEDED


def random_moment(trial: Trial, emulator: Emulator, chance: Random) -> Callable[[], bool]:
    """Return a random moment of a run of verify, as a condition."""
    enough = asked(emulator) + chance.randint(1, 60)
    log = trial.checkpoint_path.with_name(f"{trial.checkpoint_path.name}-wal")
    moments: Sequence[Callable[[], bool]] = (
        lambda: asked(emulator) >= enough,
        lambda: log.exists() and log.stat().st_size > 0,
        lambda: any("not-loaded" in path.name for path in trial.run_dir.iterdir()),
    )
    return chance.choice(moments)


def asked(emulator: Emulator) -> int:
    """Return how many questions the emulator answered."""
    return sum(emulator.service.calls().get(operation, 0) for operation in ASKING)


async def strike(run: LoaderRun, moment: Callable[[], bool]) -> bool:
    """Kill a run at a moment; return whether it was alive."""
    await run.until(moment)
    return (await run.kill()).code == -signal.SIGKILL


async def check(trial: Trial, how: str, seed: int, *, kills: int) -> None:
    """Load, verify under kills and faults, compare all verdicts and rows, and complete the lake."""
    chance = Random(seed)
    trial.settings |= DATASET | PACKINGS[seed % len(PACKINGS)]
    write_files(trial, chance, SHAPE, files=7)
    order = chance.choice(["newest", "oldest", "mixed"])
    async with trial.service(seed=seed, list_order=order, latency_seconds=0.01) as emulator:
        emulator.set_faults(noise(seed))
        assert (await trial.run(emulator.url)).code in {0, 1}
        for _ in range(kills):
            run = await trial.command("verify", str(trial.run_dir), "--how", how, "--rate", "150")
            trial.counts["kills"] += await strike(run, random_moment(trial, emulator, chance))
        run = await trial.command("verify", str(trial.run_dir), "--how", how, "--json")
        ended = await run.wait()
        await emulator.flush()
        rows = {str(row.event_id): row for row in await emulator.rows() if row.verdict == "accepted"}
        assert ended.code == 1, ended.err
        check_verdicts(trial, orjson.loads(ended.out), rows)
        lost = {
            verdict: [row.client_token for row in rows.values() if verdict_of(row) is verdict]
            for verdict in (Verdict.FAILED, Verdict.MISSING)
        }
        plan = trial.plan()
        failed = [event for event in plan.events if event.token in lost[Verdict.FAILED]]
        assert written(trial.run_dir / "not-loaded") == sorted(keys_of(trial, failed))
        await complete(trial, emulator)
        there = [event for event in plan.events if event.token not in lost[Verdict.MISSING]]
        lake = await emulator.lake(f"SELECT {', '.join(KEY)} FROM reservation")
        assert sorted(lake) == sorted(keys_of(trial, there))


def check_verdicts(trial: Trial, counts: dict[str, int], rows: dict[str, LedgerRow]) -> None:
    """Compare the counts that were printed, and the verdict on each receipt, with the emulator's ledger."""
    wanted = Counter(map(verdict_of, rows.values()))
    for verdict in (Verdict.SUCCEEDED, Verdict.FAILED, Verdict.MISSING, Verdict.UNDECIDED):
        assert counts[verdict.name.lower()] == wanted[verdict], verdict
    with open_verdicts(trial.run_dir) as kept:
        found = {receipt.event_id: kept.verdict(receipt) for receipt in kept.receipts()}
    assert found == {event_id: verdict_of(row) for event_id, row in rows.items()}


async def complete(trial: Trial, emulator: Emulator) -> None:
    """Load the rows that are not loaded by the command that status prints."""
    emulator.set_faults(FaultPlan())
    status = await (await trial.command("status", str(trial.run_dir), "--json")).wait()
    commands = [shlex.split(step["command"])[1:] for step in orjson.loads(status.out)["next"]]
    (load,) = [command for command in commands if "/not-loaded/" in " ".join(command)]
    assert (await (await trial.command(*load)).wait()).code == 0
    await emulator.flush()


def keys_of(trial: Trial, events: Sequence[Event]) -> list[tuple[str, ...]]:
    """Return the keys of the rows of events, which may span several files."""
    frames = [read(Path(path)) for path in trial.settings["extract"]]
    return [frames[file].row(row) for event in events for file, row in judge.places_of(event)]


def read(path: Path) -> pl.DataFrame:
    """Return the keys in a file of the extract."""
    frame = pl.read_parquet(path) if path.suffix == ".parquet" else pl.read_csv(path, infer_schema=False)
    return frame.select(KEY)


def written(folder: Path) -> list[tuple[str, ...]]:
    """Return the keys of all rows in the files of a folder, sorted."""
    files = [path for path in folder.iterdir() if path.suffix in {".csv", ".parquet"}]
    return sorted(row for path in files for row in read(path).rows())


@pytest.mark.tried("verify is killed at any moment while its calls fail, by list, get and auto", keeps=LOADED)
@pytest.mark.parametrize(("how", "seed"), [("auto", 1), ("list", 2), ("get", 3)])
async def test_a_killed_verify_ends_with_true_verdicts(trial: Trial, how: str, seed: int) -> None:
    """Verdicts are the service's, failed rows are written once, and the corrected load completes the lake."""
    await check(trial, how, seed, kills=2)


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.tried("verify is killed at any moment while its calls fail, by list, get and auto", keeps=LOADED)
@pytest.mark.parametrize("how", ["auto", "list", "get"])
@pytest.mark.parametrize("seed", range(300, 308))
async def test_a_verify_killed_again_and_again_ends_with_true_verdicts(
    trial: Trial, how: str, seed: int
) -> None:
    """The same with many kills, packings, cuts into files and orders of List."""
    await check(trial, how, seed, kills=8)


STRANGERS = """
WITH RECURSIVE numbers(number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < ?)
INSERT INTO attempts SELECT {} FROM numbers, (SELECT * FROM attempts WHERE verdict = 'accepted' LIMIT 1)"""


def add_strangers(ledger: Path, number: int) -> None:
    """Write accepted events of others into a ledger, newer than all that is there."""
    with closing(sqlite3.connect(ledger)) as connection, connection:
        ((last, at),) = connection.execute("SELECT max(seq), max(at) FROM attempts").fetchall()
        columns = [name for (name,) in connection.execute("SELECT name FROM pragma_table_info('attempts')")]
        changed = {
            "seq": f"{last} + number",
            "at": f"{at} + 1",
            "event_id": "printf('00000000-0000-4000-8000-%012x', number)",
            "client_token": "printf('stranger %030d', number)",
            "event_group": "'stranger ' || number",
        }
        chosen = ", ".join(changed.get(name, name) for name in columns)
        connection.execute(STRANGERS.format(chosen), (number,))


def ways() -> Iterator[Any]:
    """Yield ways to ask among many events of others."""
    for how in ("auto", "list"):
        yield pytest.param(how, 20_000, id=f"{how} of 20,000")
        soak = (pytest.mark.soak, pytest.mark.timeout(900))
        yield pytest.param(how, 2_000_000, id=f"{how} of 2,000,000", marks=soak)


@pytest.mark.tried("verify on an instance with many newer events of others", keeps=LOADED)
@pytest.mark.parametrize(("how", "number"), list(ways()))
async def test_many_events_of_others_do_not_hold_verify_up(trial: Trial, how: str, number: int) -> None:
    """Ours come last in List: it is left in time, and Get has the last word."""
    trial.settings |= DATASET
    trial.write_extract(4, ExtractShape(rows=120, groups=120))
    async with trial.service() as emulator:
        assert (await trial.run(emulator.url)).code == 0
    add_strangers(trial.ledger_path, number)
    async with trial.service() as emulator:
        run = await trial.command(
            *("verify", str(trial.run_dir), "--how", how, "--wait", "120s"),
            *("--endpoint-url", emulator.url, "--json"),
        )
        ended = await run.wait(300)
        calls = emulator.service.calls()
    counts = orjson.loads(ended.out)
    assert (ended.code, counts["succeeded"]) == (0, 120), ended.err
    assert calls["ListDataIntegrationEvents"] <= (120 if how == "list" else 20)
    assert calls["GetDataIntegrationEvent"] <= 120
