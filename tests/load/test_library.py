"""The library: the same loads as the command, as values."""

import asyncio
import logging
import sqlite3
import time
from contextlib import aclosing, closing
from io import StringIO
from pathlib import Path

import pytest

from loader import EventState, ExitCode, LoaderError, LogFormatter, Snapshot, read_job, run_load, stream_load
from loader.delivery.rate.memory import RateMemory, Remembered
from loader.emulator import ACCESS_KEY_ID
from loader.loading.running.handover import EVENTS_AT_ONCE

SAMPLES = Path(__file__).parents[2] / "sample_data"
INSTANCE = "8928ae12-15e5-4441-825d-ec2184f0a43a"


@pytest.fixture
def job(emulator, environment, tmp_path):
    """A load of the reservations sample, three of whose rows are wrong."""
    return read_job(
        extract=[str(SAMPLES / "reservations.csv")],
        event_type="scn.data.reservation",
        group_by=["reservation_id"],
        instance_id=INSTANCE,
        endpoint_url=emulator.url,
        run_dir=tmp_path / "run",
    )


def test_run_load_returns_the_summary(job):
    """Every row is accounted for, and the exit code says what a scheduler needs."""
    snapshots: list[Snapshot] = []
    summary = run_load(job, watch=snapshots.append)
    assert (summary.rows_read, summary.rows_rejected, summary.records) == (150, 3, 147)
    assert summary.events_accepted == 147
    assert summary.exit_code == ExitCode.DELIVERED_WITH_FAILURES
    assert summary.violations() == []
    assert snapshots


def test_the_log_of_the_library_shows_the_place_of_a_rejected_row(job):
    """A program's own handler has it too, with the formatter of the library."""
    lines = StringIO()
    handler = logging.StreamHandler(lines)
    handler.setFormatter(LogFormatter())
    logger = logging.getLogger("loader")
    logger.addHandler(handler)
    try:
        run_load(job)
    finally:
        logger.removeHandler(handler)
    place = f"file={SAMPLES / 'reservations.csv'} row=12 column=quantity code=NotANumber"
    (line,) = (each for each in lines.getvalue().splitlines() if "row=12 " in each)
    assert line.endswith(f" WARNING A row was rejected: not a number such as -1234.5. {place}")


def test_running_a_finished_load_again_sends_nothing(job):
    """An accidental second run reports that all events are accepted."""
    run_load(job)
    again = run_load(job)
    assert (again.attempts, again.resumed, again.events_accepted) == (0, True, 147)
    assert again.exit_code == ExitCode.DELIVERED_WITH_FAILURES


def test_a_finished_load_makes_way_for_another_extract(job, tmp_path):
    """The nightly run over a file with new content is a new load; the old checkpoint is kept."""
    run_load(job)
    other = tmp_path / "reservations.csv"
    other.write_text("reservation_id,reservation_detail_id\nR1,1\n")
    summary = run_load(job.model_copy(update={"extract": (str(other),)}))
    assert (summary.events_accepted, summary.resumed) == (1, False)
    assert len(list((tmp_path / "run").glob("checkpoint-*.sqlite"))) == 1


async def test_stream_load_yields_each_event_once_in_order(job):
    """One result for each event, those of a group in row order, each with its receipt."""
    results = [result async for result in stream_load(job)]
    assert len({result.event.token for result in results}) == len(results) == 147
    assert all(result.state is EventState.ACCEPTED and result.event_id for result in results)
    rows: dict[str, list[int]] = {}
    for result in results:
        rows.setdefault(result.event.group, []).extend(result.event.rows)
    assert all(positions == sorted(positions) for positions in rows.values())


async def test_a_stream_left_early_can_be_resumed(job):
    """Closing the iteration stops the load; the next one yields the rest and no event twice."""
    first = []
    async with aclosing(stream_load(job)) as results:
        async for result in results:
            first.append(result.event.token)
            if len(first) == 5:
                break
    rest = [result.event.token async for result in stream_load(job)]
    assert len(set(rest)) == len(rest)
    assert not set(first) & set(rest)
    assert len(rest) <= 142


async def test_a_stream_cancelled_while_it_opens_sends_nothing(job, emulator):
    """The cancellation returns soon, and the load does not go on behind it."""
    consumer = asyncio.create_task(anext(stream_load(job, results_ahead=1)))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    consumer.cancel()
    await asyncio.wait({consumer}, timeout=30)
    assert consumer.cancelled()
    emulator.flush()
    with closing(sqlite3.connect(emulator.ledger)) as ledger:
        assert ledger.execute("SELECT count(*) FROM attempts").fetchone() == (0,)


async def test_a_slow_consumer_slows_the_load_down(job, tmp_path):
    """Unread results do not accumulate: delivery waits."""
    rows, most = 8 * EVENTS_AT_ONCE, 3 * EVENTS_AT_ONCE
    path = tmp_path / "many.csv"
    lines = [f"R{row},1" for row in range(rows)]
    path.write_text("\n".join(["reservation_id,reservation_detail_id", *lines, ""]))
    RateMemory(job.endpoint_url, ACCESS_KEY_ID, INSTANCE).remember(Remembered(5000.0), time.time())
    # What was offered before the first result came is held, and delivered: about 1,500 events of this size.
    many = job.model_copy(update={"extract": (str(path),), "max_held_bytes": 2**20})
    async with aclosing(stream_load(many, results_ahead=10)) as results:
        await anext(results)
        before, now = -1, 0
        while not now or before < now <= most:
            await asyncio.sleep(2)
            with closing(sqlite3.connect(tmp_path / "run" / "checkpoint.sqlite")) as checkpoint:
                before, (now,) = now, checkpoint.execute("SELECT sum(accepted) FROM windows").fetchone()
            now = now or 0
    assert 0 < now <= most


async def test_a_refused_load_raises(job):
    """What cannot begin is an error, not an empty stream."""
    with pytest.raises(LoaderError, match="No file"):
        [result async for result in stream_load(job.model_copy(update={"extract": ("nosuch.csv",)}))]


def test_a_dry_run_sends_and_writes_nothing(job, tmp_path):
    """It counts the same rows and events, without credentials or a run directory."""
    summary = run_load(job.model_copy(update={"dry_run": True}))
    assert (summary.rows_read, summary.rows_rejected, summary.events_total) == (150, 3, 147)
    assert not (tmp_path / "run").exists()
