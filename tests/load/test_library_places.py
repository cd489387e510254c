"""The library where programs call it: threads, notebooks, names, paths."""

import asyncio
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from pathlib import Path

import pytest

import loader
from loader import ExitCode, LoaderError, load, plan, read_job, run_load, stream_load

SAMPLES = Path(__file__).parents[2] / "sample_data"
INSTANCE = "8928ae12-15e5-4441-825d-ec2184f0a43a"


@pytest.fixture
def job(emulator, environment, tmp_path: Path):
    return read_job(
        extract=SAMPLES / "reservations.csv",
        event_type="scn.data.reservation",
        instance_id=INSTANCE,
        endpoint_url=emulator.url,
        run_dir=str(tmp_path / "run"),
    )


def test_threads_run_loads(job, tmp_path: Path) -> None:
    """Two at a time, neither of them the main thread; the signals of the process stay as they were."""
    before = signal.getsignal(signal.SIGINT)
    jobs = [job.model_copy(update={"run_dir": tmp_path / f"run{number}"}) for number in range(2)]
    with ThreadPoolExecutor(2) as threads:
        summaries = list(threads.map(run_load, jobs))
    assert [summary.events_accepted for summary in summaries] == [147, 147]
    assert signal.getsignal(signal.SIGINT) is before


async def test_run_load_on_a_running_loop_names_load(job, tmp_path: Path) -> None:
    """The error of a notebook's user says what to write instead; nothing has begun."""
    with pytest.raises(LoaderError, match="event loop") as refusal:
        run_load(job)
    assert "await loader.load(job)" in refusal.value.block()
    assert not (tmp_path / "run").exists()


async def test_load_runs_on_the_running_loop(job) -> None:
    """It returns the summary, and the last snapshot is the end."""
    snapshots: list[loader.Snapshot] = []
    summary = await load(job, watch=snapshots.append)
    assert (summary.events_accepted, summary.rows_rejected) == (147, 3)
    assert snapshots[-1].events_accepted == 147


async def test_a_cancelled_load_can_be_resumed(job) -> None:
    """The cancellation waits for what is in flight."""
    slow = job.model_copy(update={"rate": 20.0, "burst": 1})
    begun = asyncio.Event()
    running = asyncio.create_task(load(slow, watch=lambda _: begun.set()))
    await begun.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    summary = await load(job)
    assert (summary.resumed, summary.events_accepted, summary.violations()) == (True, 147, [])


async def test_a_load_that_is_cancelled_twice_does_not_go_on_unseen(job) -> None:
    """It has ended when its caller goes on, and the run directory is free for the next run."""
    slow = job.model_copy(update={"rate": 20.0, "burst": 1})
    begun = asyncio.Event()
    before = asyncio.all_tasks()
    running = asyncio.create_task(load(slow, watch=lambda _: begun.set()))
    await begun.wait()
    for _ in range(3):
        running.cancel()
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await running
    assert asyncio.all_tasks() == before
    summary = await load(job)
    assert (summary.resumed, summary.events_accepted, summary.violations()) == (True, 147, [])


async def test_plan_works_where_a_loop_runs(job) -> None:
    """A notebook calls it as it is, also where a learned rate is looked up."""
    assert plan(job).counts.events == 147


@pytest.mark.parametrize("way", ["run_load", "load"])
def test_a_watch_that_raises_stops_the_load(job, way) -> None:
    """The load ends, to be resumed, and names the caller's function, not a bug."""

    def watch(_: loader.Snapshot) -> None:
        raise ValueError("seen enough")

    slow = job.model_copy(update={"rate": 50.0, "burst": 1})
    summary = run_load(slow, watch=watch) if way == "run_load" else asyncio.run(load(slow, watch=watch))
    assert summary.exit_code == ExitCode.STOPPED_RESUMABLE
    assert summary.events_accepted < 147
    assert run_load(job).events_accepted == 147


async def test_a_stream_has_a_summary(job) -> None:
    """At its end, and also where it is left early; before, asking for it is an error."""
    stream = stream_load(job)
    with pytest.raises(RuntimeError, match="no summary yet"):
        _ = stream.summary
    async with aclosing(stream):
        await anext(stream)
    assert stream.summary.exit_code == ExitCode.INTERRUPTED
    rest = stream_load(job)
    seen = [result async for result in rest]
    assert rest.summary.events_accepted == 147
    assert len(seen) < 147


def test_the_public_names_are_seen() -> None:
    """In dir(), each of them importable, and the version is that of the installed package."""
    from importlib.metadata import version

    assert set(loader.__all__) <= set(dir(loader))
    assert all(getattr(loader, name) for name in loader.__all__)
    assert loader.__version__ == version("scn-loader")
    assert loader.draft is loader.draft_job


def test_paths_are_texts_or_paths(tmp_path: Path, job) -> None:
    """Wherever a path is given."""
    job_file = tmp_path / "job.toml"
    drafted = loader.draft(job, str(tmp_path))
    assert drafted == loader.draft(job, tmp_path)
    job_file.write_text(drafted.text, encoding="utf-8")
    for given in (job_file, str(job_file)):
        read = read_job(given, instance_id=INSTANCE, run_dir=tmp_path / "other")
        assert read.run_dir == tmp_path / "other"
        assert plan(read, emit=str(tmp_path / f"{type(given).__name__}.ndjson")).counts.rows_read == 150
