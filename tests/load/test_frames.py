"""Frames as extracts: every value arrives, nothing stays on the disk, and the same frame resumes."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from loader import ExitCode, LoaderError, load, plan, planned_events, read_job, run_load, stream_load
from loader.job.shard import Shard
from loader.shards.parts import shard_folders

INSTANCE = "8928ae12-15e5-4441-825d-ec2184f0a43a"

ROWS = {
    "reservation_id": [f"R{row}" for row in range(50)],
    "reservation_detail_id": ["000043"] * 50,
    "quantity": [row + 0.25 for row in range(50)],
}


@pytest.fixture
def job(emulator, environment, tmp_path: Path):
    return read_job(
        event_type="scn.data.reservation",
        instance_id=INSTANCE,
        endpoint_url=emulator.url,
        run_dir=str(tmp_path / "run"),
    )


class OtherFrame:
    """A frame of a library that we do not know: all it has is the PyCapsule interface."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return pa.table(ROWS).__arrow_c_stream__(requested_schema)


FRAMES = {
    "polars": lambda: pl.DataFrame(ROWS),
    "polars lazy": lambda: pl.LazyFrame(ROWS).filter(pl.col("quantity") >= 0),
    "polars in chunks": lambda: pl.concat([pl.DataFrame(ROWS)[:7], pl.DataFrame(ROWS)[7:]], rechunk=False),
    "pandas": lambda: pd.DataFrame(ROWS),
    "pandas filtered": lambda: pd.concat([pd.DataFrame({"quantity": [-1.0]}), pd.DataFrame(ROWS)]).query(
        "quantity >= 0"
    )[list(ROWS)],
    "arrow": lambda: pa.table(ROWS),
    "arrow reader": lambda: pa.table(ROWS).to_reader(),
    "other": OtherFrame,
}


@pytest.mark.parametrize("kind", FRAMES)
def test_every_value_of_a_frame_is_an_event(job, tmp_path: Path, kind) -> None:
    """Whatever library it is of; afterwards its rows are nowhere on the disk."""
    found = [event.records[0] for event in planned_events(job, frame=FRAMES[kind]())]
    expected = [
        dict(zip(ROWS, (name, detail, str(quantity)), strict=True))
        for name, detail, quantity in zip(*ROWS.values(), strict=True)
    ]
    assert found == expected
    assert not (tmp_path / "run").exists()


def test_a_frame_is_loaded_and_its_file_removed(job, tmp_path: Path) -> None:
    """While the load runs, the file is private."""
    modes: list[int] = []

    def watch(_: object) -> None:
        modes.extend(path.stat().st_mode & 0o777 for path in (tmp_path / "run").glob("frame-*/*"))

    summary = run_load(job, frame=pl.DataFrame(ROWS), watch=watch)
    assert (summary.events_accepted, summary.exit_code, summary.violations()) == (50, ExitCode.DELIVERED, [])
    assert set(modes) == {0o600}
    assert not list((tmp_path / "run").glob("frame-*"))


def test_the_same_frame_again_sends_nothing_and_another_one_is_a_new_load(job) -> None:
    """Its rows are its identity, not the library, the chunks or the time."""
    run_load(job, frame=pl.DataFrame(ROWS))
    again = run_load(job, frame=FRAMES["polars in chunks"]())
    assert (again.attempts, again.resumed) == (0, True)
    other = run_load(job, frame=pl.DataFrame(ROWS).with_columns(pl.col("quantity") + 1))
    assert (other.events_accepted, other.resumed) == (50, False)


def test_shards_of_a_frame_share_one_run_directory(job, tmp_path: Path) -> None:
    """Each has its folder in it, and together they are one load."""
    events = []
    for number in (1, 2):
        shard = job.model_copy(update={"shard": Shard(number=number, of=2)})
        events.append(run_load(shard, frame=pl.DataFrame(ROWS)).events_accepted)
    assert sum(events) == 50
    assert all(events)
    found = shard_folders(tmp_path / "run")
    assert [(shard.number, shard.of) for shard, _ in found] == [(1, 2), (2, 2)]
    assert {path.parent for path in (tmp_path / "run").rglob("checkpoint.sqlite")} == {
        folder for _, folder in found
    }


