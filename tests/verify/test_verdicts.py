"""Verdicts on receipts are those of the emulator, however they are asked for."""

import asyncio
import sqlite3
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, closing
from pathlib import Path

import pytest

from loader import Job, stream_load
from loader.checkpoint.verdicts import Verdict, open_verdicts
from loader.delivery.rate.memory import RateMemory, Remembered
from loader.emulator import ACCESS_KEY_ID, Emulator, EmulatorSettings, FaultPlan, running_emulator
from loader.errors import ExitCode, ServiceStopped
from loader.verify.api import Verification, verify
from loader.verify.session import VerifyMethod, VerifySettings

INSTANCE = "8928ae12-15e5-4441-825d-ec2184f0a43a"
ARN = f"arn:aws:scn:us-east-1:123456789012:instance/{INSTANCE}/namespaces/asc/datasets/company"
DATASET = {"event_type": "scn.data.dataset", "dataset_arn": ARN, "operation": "UPSERT"}
TYPED = {"event_type": "scn.data.processheader"}
MONTH_SECONDS = 31 * 86_400.0

pytestmark = pytest.mark.usefixtures("environment")


@asynccontextmanager
async def loaded(
    folder: Path, rows: int = 60, job: dict[str, object] | None = None, **settings: object
) -> AsyncIterator[tuple[Emulator, Path]]:
    """Load some rows into an emulator and yield it with the run directory."""
    extract = folder / "extract.csv"
    extract.write_text("id\n" + "".join(f"c{number}\n" for number in range(rows)))
    async with running_emulator(EmulatorSettings.model_validate(settings)) as emulator:
        await load(emulator, extract, folder / "run", **(job or DATASET))
        yield emulator, folder / "run"


async def load(emulator: Emulator, extract: Path, run_dir: Path, **settings: object) -> None:
    # A cold start would be most of the time of such a load.
    RateMemory(emulator.url, ACCESS_KEY_ID, INSTANCE).remember(Remembered(20_000.0), time.time())
    job = Job(
        extract=(str(extract),),
        instance_id=INSTANCE,
        endpoint_url=emulator.url,
        region="us-east-1",
        run_dir=run_dir,
        **settings,
    )
    async with aclosing(stream_load(job)) as results:
        async for _ in results:
            pass


async def verdicts_of(emulator: Emulator) -> Counter[Verdict]:
    """Return what the emulator would say of each event that it accepted."""
    found: Counter[Verdict] = Counter()
    for row in await emulator.rows():
        if row.verdict != "accepted":
            continue
        if row.fault == "forgotten":
            found[Verdict.MISSING] += 1
        elif not row.dataset:
            found[Verdict.KNOWN] += 1
        else:
            found[Verdict.FAILED if row.fault.startswith("load_failed") else Verdict.SUCCEEDED] += 1
    return found


def said(found: Verification) -> Counter[Verdict]:
    return Counter({verdict: number for verdict, number in found.counts.items() if number})


@pytest.mark.parametrize("method", VerifyMethod)
@pytest.mark.parametrize("list_order", ["newest", "oldest", "mixed"])
async def test_verdicts_are_those_of_the_service(tmp_path, method, list_order):
    """Failed, missing and loaded events are distinguished despite faults, in any order of List."""
    lost: dict[str, object] = {"fault": "forgotten", "calls": [7, 50]}
    noise: list[dict[str, object]] = [
        {"fault": fault, "operation": operation, "probability": 0.05, **more}
        for operation in ("GetDataIntegrationEvent", "ListDataIntegrationEvents")
        for fault, more in (
            ("error", {"code": "ThrottlingException"}),
            ("error", {"code": "InternalServerException"}),
            ("not_json", {}),
            ("reset", {}),
        )
    ]
    plan = FaultPlan.model_validate({"rules": [lost, *noise], "seed": 3})
    async with loaded(
        tmp_path, faults=plan, fail_load_share=0.2, failed_values={"id": {"c5"}}, list_order=list_order
    ) as (emulator, run_dir):
        found = await verify(run_dir, VerifySettings(method=method))
        assert said(found) == await verdicts_of(emulator)
        assert found.exit_code == ExitCode.DELIVERED_WITH_FAILURES
        assert (found.receipts, found.counts[Verdict.MISSING]) == (60, 2)
        with open_verdicts(run_dir) as kept:
            assert Counter(map(kept.verdict, kept.receipts())) == await verdicts_of(emulator)
        with closing(sqlite3.connect(run_dir / "checkpoint.sqlite")) as connection:
            messages = connection.execute("SELECT message FROM failed_loads").fetchall()
        assert len(messages) == found.counts[Verdict.FAILED]
        assert any("'id'" in message for (message,) in messages)


async def test_typed_events_are_known_and_never_loaded(tmp_path):
    """The service reports no load status for them: 'known', and exit code 0."""
    extract = tmp_path / "extract.csv"
    extract.write_text("process_id\np1\np2\n")
    async with running_emulator(EmulatorSettings()) as emulator:
        await load(emulator, extract, tmp_path / "run", **TYPED)
        found = await verify(tmp_path / "run", VerifySettings())
    assert said(found) == {Verdict.KNOWN: 2}
    assert found.exit_code == ExitCode.DELIVERED


