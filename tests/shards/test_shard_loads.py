"""Shards of one load, each delivered by a run of its own."""

import shutil
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from loader.checkpoint.start.lock import lock_run_dir
from loader.delivery.settings import share_of_ceiling
from loader.errors import CheckpointLocked, CheckpointMismatch, ExitCode, SettingsError
from loader.job import Job, Shard, checkpoint_dir_of
from loader.loading.settings import delivery_settings
from loader.testing import EmulatedService
from tests.shards.conftest import EVERY_REJECTED, ROWS, Load

REJECTED = ROWS // EVERY_REJECTED
RECORDS = ROWS - REJECTED


def test_shards_deliver_each_row_once(service: EmulatedService, load: Load) -> None:
    """The shards' counts add up to those of the load, and nothing arrives twice."""
    summaries = [load(f"{number}/3") for number in (1, 2, 3)]
    for summary in summaries:
        assert summary.violations() == []
        assert summary.rows_read + summary.rows_elsewhere == ROWS
        assert summary.files_read_whole == 1
    assert sum(summary.rows_read for summary in summaries) == ROWS
    assert sum(summary.rows_rejected for summary in summaries) == REJECTED
    assert [summary.events_accepted for summary in summaries].count(0) == 0
    assert sum(summary.events_accepted for summary in summaries) == RECORDS
    assert len(service.records("reservation")) == RECORDS
    assert service.calls()["attempts"] == RECORDS


def test_a_shard_without_rows_of_its_own_has_delivered(load: Load, extract: Path) -> None:
    """If all rows belong to other shards, the load does not count as empty."""
    extract.write_text("reservation_id,reservation_detail_id\nR1,1\n", encoding="utf-8")
    codes = {load(f"{number}/4").exit_code for number in (1, 2, 3, 4)}
    assert codes == {ExitCode.DELIVERED}
    assert load("1/4").exit_code is ExitCode.DELIVERED


def test_another_number_of_shards_repeats_tokens(
    service: EmulatedService, load: Load, tmp_path: Path
) -> None:
    """Shards whose disks are lost are begun again as two: the service knows what it accepted."""
    for number in (1, 2, 3):
        load(f"{number}/3")
    shutil.rmtree(tmp_path / "run")
    assert sum(load(f"{number}/2").events_accepted for number in (1, 2)) == RECORDS
    assert len(service.records("reservation")) == RECORDS


def test_k_comes_from_an_indexed_job(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kubernetes and Batch count their processes from 0."""
    for name in ("JOB_COMPLETION_INDEX", "AWS_BATCH_JOB_ARRAY_INDEX"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(name, "3")
            assert Shard.model_validate("/4") == Shard(number=4, of=4)
    monkeypatch.setenv("JOB_COMPLETION_INDEX", "4")
    with pytest.raises(ValueError, match="shard 5 of 4 does not exist"):
        Shard.model_validate("/4")


@pytest.mark.parametrize("text", ["5/4", "0/4", "4", "a/b", "1/0", "/4", "1/10001", "-1/4", "1/4/2"])
def test_a_text_that_is_not_a_shard_is_refused(job: Callable[..., Job], text: str) -> None:
    """The error names the setting, and sends nothing."""
    with pytest.raises(SettingsError) as refused:
        job(shard=text)
    assert "shard" in refused.value.block()


def test_shards_of_different_jobs_are_refused(load: Load, tmp_path: Path, service: EmulatedService) -> None:
    """A shard with other settings, or of other files, does not join the load of the run directory."""
    load("1/2")
    other = tmp_path / "other.csv"
    other.write_text("reservation_id,reservation_detail_id\nR1,1\n", encoding="utf-8")
    calls = service.calls()["attempts"]
    with pytest.raises(CheckpointMismatch, match="shard 1/2 of another job") as refused:
        load("2/2", nulls="null")
    assert "setting nulls" in refused.value.why
    with pytest.raises(CheckpointMismatch, match="shard 1/2 of other files"):
        load("2/2", extract=[str(other)])
    with pytest.raises(CheckpointMismatch, match="shard 1/2 of another job"):
        load(nulls="null")
    assert service.calls()["attempts"] == calls
    assert load("2/2").exit_code is ExitCode.DELIVERED_WITH_FAILURES


def test_one_runner_of_a_shard_and_one_division_at_a_time(job: Callable[..., Job], load: Load) -> None:
    """A second runner of a shard is refused, and so is one of another number of shards."""
    load("1/2")
    with ExitStack() as held:
        held.enter_context(lock_run_dir(checkpoint_dir_of(job(shard="1/2"))))
        with pytest.raises(CheckpointLocked, match="Another process is working"):
            load("1/2")
        with pytest.raises(CheckpointLocked, match="delivers shard 1/2"):
            load("1/3")
        with pytest.raises(CheckpointLocked, match="delivers shard 1/2"):
            load()
        assert load("2/2").events_accepted


def test_all_shards_of_a_restart_have_the_same_generation(service: EmulatedService, load: Load) -> None:
    """A deliberate second load is one load for all shards, also if their number is another one now."""
    load("1/2")
    load("2/2")
    for number in (1, 2, 3):
        load(f"{number}/3", restart=True)
    assert service.calls()["attempts"] == 2 * RECORDS
    assert {row[0] for row in service.query("SELECT count(*) FROM reservation")} == {RECORDS}
    for number in (1, 2, 3):  # an accidental run after it sends nothing anew
        assert load(f"{number}/3").attempts == 0


def test_the_ceiling_is_shared_out(job: Callable[..., Job]) -> None:
    """The shares of all shards are the ceiling, in rate and in burst."""
    for rate, burst, of in ((500.0, None, 4), (500.0, 7, 4), (1.0, 16, 16), (30.0, None, 3)):
        shards = [Shard(number=number, of=of) for number in range(1, of + 1)]
        rates, bursts = zip(*(share_of_ceiling(rate, burst, shard) for shard in shards), strict=True)
        assert sum(each or 0 for each in rates) == pytest.approx(rate)
        assert sum(each or 0 for each in bursts) == (burst or rate // 10)
    assert delivery_settings(job(shard="2/4", rate=100)).rate == 25
    with pytest.raises(SettingsError, match="A setting cannot be used"):
        job(shard="1/4", rate=10)