async def test_a_frame_is_loaded_on_a_running_loop(job, tmp_path: Path) -> None:
    """As in a notebook: awaited, or as a stream."""
    summary = await load(job, frame=pa.table(ROWS))
    assert summary.events_accepted == 50
    again = job.model_copy(update={"restart": True})
    stream = stream_load(again, frame=pl.DataFrame(ROWS))
    assert len([result async for result in stream]) == 50
    assert stream.summary.events_accepted == 50
    assert not list((tmp_path / "run").glob("frame-*"))


def test_a_plan_of_a_frame(job) -> None:
    """Plan counts what load would send."""
    assert plan(job, frame=pl.DataFrame(ROWS)).counts.events == 50


@pytest.mark.parametrize(
    ("frame", "what"),
    [
        (ROWS, "type of frame cannot be read"),
        (pd.DataFrame({"reservation_id": ["secret", 7]}), "The frame cannot be read"),
        (pl.DataFrame({"reservation_id": pl.Series([object()], dtype=pl.Object)}), "Python objects"),
        (pl.LazyFrame(ROWS).select(pl.col("reservation_id").cast(pl.Int64)), "The frame cannot be read"),
    ],
)
def test_what_is_no_frame_is_refused(job, tmp_path: Path, frame, what) -> None:
    """In one block without a value of it, and nothing is left on the disk."""
    with pytest.raises(LoaderError, match=what) as refusal:
        run_load(job, frame=frame)
    assert "secret" not in refusal.value.block()
    assert "R1" not in refusal.value.block()
    assert not (tmp_path / "run").exists()


def test_a_job_with_an_extract_takes_no_frame(job) -> None:
    """Which of both were loaded would be a guess."""
    with pytest.raises(LoaderError, match="an extract and a frame"):
        run_load(job.model_copy(update={"extract": ("x.csv",)}), frame=pl.DataFrame(ROWS))


KILLED = """
import sys
import polars as pl
from loader import read_job, run_load

job = read_job(event_type="scn.data.reservation", instance_id=sys.argv[1], endpoint_url=sys.argv[2],
               run_dir=sys.argv[3], rate=float(sys.argv[4]))
rows = pl.DataFrame({"reservation_id": [f"R{row}" for row in range(2_000)]})
rows = rows.with_columns(reservation_detail_id=pl.lit("1"))
summary = run_load(job, frame=rows)
print(summary.resumed, summary.events_accepted, summary.events_failed)
"""


def test_the_frame_of_a_killed_load_resumes(emulator, environment, tmp_path: Path) -> None:
    """A kill -9, then the same program again: each event once, and the file of the killed one goes."""
    run_dir = tmp_path / "run"
    command = [sys.executable, "-c", KILLED, INSTANCE, emulator.url, str(run_dir)]
    with subprocess.Popen([*command, "200"], env=os.environ | environment) as process:
        end = time.monotonic() + 60
        while not _accepted(emulator) and time.monotonic() < end:
            time.sleep(0.1)
        process.send_signal(signal.SIGKILL)
    assert list(run_dir.glob("frame-*/extract"))
    again = subprocess.run(
        [*command, "100000"], env=os.environ | environment, capture_output=True, text=True, check=True
    )
    assert again.stdout.split() == ["True", "2000", "0"]
    assert not list(run_dir.glob("frame-*"))
    assert _accepted(emulator) == 2_000


def _accepted(emulator) -> int:
    import sqlite3
    from contextlib import closing

    emulator.flush()
    with closing(sqlite3.connect(emulator.lake)) as lake:
        tables = [name for (name,) in lake.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        if "reservation" not in tables:
            return 0
        return int(lake.execute("SELECT count(*) FROM reservation").fetchone()[0])
