"""``--workers N``: processes that deliver the shards of a load, die, drain and share a ceiling."""

import asyncio
import os
import signal
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import orjson
import psutil
import pytest

from loader.aws.signing import Credentials
from loader.checkpoint.start.lock import lock_run_dir
from loader.delivery.limits.user_ceiling import PAUSE_SECONDS, Ceiling
from loader.emulator import ACCESS_KEY_ID, SECRET_ACCESS_KEY
from loader.errors import ExitCode, LoaderError, SettingsError, Terminated
from loader.job import Job, Shard, checkpoint_dir_of
from loader.latency import Percentiles
from loader.loading.observers import Observers
from loader.report import LoadSummary, Snapshot
from loader.runners.engines import run_shards
from loader.runners.messages import end_values, job_line, read_end, read_snapshot, snapshot_values
from loader.runners.processes import MODULE, LocalProcess, WorkerProcess, start_here
from loader.runners.workers import MOST_DEATHS, run_workers
from loader.testing import EmulatedService
from tests.prepared.workers import start_worker
from tests.shards.conftest import EVERY_REJECTED, ROWS

KEY = Credentials(ACCESS_KEY_ID, SECRET_ACCESS_KEY)
RECORDS = ROWS - ROWS // EVERY_REJECTED

run_prepared = partial(run_workers, key=KEY, start=start_worker)
"""The same without the second that an interpreter takes to import the loader."""

DRAINING_SECONDS = 5.0
"""Longer than a start waits for the lock of a run directory by itself."""


def workers_of(pid: int) -> list[psutil.Process]:
    """Return the worker processes of a process."""
    return [each for each in psutil.Process(pid).children() if MODULE in each.cmdline()]


async def test_a_worker_stops_when_its_parent_dies(job: Callable[..., Job], service: EmulatedService) -> None:
    """The end of its pipe is the death of its parent: it ends as after SIGTERM, before its shard is done."""
    given = job(shard="1/2", rate=10, burst=2)
    worker = await start_worker(Shard(number=1, of=2), job_line(given, command="", key=KEY))
    assert isinstance(worker, LocalProcess)
    values: dict[str, Any] = {}
    async for message in worker.messages():
        values = orjson.loads(message)
        if "snapshot" in values and values["snapshot"]["events_accepted"]:
            worker._stdin.close()  # as the system does when the parent has died
    end = read_end(values["end"])
    assert end.exit_code is ExitCode.TERMINATED
    assert end.summary is not None
    assert 0 < end.summary.events_accepted == service.calls()["accepted"] < RECORDS // 4


def test_workers_deliver_a_load(
    job: Callable[..., Job], service: EmulatedService, caplog: pytest.LogCaptureFixture
) -> None:
    """One summary whose counts are those of the load, and one progress."""
    snapshots: list[Snapshot] = []
    ending = run_workers(job(workers=2), Observers(watch=snapshots.append), key=KEY)
    summary = ending.summary
    assert summary.violations() == []
    assert (summary.exit_code, ending.error) == (ExitCode.DELIVERED_WITH_FAILURES, None)
    counts = (summary.rows_read, summary.rows_elsewhere, summary.records, summary.events_accepted)
    assert counts == (ROWS, 0, RECORDS, RECORDS)
    assert summary.attempts == summary.events_accepted_in_run == service.calls()["attempts"] == RECORDS
    assert snapshots[-1].events_accepted <= RECORDS
    assert (Path(summary.run_dir) / "rejected" / "reservations.csv").exists()
    told = [record.getMessage() for record in caplog.records if "rejected" in record.getMessage()]
    assert all(text.startswith("A row was rejected: ") for text in told)
    assert len(set(told)) == len(told) > 0
    kinds = {record.msg for record in caplog.records if "rejected" in record.getMessage()}
    assert len(kinds) == len(told)  # none is folded away as a repeat of another
    again = run_prepared(job(workers=2), Observers()).summary
    assert (again.attempts, again.events_accepted, again.resumed) == (0, RECORDS, True)


