"""What a load with ``--workers`` says, keeps and stops at is what a load of one process does."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from loader import run_load
from loader.aws.signing import Credentials
from loader.emulator import ACCESS_KEY_ID, SECRET_ACCESS_KEY
from loader.errors import CheckpointMismatch, ExitCode
from loader.job import Job
from loader.job.sections import Unfinished
from loader.loading.observers import Observers
from loader.loading.other_shards import OPENS_WITHIN_SECONDS
from loader.loading.settings import error_limits
from loader.report import LoadSummary, Snapshot
from loader.report.summary import to_json
from loader.runners.combined import summary_of
from loader.runners.error_sums import ErrorSums
from loader.runners.messages import WorkerEnd
from loader.runners.workers import run_workers
from loader.testing import EmulatedService
from tests.prepared.workers import start_worker
from tests.shards.conftest import EVERY_REJECTED, ROWS
from tests.shards.test_whole_load import run, status_of

KEY = Credentials(ACCESS_KEY_ID, SECRET_ACCESS_KEY)
COMMAND = "scn-loader load x.csv --workers 2"
REJECTED = ROWS // EVERY_REJECTED

IDENTITY = ("load_id", "rehearsal", "instance_id", "event_type", "files", "command", "began_at", "ended_at")

MakeJob = Callable[..., Job]


def deliver(job: Job) -> LoadSummary:
    """Run a load with workers in this process."""
    return run_workers(job, Observers(), command=COMMAND, key=KEY, start=start_worker).summary


def write_night(extract: Path, night: int, rejected: int) -> None:
    """Write the extract of a night: 40 rows, some of them without a required value."""
    lines = [f"{'' if row < rejected else f'N{night}-{row}'},{row},P" for row in range(40)]
    extract.write_text("\n".join(["reservation_id,reservation_detail_id,product_id", *lines]) + "\n")


class StopsEarly:
    """Watches a load, and stops it with a signal after some events.

    Attributes:
        has_stopped: Whether it did.
    """

    def __init__(self) -> None:
        self.has_stopped = False

    def __call__(self, snapshot: Snapshot) -> None:
        if snapshot.events_accepted > 5 and not self.has_stopped:
            self.has_stopped = True
            os.kill(os.getpid(), signal.SIGINT)


def test_the_summary_says_which_load_it_was(job: MakeJob, tmp_path: Path) -> None:
    """Summary, status and closing block have the same id, files and times."""
    opened: list[str] = []
    shown: list[Snapshot] = []
    observers = Observers(opened=lambda _, load_id: opened.append(load_id), watch=shown.append)
    command = f"{COMMAND} --run-dir {tmp_path / 'run'}"
    summary = run_workers(job(workers=2), observers, command=command, key=KEY, start=start_worker).summary
    values, status = orjson.loads(to_json(summary)), status_of(tmp_path / "run")
    assert {name: values[name] for name in IDENTITY} == {name: status[name] for name in IDENTITY}
    assert all(values[name] is not None for name in IDENTITY)
    assert opened == [summary.identity.load_id]
    assert shown[-1].events_accepted == summary.events_accepted > 0  # however short the load was
    assert summary.identity.files == [str(tmp_path / "reservations.csv")]

    corrected = tmp_path / "run" / "rejected" / "reservations.csv"
    corrected.write_text(corrected.read_text().replace("\n,", "\nC,"))
    deliver(job(workers=1, extract=[str(corrected)], run_dir=tmp_path / "run" / "corrected"))
    assert status_of(tmp_path / "run")["child"] == str(tmp_path / "run" / "corrected")
    assert status_of(tmp_path / "run" / "corrected")["parent"] == str(tmp_path / "run")


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        ({"max_errors": "1%"}, ExitCode.TOO_MANY_ERRORS),
        ({"max_errors": "4%"}, ExitCode.DELIVERED_WITH_FAILURES),
        ({"max_errors": REJECTED - 1}, ExitCode.TOO_MANY_ERRORS),
        ({"max_errors_per_file": "2%"}, ExitCode.TOO_MANY_ERRORS),
        ({"max_errors_per_file": REJECTED}, ExitCode.DELIVERED_WITH_FAILURES),
    ],
)
def test_a_limit_of_errors_holds_for_the_load(
    job: MakeJob, limits: dict[str, object], code: ExitCode
) -> None:
    """All rejected rows are of one group, and so of one shard: its share is double that of the load."""
    ending = run_workers(job(workers=2, **limits), Observers(), command=COMMAND, key=KEY, start=start_worker)
    assert ending.summary.exit_code is code
    if code is ExitCode.TOO_MANY_ERRORS:
        assert ending.error is not None
        assert ending.error.next_step.endswith(f"scn-loader status {ending.summary.run_dir}")


def test_a_fast_shard_with_all_errors_is_not_the_load(job: MakeJob, tmp_path: Path) -> None:
    """Its share counts as far as it has looked at the extract; at the end the sums are exact."""
    sums = ErrorSums(error_limits(job(max_errors="4%")), tmp_path)
    sums.take(1, (60, 1000, 0, 1000, 2000), {})
    sums.take(2, (0, 50, 0, 50, 100), {})
    assert sums.beyond_limits() is None
    assert sums.beyond_limits(at_end=True) is not None
    sums.take(2, (0, 1000, 0, 1000, 2000), {})
    assert sums.beyond_limits(at_end=True) is None
    sums.take(1, (85, 1000, 0, 1000, 2000), {})
    assert sums.beyond_limits() is not None


def test_the_end_of_an_unfinished_load_counts(job: MakeJob, extract: Path) -> None:
    """Its rejected rows give the exit code, although all rows of the files that waited are delivered.

    A shard that has finished it waits for the others: no process of the load is refused.
    """
    stop = StopsEarly()
    unfinished = job(workers=2, rate=20, burst=2)
    run_workers(unfinished, Observers(watch=stop), command=COMMAND, key=KEY, start=start_worker)
    assert stop.has_stopped
    later = extract.with_name("later.csv")
    write_night(later, 1, rejected=0)
    both = {"extract": [str(extract), str(later)], "unfinished": Unfinished.RESUME}
    summary = deliver(job(workers=2, **both))
    assert (summary.rows_read, summary.rows_rejected) == (40, 0)
    before = summary.before
    assert before is not None
    assert (before.rows_read, before.rows_rejected, before.files_total) == (ROWS, REJECTED, 1)
    assert before.violations() == []
    assert summary.exit_code is ExitCode.DELIVERED_WITH_FAILURES


def test_a_shard_that_finished_its_load_before_waits_for_the_others(
    job: MakeJob, load: Callable[..., LoadSummary], extract: Path
) -> None:
    """As after a crash of one shard: the next command resumes it first, and no process is refused."""
    stop = StopsEarly()
    load(shard="1/2")
    run_load(job(shard="2/2", rate=20, burst=2), watch=stop)
    assert stop.has_stopped
    later = extract.with_name("later.csv")
    write_night(later, 1, rejected=0)
    both = {"extract": [str(extract), str(later)], "unfinished": Unfinished.RESUME}
    began = time.monotonic()
    with pytest.raises(CheckpointMismatch):  # another job is refused anyway, so it waits for nothing
        run_load(job(shard="1/2", numbers="number", **both))
    assert time.monotonic() - began < OPENS_WITHIN_SECONDS / 2
    summary = deliver(job(workers=2, **both))
    assert (summary.rows_read, summary.records) == (40, 40)
    assert summary.exit_code is ExitCode.DELIVERED_WITH_FAILURES  # of the rows that the load before rejected
    assert status_of(extract.with_name("run"))["state"] == "finished"


@pytest.mark.parametrize("finished_now", [1, 2, 3])
def test_the_summary_of_some_shards_has_the_rows_of_the_others_elsewhere(
    tmp_path: Path, finished_now: int
) -> None:
    """Shards that were finished before delivered the rest, and the sum still reads the whole extract."""
    shares = (5, 7, 8)
    ends = [
        WorkerEnd(
            LoadSummary(
                run_dir="",
                before=LoadSummary(
                    run_dir="",
                    files_total=2,
                    files_read_whole=2,
                    rows_expected=sum(shares),
                    rows_read=share,
                    records=share,
                    rows_elsewhere=sum(shares) - share,
                )
                if number < finished_now
                else None,
            ),
            None,
        )
        for number, share in enumerate(shares)
    ]
    before = summary_of(tmp_path, ends, Snapshot(), seconds=1.0, error=None).before
    assert before is not None
    assert before.violations() == []
    assert (before.rows_read, before.files_total) == (sum(shares[:finished_now]), 2)
    assert before.rows_elsewhere == sum(shares[finished_now:])


def test_each_night_keeps_the_loads_that_the_settings_ask_for(
    job: MakeJob, extract: Path, tmp_path: Path
) -> None:
    """Each night has its own rejected rows; what is kept is bounded, and status counts loads, not shards."""
    run_dir = tmp_path / "run"
    for night in range(4):
        write_night(extract, night, rejected=night + 1)
        summary = deliver(job(workers=2, keep="1"))
        assert summary.rows_rejected == night + 1
        (lines,) = [path.read_text().splitlines() for path in (run_dir / "rejected").glob("*.csv")]
        assert len(lines) == 1 + summary.rows_rejected
    kept = sorted(str(path.relative_to(run_dir)) for path in run_dir.rglob("*-2*"))
    names = (
        "shards/1of2/checkpoint-",
        "shards/1of2/load-",
        "shards/1of2/rejected-",
        "shards/2of2/checkpoint-",
    )
    for name in (*names, "shards/2of2/load-"):
        assert len([each for each in kept if each.startswith(name)]) == 1, kept
    assert len(kept) == 5, kept
    (first,) = (run_dir / "shards" / "1of2").glob("checkpoint-*.sqlite")
    status = status_of(run_dir)
    assert status["earlier"] == [str(first)]
    assert status["earlier_removed"] == 2
    assert "1 load of this run directory" in run("status", run_dir)[1]


def test_one_process_after_workers_has_its_own_rejected_rows(
    job: MakeJob, extract: Path, tmp_path: Path
) -> None:
    """The rows of the night before lie beside no checkpoint of this load."""
    for night, workers in enumerate((2, 1, 3)):
        write_night(extract, night, rejected=3 - night)
        deliver(job(workers=workers))
        (path,) = (tmp_path / "run" / "rejected").glob("*.csv")
        assert len(path.read_text().splitlines()) == 4 - night


def test_trouble_of_a_shard_is_in_summary_and_status(
    job: MakeJob, service: EmulatedService, tmp_path: Path
) -> None:
    """The cause of failed attempts is in summary and status."""
    from loader.emulator import FaultKind, FaultPlan, FaultRule

    service.emulator.set_faults(FaultPlan(rules=(FaultRule(fault=FaultKind.PAGE, last_call=2),)))
    summary = deliver(job(workers=2))
    assert summary.last_trouble is not None
    assert f"trouble   {summary.last_trouble.code}" in run("status", tmp_path / "run")[1]


@pytest.mark.parametrize("what", ["run_dir", "extract"])
def test_names_may_hold_any_bytes(job: MakeJob, extract: Path, tmp_path: Path, what: str) -> None:
    """Bytes that are not UTF-8 in a run directory are kept; in the name of an extract they are refused."""
    odd = tmp_path / os.fsdecode(b"r\xff\n")
    extract_there = odd / "x.csv"
    odd.mkdir()
    extract_there.write_bytes(extract.read_bytes())
    given = {"run_dir": odd / "run"} if what == "run_dir" else {"extract": [str(extract_there)]}
    if what == "run_dir":
        summary = deliver(job(workers=2, **given))
        assert summary.exit_code is ExitCode.DELIVERED_WITH_FAILURES
        assert status_of(odd / "run")["state"] == "finished"
    else:
        from loader.errors import LoaderError

        with pytest.raises(LoaderError, match="name of a file cannot be used"):
            deliver(job(workers=2, **given))
