"""``--keep``: which earlier loads are removed, which stay, and that what was delivered is still known."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.checkpoint import Checkpoint, Plan, Replacing, RunEnd, open_checkpoint
from loader.checkpoint.earlier.retention import EarlierLoad, beyond, earlier_loads, remove_earlier_loads
from loader.checkpoint.file_names import LOG_NAME
from loader.checkpoint.start.delivered import delivered_before, identity
from loader.checkpoint.start.removed_loads import LIST_NAME, removed_loads
from loader.checkpoint.verdicts import Receipt, Verdict, open_verdicts
from loader.errors import CheckpointCorrupt
from loader.job import Keep
from loader.job.keep import DAY_SECONDS
from loader.model import EventState, RejectedRow
from loader.reject_code import RejectCode
from loader.status.earlier import earlier_text, read_earlier
from loader.status.overview import read_overview
from tests.checkpoint.sample_loads import (
    START,
    Clock,
    accepted,
    load_plan,
    put_aside,
    source_file,
    up_to,
    window_plan,
)

DONE = RunEnd("completed", 0, complete=True)
Night = Callable[[Checkpoint], None]


def plan_of(night: int) -> Plan:
    """Return the plan of one night: the same job, a file of its own."""
    plan = load_plan()
    return replace(plan, files=[replace(source_file(night), number=0)], connection={"keep": "2"})


def delivered(checkpoint: Checkpoint) -> None:
    """Deliver a load of one event and one rejected row."""
    rejected = [RejectedRow(0, 1, "quantity", RejectCode.NOT_A_NUMBER, "not a number", "x")]
    checkpoint.begin_slice(window_plan(events=1, rejected=rejected))
    checkpoint.record(accepted(0, 0))
    checkpoint.finish(DONE)


def failed(checkpoint: Checkpoint) -> None:
    checkpoint.begin_slice(window_plan(events=1))
    checkpoint.record(put_aside(0, 0))
    checkpoint.finish(RunEnd("completed", 1, complete=True))


def in_doubt(checkpoint: Checkpoint) -> None:
    checkpoint.begin_slice(window_plan(events=1))
    checkpoint.record(put_aside(0, 0, EventState.IN_DOUBT))
    checkpoint.finish(RunEnd("completed", 6, complete=True))


def stopped(checkpoint: Checkpoint) -> None:
    checkpoint.begin_slice(window_plan(events=1))
    checkpoint.finish(RunEnd("Ctrl-C came.", 130, complete=False))


def nights(run_dir: Path, *kinds: Night, clock: Clock | None = None) -> None:
    """Run one load a day, each with a log and a file of rejected rows."""
    clock = clock or Clock()
    for number, kind in enumerate(kinds):
        with open_checkpoint(
            run_dir, plan_of(number), replacing=Replacing(restart=True), clock=clock
        ) as checkpoint:
            kind(checkpoint)
            (run_dir / LOG_NAME).write_text("a line\n")
            (run_dir / "rejected").mkdir()
            (run_dir / "rejected" / "orders.csv").write_text("a\n")
        clock.now += DAY_SECONDS


def names(run_dir: Path) -> set[str]:
    return {path.name.partition("-")[0] for path in run_dir.iterdir() if "-" in path.name}


@pytest.mark.parametrize(
    ("rule", "left"), [("0", 0), ("1", 1), ("3", 3), ("9", 4), ("2d", 2), ("1d", 1), ("0d", 0), ("all", 4)]
)
def test_the_rule_counts_loads_or_days(tmp_path: Path, rule: str, left: int) -> None:
    """N keeps the latest N beside the present one; days count from the end of each."""
    clock = Clock()
    nights(tmp_path, *[delivered] * 5, clock=clock)
    removed = remove_earlier_loads(tmp_path, Keep.of_text(rule), clock.now - DAY_SECONDS - 1)
    assert (removed.loads, removed.problem) == (4 - left, "")
    assert removed.rows_rejected == 4 - left
    for pattern in ("checkpoint-*", "rejected-*", "load-*"):
        assert len(list(tmp_path.glob(pattern))) == left, pattern
    assert (tmp_path / "checkpoint.sqlite").exists()
    assert (tmp_path / LOG_NAME).exists()
    kept = [load.began_at for load in earlier_loads(tmp_path)]
    assert kept == [START + DAY_SECONDS * day for day in range(4 - left, 4)]


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        (failed, "it has failed events"),
        (in_doubt, "it has events in doubt"),
        (stopped, "it is not complete"),
    ],
)
def test_a_load_with_failures_or_doubt_is_kept(tmp_path: Path, kind: Night, why: str) -> None:
    """The load stays whole, with its rejected rows and its log, and ``status`` says why."""
    nights(tmp_path, kind, delivered, delivered)
    assert remove_earlier_loads(tmp_path, Keep(loads=0), START).loads == 1
    (left,) = earlier_loads(tmp_path)
    assert left.stays_because == why
    assert names(tmp_path) == {"checkpoint", "rejected", "load"}
    shown = earlier_text(read_earlier(read_overview(tmp_path, START), START))
    assert "1 earlier load was removed" in shown
    assert why not in shown, "the rule of the present load keeps 2"


async def test_doubt_that_only_marks_know_of_stays(tmp_path: Path) -> None:
    """A killed load that was superseded has its doubt in the marks."""
    checkpoint = open_checkpoint(tmp_path, plan_of(0))
    checkpoint.begin_slice(window_plan(events=2))
    await checkpoint.mark_sendable(up_to(0, 1))
    checkpoint.close()
    nights(tmp_path, delivered)
    assert remove_earlier_loads(tmp_path, Keep(loads=0), START).loads == 0


@pytest.mark.parametrize(
    ("verdict", "stays"),
    [
        (Verdict.SUCCEEDED, False),
        (Verdict.KNOWN, False),
        (Verdict.UNKNOWN, False),
        (Verdict.FAILED, True),
        (Verdict.MISSING, True),
        (Verdict.IN_PROGRESS, True),
    ],
)
def test_a_load_that_was_verified_stays_unless_all_is_loaded(
    tmp_path: Path, verdict: Verdict, *, stays: bool
) -> None:
    """What the service did not load, or has not decided, is never removed."""
    nights(tmp_path, delivered)
    with open_verdicts(tmp_path) as verdicts:
        (receipt,) = verdicts.receipts()
        assert receipt == Receipt(0, 0, None, receipt.event_id)
        verdicts.record(receipt, verdict)
        verdicts.flush()
    (tmp_path / "rejected").rename(tmp_path / "elsewhere")
    nights(tmp_path, delivered)
    assert remove_earlier_loads(tmp_path, Keep(loads=0), START).loads == int(not stays)


def test_what_was_delivered_is_known_after_the_checkpoint_is_gone(tmp_path: Path) -> None:
    """The list has the files; a load elsewhere, or of another destination, is not in it."""
    nights(tmp_path, *[delivered] * 4)
    before = delivered_before(tmp_path, load_plan().settings).paths
    remove_earlier_loads(tmp_path, Keep(loads=1), START)
    after = delivered_before(tmp_path, load_plan().settings)
    assert after.paths == before == {identity(file): file.path for file in map(source_file, range(3))}
    assert after.unreadable == []
    assert delivered_before(tmp_path, load_plan(instance_id="other").settings).paths == {}
    assert (tmp_path / LIST_NAME).stat().st_mode & 0o077 == 0


def test_generations_go_on_after_loads_are_removed(tmp_path: Path) -> None:
    """A second load of the same bytes is a new one to the service, whatever was removed in between."""
    nights(tmp_path, delivered, delivered, delivered)
    remove_earlier_loads(tmp_path, Keep(loads=0), START)
    (tmp_path / "rejected").rename(tmp_path / "elsewhere")
    (tmp_path / "checkpoint.sqlite").write_bytes(b"damaged")
    with open_checkpoint(tmp_path, plan_of(3), replacing=Replacing(restart=True)) as checkpoint:
        assert checkpoint.generation == 3


def test_a_kill_between_list_and_checkpoint_loses_nothing(tmp_path: Path) -> None:
    """The load is in the list and still there: it counts once, and the next start removes it."""
    nights(tmp_path, delivered, delivered)
    (kept,) = tmp_path.glob("checkpoint-*.sqlite")
    content = kept.read_bytes()
    remove_earlier_loads(tmp_path, Keep(loads=0), START)
    kept.write_bytes(content)
    assert len(delivered_before(tmp_path, load_plan().settings).paths) == 1
    assert remove_earlier_loads(tmp_path, Keep(loads=0), START).loads == 1
    assert len(removed_loads(tmp_path)) == 1


def test_a_list_that_cannot_be_written_keeps_the_checkpoints(tmp_path: Path) -> None:
    """Nothing goes before it is remembered; the load that asked is not stopped."""
    nights(tmp_path, delivered, delivered)
    (tmp_path / LIST_NAME).mkdir()
    removed = remove_earlier_loads(tmp_path, Keep(loads=0), START)
    assert removed.loads == 0
    assert removed.problem
    assert list(tmp_path.glob("checkpoint-*.sqlite"))


@pytest.mark.parametrize("damage", [b"{", b"[]\n", b'{"load_id":"a"}\n', b"\xff\n"])
def test_a_damaged_list_is_refused(tmp_path: Path, damage: bytes) -> None:
    """Otherwise files would be sent again without a word."""
    nights(tmp_path, delivered, delivered)
    (tmp_path / LIST_NAME).write_bytes(damage)
    with pytest.raises(CheckpointCorrupt, match="list of delivered files is damaged"):
        delivered_before(tmp_path, load_plan().settings)
    assert remove_earlier_loads(tmp_path, Keep(loads=0), START).loads == 0


def test_a_damaged_checkpoint_stays_and_is_named(tmp_path: Path) -> None:
    """Whether its files were delivered is not known: it is never removed, and the next load says so."""
    nights(tmp_path, delivered, delivered)
    (kept,) = tmp_path.glob("checkpoint-*.sqlite")
    kept.write_bytes(b"junk")
    assert delivered_before(tmp_path, load_plan().settings).unreadable == [kept]
    assert remove_earlier_loads(tmp_path, Keep(loads=0), START).loads == 0
    assert kept.exists()


def test_a_checkpoint_of_an_older_shape_is_not_removed_half(tmp_path: Path) -> None:
    """A file without the tables of this version cannot be judged, so it stays."""
    nights(tmp_path, delivered, delivered)
    (kept,) = tmp_path.glob("checkpoint-*.sqlite")
    with closing(sqlite3.connect(kept)) as connection:
        connection.execute("DROP TABLE verdicts")
    (load,) = earlier_loads(tmp_path)
    assert load.stays_because == "it cannot be read"


LOADS = st.lists(st.tuples(st.floats(0, 1e6), st.none() | st.floats(0, 1e6)), max_size=12)


@given(LOADS, st.integers(0, 14), st.floats(0, 2e6))
def test_a_stricter_rule_removes_no_less(times: list[tuple[float, float | None]], n: int, now: float) -> None:
    """What a rule keeps, a looser one keeps too; N loads never keep more than N."""
    loads = [EarlierLoad(Path(str(at)), at, ended, "", None, 0) for at, ended in times]
    assert len(beyond(loads, Keep(loads=n), now)) == max(0, len(loads) - n)
    assert set(map(id, beyond(loads, Keep(days=n + 1), now))) <= set(
        map(id, beyond(loads, Keep(days=n), now))
    )
    assert beyond(loads, Keep(), now) == []