def test_workers_read_texts_by_the_rules_of_the_job(
    job: Callable[..., Job], service: EmulatedService
) -> None:
    """A mapping and the defaults of the job hold in a worker as in one process."""
    mapping = {"reservation_id": "reservation_id", "reservation_detail_id": "reservation_detail_id"}
    quantity = {"column": "product_id", "null_words": ["P1"], "decimal": "."}
    product = {"product_id": {"expression": "product_id"}, "quantity": quantity}
    defaults = {"null_words": ["P0", "P2", "P3", "P4"], "decimal": ","}
    ending = run_prepared(job(workers=2, mapping=mapping | product, defaults=defaults), Observers())
    # Of the five products, one is no value by the rule of its column; the others are no numbers.
    assert ending.summary.records == sum(
        number % 5 == 1 and number % EVERY_REJECTED != 7 for number in range(ROWS)
    )
    assert {record.get("product_id") for record in service.records("reservation")} == {"P1"}


def test_a_worker_that_always_dies_stops_the_load(job: Callable[..., Job]) -> None:
    """Three deaths in a row end the load with 5, and the other workers drain."""
    no_worker = partial(start_here, module="loader.runners.no_such_worker")
    with pytest.raises(LoaderError, match=f"died {MOST_DEATHS} times in a row") as stopped:
        run_workers(job(workers=2), Observers(), key=KEY, start=no_worker)
    assert stopped.value.exit_code is ExitCode.STOPPED_RESUMABLE


def test_a_signal_drains_all_workers(job: Callable[..., Job]) -> None:
    """SIGTERM to the parent ends the load with 143, resumable, and no worker is left."""
    sent: list[int] = []

    def terminate(snapshot: Snapshot) -> None:
        if snapshot.events_accepted > 5 and not sent:
            sent.append(snapshot.events_accepted)
            os.kill(os.getpid(), signal.SIGTERM)

    ending = run_workers(job(workers=2, rate=20, burst=2), Observers(watch=terminate), key=KEY)
    assert isinstance(ending.error, Terminated)
    assert ending.summary.exit_code is ExitCode.TERMINATED
    assert ending.summary.events_in_doubt == 0
    assert workers_of(os.getpid()) == []
    rest = run_prepared(job(workers=2), Observers()).summary
    assert (rest.exit_code, rest.events_accepted) == (ExitCode.DELIVERED_WITH_FAILURES, RECORDS)


@pytest.mark.parametrize("moment", ["at_its_end", "in_its_rejects"])
def test_a_signal_at_the_end_of_a_worker_loses_no_counts(job: Callable[..., Job], moment: str) -> None:
    """A limit that another shard exceeds, Ctrl-C or ``kill`` may arrive when a shard is done."""
    start = partial(start_here, module=f"tests.shards.worker_signalled_{moment}")
    ending = run_workers(job(workers=2), Observers(), key=KEY, start=start)
    assert (ending.summary.exit_code, ending.error) == (ExitCode.DELIVERED_WITH_FAILURES, None)
    assert ending.summary.events_accepted_in_run == ending.summary.attempts == RECORDS


def test_workers_that_die_after_their_load_began_leave_a_summary(job: Callable[..., Job]) -> None:
    """The load may have sent something, so it is not refused: it ends with counts and with 5."""
    start = partial(start_here, module="tests.shards.worker_killed_at_its_beginning")
    ending = run_workers(job(workers=2), Observers(), key=KEY, start=start)
    assert ending.summary.exit_code is ExitCode.STOPPED_RESUMABLE
    assert f"died {MOST_DEATHS} times in a row" in ending.summary.stopped_because
    rest = run_prepared(job(workers=2), Observers()).summary
    assert (rest.exit_code, rest.events_accepted) == (ExitCode.DELIVERED_WITH_FAILURES, RECORDS)


async def test_a_ceiling_that_changes_lets_nothing_go_for_a_second() -> None:
    """No second holds tokens of the old bucket and of the new one."""
    ceiling = Ceiling(10.0, 1)
    loop = asyncio.get_running_loop()
    assert ceiling.wait_seconds(loop.time()) == 0
    await ceiling.pay(loop.time())
    ceiling.change(1000.0, 100)
    now = loop.time()
    assert ceiling.wait_seconds(now) == pytest.approx(PAUSE_SECONDS)
    assert ceiling.wait_seconds(now + PAUSE_SECONDS) == 0
    ceiling.change(1000.0, 100)
    assert ceiling.wait_seconds(now + PAUSE_SECONDS) == 0


