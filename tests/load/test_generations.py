"""A deliberate second load of the same bytes is a new load; an accidental one has the same tokens."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from loader import Job, stream_load
from loader.emulator import Emulator, EmulatorSettings, running_emulator
from loader.job import Shard
from loader.preview.preview import plan

INSTANCE = "8928ae12-15e5-4441-825d-ec2184f0a43a"


@pytest.fixture
async def emulator(environment: dict[str, str]) -> AsyncIterator[Emulator]:
    async with running_emulator(EmulatorSettings()) as running:
        yield running


@pytest.fixture
def job(emulator: Emulator, tmp_path: Path) -> Job:
    return Job(
        extract=[str(tmp_path / "r.csv")],
        event_type="scn.data.reservation",
        instance_id=INSTANCE,
        endpoint_url=emulator.url,
        run_dir=tmp_path / "run",
    )


def write(path: str, quantity: int, *, rows: int = 1) -> None:
    lines = "".join(f"R{row},1,{quantity}\n" for row in range(rows))
    Path(path).write_text(f"reservation_id,reservation_detail_id,quantity\n{lines}")


async def load(job: Job, quantity: int, *, restart: bool = False) -> list[str]:
    """Load an extract of one row; return the tokens that were sent."""
    write(job.extract[0], quantity)
    run = job.model_copy(update={"restart": restart})
    return [result.event.token async for result in stream_load(run)]


@pytest.mark.parametrize("restart", [False, True])
async def test_an_extract_that_equals_an_earlier_one_is_loaded_again(
    job: Job,
    emulator: Emulator,
    restart: bool,  # noqa: FBT001
) -> None:
    """10, 20, then 10 again within 8 hours: the lake has 10, be it by --restart or by last night's file."""
    tokens = [token for each in (10, 20, 10) for token in await load(job, each, restart=restart)]
    assert len(set(tokens)) == 3
    assert [row.verdict for row in await emulator.rows()] == ["accepted"] * 3
    assert await emulator.lake("SELECT quantity FROM reservation") == [("10",)]


async def test_again_sends_the_same_files_as_new_events(job: Job, emulator: Emulator) -> None:
    """Before, a finished load of the same files was resumed, so nothing was sent."""
    first = await load(job, 10)
    assert await load(job, 10) == []
    again = job.model_copy(update={"again": True})
    second = await load(again, 10)
    assert len(first) == len(second) == 1
    assert first != second
    assert [row.verdict for row in await emulator.rows()] == ["accepted"] * 2


async def test_again_for_shards_waits_for_the_whole_load(job: Job, emulator: Emulator) -> None:
    """While a shard is not finished, the same command resumes the load: no shard sends twice."""
    write(job.extract[0], 5, rows=20)
    sent = []
    for number in (1, 1, 2, 1, 2, 2):
        shard = job.model_copy(update={"again": True, "shard": Shard(number=number, of=2)})
        sent.append(len([result async for result in stream_load(shard)]))
    first, second = sent[0], sent[2]
    assert first + second == 20
    # The second run of shard 1 waits for shard 2; the last run of shard 2 begins a third load.
    assert sent == [first, 0, second, first, second, second]


async def test_a_lost_run_directory_gives_the_same_tokens(job: Job, tmp_path: Path) -> None:
    """An accidental second run within 8 hours changes nothing."""
    first = await load(job, 10)
    shutil.rmtree(tmp_path / "run")
    assert await load(job, 10) == first


async def test_a_plan_writes_down_the_tokens_that_the_load_will_have(job: Job, tmp_path: Path) -> None:
    """Also where the load counts a generation."""
    first = await load(job, 10)
    for number, restart in enumerate((False, True)):
        path = tmp_path / f"emitted-{number}"
        again = job.model_copy(update={"restart": restart})
        await asyncio.to_thread(plan, again, emit=path)
        expected = await load(job, 10, restart=restart) or first
        assert [json.loads(line)["clientToken"] for line in path.read_text().splitlines()] == expected