@pytest.mark.parametrize("method", VerifyMethod)
async def test_after_30_days_nothing_can_be_known(tmp_path, method):
    """Events that are too old are unknown, not missing."""
    async with loaded(tmp_path) as (emulator, run_dir):
        emulator.advance_clock(MONTH_SECONDS)
        found = await verify(run_dir, VerifySettings(method=method))
    assert said(found) == {Verdict.UNKNOWN: 60}
    assert found.exit_code == ExitCode.UNDECIDED


async def test_events_in_progress_are_waited_for_on_request(tmp_path):
    """Without --wait it is reported; with it, the service is asked until the load has ended."""
    async with loaded(tmp_path, rows=30, load_seconds=1000) as (emulator, run_dir):
        first = await verify(run_dir, VerifySettings())
        assert said(first) == {Verdict.IN_PROGRESS: 30}
        assert first.exit_code == ExitCode.UNDECIDED
        waiting = asyncio.create_task(verify(run_dir, VerifySettings(wait_seconds=60)))
        await asyncio.sleep(1)
        emulator.advance_clock(1000)
        assert said(await waiting) == {Verdict.SUCCEEDED: 30}


async def test_waiting_ends_when_time_is_up(tmp_path):
    """Exit code 7, soon after --wait."""
    async with loaded(tmp_path, rows=30, load_seconds=1000) as (_, run_dir):
        began = asyncio.get_running_loop().time()
        found = await verify(run_dir, VerifySettings(wait_seconds=2))
        assert asyncio.get_running_loop().time() - began < 15
    assert found.exit_code == ExitCode.UNDECIDED
    assert found.counts[Verdict.IN_PROGRESS] + found.counts[Verdict.UNDECIDED] == 30


@pytest.mark.parametrize("method", [VerifyMethod.AUTO, VerifyMethod.LIST])
async def test_a_list_that_never_ends_is_left(tmp_path, method):
    """A missing event keeps a sweep going: it ends, and Get has the last word."""
    rules = [
        {"fault": "endless_list", "operation": "ListDataIntegrationEvents"},
        {"fault": "forgotten", "calls": [9]},
    ]
    async with loaded(tmp_path, faults=FaultPlan.model_validate({"rules": rules})) as (emulator, run_dir):
        found = await verify(run_dir, VerifySettings(method=method))
        assert said(found) == await verdicts_of(emulator)
        assert found.calls <= 2 * 60


@pytest.mark.parametrize(("list_order", "most"), [("newest", 600 / 15), ("oldest", 600 * 1.05)])
async def test_calls_are_bounded_among_foreign_events(tmp_path, list_order, most):
    """Ours are the newest of many: a fifteenth of Get's calls if List begins with them, else hardly more."""
    others = tmp_path / "others.csv"
    others.write_text("id\n" + "".join(f"x{number}\n" for number in range(1500)))
    ours = tmp_path / "ours.csv"
    ours.write_text("id\n" + "".join(f"c{number}\n" for number in range(600)))
    async with running_emulator(EmulatorSettings(list_order=list_order)) as emulator:
        await load(emulator, others, tmp_path / "others", **DATASET)
        await load(emulator, ours, tmp_path / "run", **DATASET)
        found = await verify(tmp_path / "run", VerifySettings())
    assert said(found) == {Verdict.SUCCEEDED: 600}
    assert found.calls <= most


async def test_an_instance_that_is_not_found_is_not_taken_for_missing_events(tmp_path):
    """Get answers the same for a wrong instance as for a missing event: nothing is written down of it."""
    async with loaded(tmp_path, rows=5) as (_, run_dir):
        other = EmulatorSettings(instance_ids=frozenset({INSTANCE.replace("8", "9")}))
        async with running_emulator(other) as stranger:
            found = await verify(
                run_dir, VerifySettings(method=VerifyMethod.GET), {"endpoint_url": stranger.url}
            )
    assert isinstance(found.error, ServiceStopped)
    assert said(found) == {Verdict.UNDECIDED: 5}


async def test_a_sample_asks_about_some_only(tmp_path):
    """The rest stays undecided."""
    async with loaded(tmp_path, rows=30) as (_, run_dir):
        found = await verify(run_dir, VerifySettings(sample=10))
    assert said(found) == {Verdict.SUCCEEDED: 10, Verdict.UNDECIDED: 20}
    assert found.calls == 10


async def test_parts_of_refused_events_have_verdicts_of_their_own(tmp_path):
    """An event that was sent in parts has no receipt of the whole."""
    job = DATASET | {"pack": "group", "group_buckets": 2}
    async with loaded(tmp_path, job=job, refused_values={"id": {"c3"}}, failed_values={"id": {"c4"}}) as (
        emulator,
        run_dir,
    ):
        found = await verify(run_dir, VerifySettings())
        assert said(found) == await verdicts_of(emulator)
    assert found.receipts > 2
    assert found.counts[Verdict.FAILED] == 1