def test_messages_arrive_unchanged(job: Callable[..., Job], tmp_path: Path) -> None:
    """Job, snapshot and end survive the way between parent and worker."""
    given = job(
        shard="2/3", max_errors="5%", give_up_after="2h", keep="3", rate=100, csv={"separator": "tab"}
    )
    values = orjson.loads(job_line(given, command="scn-loader load x", key=KEY))
    assert Job(**values["job"]) == given
    assert Job(**values["job"]).model_fields_set >= {"shard", "csv"}
    assert "time_zone" not in Job(**values["job"]).model_fields_set  # a note asks for it
    snapshot = Snapshot(rows_done=3, latency=Percentiles(1.0, 2.0, 3.0, 4.0), limiting="cpu", seconds=1.5)
    assert read_snapshot(orjson.loads(orjson.dumps(snapshot_values(snapshot)))) == snapshot
    before = LoadSummary(run_dir=str(tmp_path), records=2, rows_read=3, rows_rejected=1)
    summary = LoadSummary(
        run_dir=str(tmp_path), records=4, rows_read=4, stopped_by=ExitCode.TOO_MANY_ERRORS, before=before
    )
    error = SettingsError("No.", where="here", next_step="that")
    end = read_end(orjson.loads(orjson.dumps(end_values(summary, error))))
    assert end.summary is not None
    assert (end.summary.records, end.exit_code) == (4, ExitCode.TOO_MANY_ERRORS)
    assert end.summary.before == replace(before, run_dir="")
    assert end.error is not None
    assert (end.error.block(), end.error.exit_code) == (error.block(), ExitCode.REFUSED)


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"workers": 2, "shard": "1/2"}, "excludes --shard"),
        ({"workers": 2, "extract": ["-"]}, "standard input"),
        ({"engine": "ray"}, "needs --workers N"),
        ({"engine": "ray", "workers": 1}, "needs --workers N"),
        ({"workers": 2, "ray_address": "auto"}, "only with --engine ray"),
    ],
)
def test_what_cannot_be_divided_is_refused(
    job: Callable[..., Job], settings: dict[str, object], why: str
) -> None:
    with pytest.raises(SettingsError) as refused:
        job(**settings)
    assert why in refused.value.block()


@pytest.mark.skipif(find_spec("ray") is not None, reason="Ray is installed here; make ray tries it")
def test_without_the_ray_extra_the_error_says_how_to_install_it(
    job: Callable[..., Job], service: EmulatedService
) -> None:
    """Without the extra the error says how it is installed, and nothing is sent."""
    with pytest.raises(SettingsError, match="Ray is not installed") as refused:
        run_shards(job(workers=2, engine="ray"), Observers(), key=KEY)
    assert refused.value.next_step == "pip install 'scn-loader[ray]'"
    assert service.calls()["attempts"] == 0


def test_a_worker_without_the_extract_stops_the_load(job: Callable[..., Job]) -> None:
    """If one shard finds no file and others do, the load does not end as done."""

    async def start(shard: Shard, first: bytes) -> WorkerProcess:
        return await start_worker(
            shard, first.replace(b"reservations.csv", b"lost.csv") if shard.number == 2 else first
        )

    ending = run_workers(job(workers=2), Observers(), key=KEY, start=start)
    assert ending.error is not None
    assert "delivered nothing of its shard" in ending.error.what
    assert ending.summary.exit_code is ExitCode.STOPPED_RESUMABLE
    rest = run_prepared(job(workers=2), Observers()).summary
    assert (rest.exit_code, rest.events_accepted) == (ExitCode.DELIVERED_WITH_FAILURES, RECORDS)


def test_a_worker_waits_for_one_that_drains(job: Callable[..., Job], service: EmulatedService) -> None:
    """A shard that another process holds for a moment is delivered when it is free."""
    folder = checkpoint_dir_of(job(shard="1/2"))
    folder.mkdir(parents=True)
    with ExitStack() as held:
        held.enter_context(lock_run_dir(folder))
        threading.Timer(DRAINING_SECONDS, held.close).start()
        summary = run_prepared(job(workers=2), Observers()).summary
    assert (summary.exit_code, summary.events_accepted) == (ExitCode.DELIVERED_WITH_FAILURES, RECORDS)
