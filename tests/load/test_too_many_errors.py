"""--max-errors-per-file: one bad file of many stops the load; rejected rows come out right after a stop."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from loader import Job, stream_load
from loader.emulator import Emulator, EmulatorSettings, running_emulator
from loader.errors import CheckpointError, TooManyFailures
from loader.loading.rejects import rejected_files, write_rejects

HEADER = "reservation_id,reservation_detail_id\n"
INSTANCE = "8928ae12-15e5-4441-825d-ec2184f0a43a"


@pytest.fixture
async def emulator(environment) -> AsyncIterator[Emulator]:
    async with running_emulator(EmulatorSettings()) as running:
        yield running


def write_files(folder: Path, *bad_of_200: int) -> None:
    """Write files of 200 rows each, so many of them without a key."""
    for number, bad in enumerate(bad_of_200):
        keys = [f"R{number}"] * (200 - bad) + [""] * bad
        lines = [f"{key},{row:03d}\n" for row, key in enumerate(keys)]
        (folder / f"file{number}.csv").write_text(HEADER + "".join(lines))


async def load(emulator: Emulator, folder: Path, **settings: Any) -> int:
    """Load the files of a folder in windows of 50 rows, and return the number of events with an outcome."""
    job = Job(
        extract=[str(folder / "*.csv")],
        event_type="scn.data.reservation",
        instance_id=INSTANCE,
        endpoint_url=emulator.url,
        run_dir=folder / "run",
        window_rows=50,
        **settings,
    )
    return len([result async for result in stream_load(job)])


@pytest.mark.parametrize("limit", ["9", "10%"])
async def test_one_bad_file_stops_the_load(emulator, tmp_path, limit):
    """What all files together may have is too much for one; the error names it."""
    write_files(tmp_path, 5, 50, 0)
    with pytest.raises(TooManyFailures, match="--max-errors-per-file") as stopped:
        await load(emulator, tmp_path, max_errors="300", max_errors_per_file=limit)
    assert stopped.value.where.endswith("file1.csv")
    assert stopped.value.exit_code == 3


@pytest.mark.parametrize("limit", ["5", "2.5%"])
async def test_errors_spread_over_files_do_not_stop_the_load(emulator, tmp_path, limit):
    """Five of 200 in each of four files are fifteen too many together, and none in any file."""
    write_files(tmp_path, 5, 5, 5, 5)
    assert await load(emulator, tmp_path, max_errors_per_file=limit) == 4 * 195


async def test_a_share_waits_for_a_sample(emulator, tmp_path):
    """The first 100 rows of a file decide nothing: half of them bad is a quarter in the end."""
    keys = [""] * 49 + ["R"] * 151
    lines = "".join(f"{key},{row}\n" for row, key in enumerate(keys))
    (tmp_path / "file.csv").write_text(HEADER + lines)
    assert await load(emulator, tmp_path, max_errors_per_file="49%") == 151


@pytest.mark.parametrize("setting", ["max_errors", "max_errors_per_file"])
async def test_a_share_of_early_errors_is_noticed_when_the_sample_is_there(emulator, tmp_path, setting):
    """No error comes after the first 100 rows, and a fifth of them all is too much."""
    keys = [""] * 30 + ["R"] * 120
    (tmp_path / "file.csv").write_text(HEADER + "".join(f"{key},{row}\n" for row, key in enumerate(keys)))
    with pytest.raises(TooManyFailures):
        await load(emulator, tmp_path, **{setting: "10%"})


async def test_lines_that_a_quote_swallowed_count_as_errors(emulator, tmp_path):
    """One row that is rejected for 200 lines is 200 errors; a limit above that lets the load end."""
    lines = [f"R{row},{row}\n" for row in range(200)]
    (tmp_path / "file.csv").write_text(HEADER + 'R,"1\n' + "".join(lines) + 'S,"2"\nT,3\n')
    for setting in ("max_errors", "max_errors_per_file"):
        with pytest.raises(TooManyFailures):
            await load(emulator, tmp_path, restart=True, **{setting: "200"})
    assert await load(emulator, tmp_path, restart=True, max_errors="202") == 1


async def test_swallowed_lines_are_not_forgotten_by_a_resume(emulator, tmp_path):
    """Errors of earlier runs count: a load that was stopped by its limit is stopped again by the same one."""
    lines = [f"R{row},{row}\n" for row in range(200)]
    write_files(tmp_path, 0, 60, 0)
    (tmp_path / "file0.csv").write_text(HEADER + 'R,"1\n' + "".join(lines) + 'S,"2"\nT,3\n')
    for _ in range(2):
        with pytest.raises(TooManyFailures):
            await load(emulator, tmp_path, max_errors="220")
    await load(emulator, tmp_path, max_errors="262")


@pytest.mark.parametrize("limit", ["150", "75%"])
async def test_swallowed_lines_of_a_file_are_not_forgotten_by_a_resume(emulator, tmp_path, limit):
    """The limit of one file counts as that of all."""
    lines = [f"R{row},{row}\n" for row in range(200)]
    (tmp_path / "file.csv").write_text(HEADER + 'R,"1\n' + "".join(lines) + 'S,"2"\nT,3\n')
    for _ in range(2):
        with pytest.raises(TooManyFailures):
            await load(emulator, tmp_path, max_errors_per_file=limit)


async def test_rejected_rows_are_whole_after_a_stop_and_a_resume(emulator, tmp_path):
    """A load that was stopped has no file yet; resumed to its end it has each row once, and stays so."""
    write_files(tmp_path, 0, 60)
    run_dir = tmp_path / "run"
    with pytest.raises(TooManyFailures):
        await load(emulator, tmp_path, max_errors_per_file="9")
    with pytest.raises(CheckpointError, match="not read all"):
        write_rejects(run_dir)
    assert rejected_files(run_dir) == []
    (run_dir / "rejected.new").mkdir()
    (run_dir / "rejected.new" / "file1.csv").write_text("half")  # a kill while they were written

    await load(emulator, tmp_path)
    (path,) = rejected_files(run_dir)
    assert path.name == "2-file1.csv"
    assert path.read_text() == HEADER + "".join(f",{row:03d}\n" for row in range(140, 200))

    path.write_text("corrected")
    assert write_rejects(run_dir) == [path]
    await load(emulator, tmp_path, restart=True)
    assert path.read_text().startswith(HEADER)
    (kept,) = run_dir.glob("rejected-*/2-file1.csv")
    assert kept.read_text() == "corrected"
