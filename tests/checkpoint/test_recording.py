"""What a run writes down, and how the next one finds it."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from loader.checkpoint import Checkpoint, Plan, RunEnd, Totals, open_checkpoint
from loader.checkpoint.doubt import LOST_ANSWER, SKIPPED
from loader.checkpoint.file_names import CHECKPOINT_NAME
from loader.checkpoint.schema import create_tables
from loader.checkpoint.writing.entries import slice_opened
from loader.checkpoint.writing.ledger import Ledger
from loader.checkpoint.writing.runs import RunRecord
from loader.errors import CheckpointMismatch
from loader.model import EventState, RejectedRow
from loader.reject_code import RejectCode
from tests.checkpoint.sample_loads import (
    START,
    WINDOW_ROWS,
    Clock,
    accepted,
    contents,
    ended_complete,
    event,
    event_id,
    load_plan,
    put_aside,
    receipts_of,
    up_to,
    window_plan,
)

Reopen = Callable[..., Checkpoint]

DONE = RunEnd("done", 0, complete=True)
STOPPED = RunEnd("interrupted", 130, complete=False)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def reopen(tmp_path: Path, clock: Clock) -> Iterator[Reopen]:
    """Open the same run directory again and again; whatever is still open is closed, as a crash leaves it."""
    opened: list[Checkpoint] = []

    def open_again(plan: Plan | None = None, **options: Any) -> Checkpoint:
        for checkpoint in opened:
            checkpoint.close()
        opened.append(open_checkpoint(tmp_path / "run", plan or load_plan(), clock=clock, **options))
        return opened[-1]

    yield open_again
    for checkpoint in opened:
        checkpoint.close()


def rows(checkpoint: Checkpoint, query: str) -> list[tuple[Any, ...]]:
    """Look into the file as a user would, with a connection of our own."""
    connection = sqlite3.connect(checkpoint.run_dir / CHECKPOINT_NAME)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


async def test_receipts_survive_and_drop_their_events(reopen: Reopen) -> None:
    """An accepted event is known with its receipt and need not be sent again."""
    checkpoint = reopen()
    checkpoint.begin_slice(window_plan())
    await checkpoint.mark_sendable(up_to(0, 7))
    for index in (0, 3, 7):
        checkpoint.record(accepted(0, index))
    checkpoint.finish(STOPPED)
    again = reopen()
    progress = again.progress.of_window(0)
    assert progress is not None
    assert again.resumed
    assert [index for index in range(WINDOW_ROWS) if not progress.to_send(index)] == [0, 3, 7]
    assert receipts_of(again, 0) == {index: event_id(0, index) for index in (0, 3, 7)}
    assert progress.in_doubt == {}
    assert again.progress.of_window(1) is None


async def test_totals_add_up_in_every_state(reopen: Reopen) -> None:
    """Rows and events are counted once each, and what no other state claims is unprocessed."""
    checkpoint = reopen()
    rejected = [
        RejectedRow(0, 8, "quantity", RejectCode.NOT_A_NUMBER, "not a number", "x"),
        RejectedRow(0, 9, "", RejectCode.RECORD_TOO_LONG, "too large"),
    ]
    checkpoint.begin_slice(window_plan(rejected=rejected, filtered=3))
    checkpoint.begin_slice(window_plan(1, events=0, filtered=5))
    await checkpoint.mark_sendable(up_to(0, 7))
    checkpoint.record(accepted(0, 0))
    checkpoint.record(put_aside(0, 1))
    checkpoint.record(put_aside(0, 2, EventState.IN_DOUBT))
    checkpoint.record(put_aside(0, 3, EventState.UNPROCESSED, first_attempt_at=None, attempts=0))
    await checkpoint.flush()
    assert checkpoint.totals() == Totals(
        windows=2,
        rows_read=18,
        rows_filtered=8,
        rows_rejected=2,
        records=8,
        records_failed=1,
        events_total=8,
        events_accepted=1,
        events_failed=1,
        events_in_doubt=1,
        events_unprocessed=5,
    )
    assert rows(checkpoint, "SELECT * FROM rejected ORDER BY row") == [
        (0, 8, "quantity", "NotANumber", "not a number", "x"),
        (0, 9, "", "RecordTooLong", "too large", ""),
    ]


async def test_a_failed_event_is_readable_with_any_sqlite_tool(reopen: Reopen) -> None:
    """The row says which event, where it came from, what was said and when, without its payload."""
    checkpoint = reopen()
    checkpoint.begin_slice(window_plan())
    checkpoint.record(put_aside(0, 2))
    await checkpoint.flush()
    columns = "token, state, file, first_row, last_row, rows, event_group, code, message, attempts"
    (row,) = rows(checkpoint, f"SELECT {columns}, first_attempt, last_attempt FROM events_readable")
    token = event(0, 2).token
    assert row[:7] == (token, "failed", "/extracts/orders_0.parquet", 2, 2, 1, "group 2")
    assert row[7:10] == ("ValidationException", "Refused.", 1)
    assert row[10:] == ("2025-10-09T08:53:20.000Z", "2025-10-09T08:53:20.000Z")
    assert not any(b"secret" in content for content in contents(checkpoint.run_dir).values())


async def test_retry_failed_sends_failed_events_and_their_rows_go_with_the_receipt(reopen: Reopen) -> None:
    """Without the flag a failed event is settled; with it, it is sent, and accepted it has no row."""
    checkpoint = reopen()
    checkpoint.begin_slice(window_plan())
    for index in range(7):
        checkpoint.record(accepted(0, index))
    checkpoint.record(put_aside(0, 7))
    checkpoint.finish(DONE)
    checkpoint.close()
    assert ended_complete(checkpoint.run_dir)
    plain = reopen()
    assert 0 in plain.progress.settled_windows()
    assert 1 not in plain.progress.settled_windows()
    assert plain.progress.held_groups() == {"group 7"}
    plain.close()
    retrying = reopen(retry_failed=True)
    progress = retrying.progress.of_window(0)
    assert progress is not None
    assert [index for index in range(WINDOW_ROWS) if progress.to_send(index)] == [7]
    assert 0 not in retrying.progress.settled_windows()
    assert retrying.progress.held_groups() == frozenset()
    retrying.begin_slice(window_plan())
    await retrying.mark_sendable(up_to(0, 7))
    retrying.record(accepted(0, 7))
    await retrying.flush()
    assert rows(retrying, "SELECT * FROM events") == rows(retrying, "SELECT * FROM marks") == []
    assert 0 in retrying.progress.settled_windows()
    assert retrying.totals().events_accepted == WINDOW_ROWS


async def test_settled_windows_are_listed_with_their_rows(reopen: Reopen) -> None:
    """A load that resumes knows which windows it need not read, and how many rows that spares it."""
    checkpoint = reopen()
    checkpoint.begin_slice(window_plan(0, events=1, filtered=4))
    checkpoint.begin_slice(window_plan(1, events=1))
    checkpoint.begin_slice(window_plan(2, events=1))
    checkpoint.begin_slice(window_plan(3, events=0, filtered=7))
    checkpoint.record(accepted(0, 0))
    checkpoint.record(put_aside(1, 0))
    await checkpoint.flush()
    assert checkpoint.progress.settled_windows() == {0: {0: 5}, 1: {0: 1}, 3: {0: 7}}
    assert reopen(retry_failed=True).progress.settled_windows() == {0: {0: 5}, 3: {0: 7}}


async def test_totals_can_be_read_after_the_checkpoint_is_closed(reopen: Reopen) -> None:
    """The summary may be made after the checkpoint was closed, with everything that was recorded."""
    checkpoint = reopen()
    checkpoint.begin_slice(window_plan())
    checkpoint.record(accepted(0, 0))
    checkpoint.finish(STOPPED)
    assert checkpoint.totals().events_accepted == 1
    with pytest.raises(sqlite3.ProgrammingError):
        checkpoint.progress.of_window(0)


async def test_a_second_failure_adds_up_its_attempts(reopen: Reopen) -> None:
    """One row per event holds the first and last attempt and the attempts of all runs."""
    checkpoint = reopen()
    checkpoint.begin_slice(window_plan())
    checkpoint.record(put_aside(0, 7, attempts=2))
    checkpoint.finish(STOPPED)
    retrying = reopen(retry_failed=True)
    retrying.record(put_aside(0, 7, attempts=3, first_attempt_at=START + 50, code="Conflict"))
    await retrying.flush()
    assert rows(retrying, "SELECT code, attempts, first_attempt_at, last_attempt_at FROM events") == [
        ("Conflict", 5, START, START + 50)
    ]


async def test_doubt_about_a_retry_is_as_old_as_the_retry(reopen: Reopen) -> None:
    """An event that failed long ago and is in doubt now was answered then: only now counts for its token."""
    checkpoint = reopen()
    checkpoint.begin_slice(window_plan())
    checkpoint.record(put_aside(0, 7))
    checkpoint.finish(STOPPED)
    retrying = reopen(retry_failed=True)
    retrying.record(put_aside(0, 7, EventState.IN_DOUBT, first_attempt_at=START + 40_000))
    await retrying.flush()
    progress = retrying.progress.of_window(0)
    assert progress is not None
    assert progress.in_doubt == {7: START + 40_000}


async def test_held_back_keeps_what_was_known_before(reopen: Reopen) -> None:
    """An event that was not tried again stays failed or in doubt as an earlier run left it."""
    checkpoint = reopen()
    checkpoint.begin_slice(window_plan())
    checkpoint.record(put_aside(0, 1))
    checkpoint.record(put_aside(0, 2, EventState.IN_DOUBT))
    checkpoint.finish(STOPPED)
    again = reopen(retry_failed=True)
    for index in (1, 2, 3):
        again.record(
            put_aside(0, index, EventState.UNPROCESSED, first_attempt_at=None, attempts=0, code="GroupHeld")
        )
    await again.flush()
    assert rows(again, "SELECT event_index, state, code, first_attempt_at FROM events") == [
        (1, "failed", "ValidationException", START),
        (2, "in_doubt", "ValidationException", START),
        (3, "unprocessed", "GroupHeld", None),
    ]


async def test_a_later_answer_does_not_change_an_accepted_event(reopen: Reopen) -> None:
    """No later answer puts a row beside a receipt, in the same commit or another."""
    checkpoint = reopen()
    checkpoint.begin_slice(window_plan())
    checkpoint.record(put_aside(0, 0))
    checkpoint.record(accepted(0, 0))
    checkpoint.record(put_aside(0, 0))
    await checkpoint.flush()
    checkpoint.record(put_aside(0, 0))
    checkpoint.record(accepted(0, 0))
    await checkpoint.flush()
    totals = checkpoint.totals()
    assert (totals.events_accepted, totals.events_failed, totals.events_unprocessed) == (1, 0, 7)


async def test_a_run_that_died_leaves_marked_events_in_doubt(reopen: Reopen, clock: Clock) -> None:
    """Marked, without an answer: in doubt since its mark. Answered or never marked: not."""
    checkpoint = reopen()
    checkpoint.begin_slice(window_plan())
    await checkpoint.mark_sendable(up_to(0, 2))
    clock.now += 10
    await checkpoint.mark_sendable(up_to(0, 5, after=2))
    checkpoint.record(accepted(0, 0))
    checkpoint.record(put_aside(0, 4))
    again = reopen()
    progress = again.progress.of_window(0)
    assert progress is not None
    assert progress.in_doubt == {1: START, 2: START, 3: START + 10, 5: START + 10}
    assert [index for index in range(WINDOW_ROWS) if progress.to_send(index)] == [1, 2, 3, 5, 6, 7]
    assert rows(again, "SELECT DISTINCT token, code FROM events WHERE state = 'in_doubt'") == [
        (None, LOST_ANSWER)
    ]
    assert rows(again, "SELECT cause, ended_at FROM runs") == [("killed", None)]


async def test_planned_again_events_in_doubt_get_their_names(reopen: Reopen) -> None:
    """The tokens and rows a crash left open are filled in as soon as the window is planned."""
    checkpoint = reopen()
    checkpoint.begin_slice(window_plan())
    await checkpoint.mark_sendable(up_to(0, 1))
    again = reopen()
    again.begin_slice(window_plan())
    await again.flush()
    assert rows(again, "SELECT token, first_row, event_group FROM events ORDER BY event_index") == [
        (event(0, index).token, index, f"group {index}") for index in (0, 1)
    ]


async def test_an_event_marked_again_is_as_old_as_the_later_mark(reopen: Reopen, clock: Clock) -> None:
    """What waited for long and cannot have been accepted is marked again: its doubt is young."""
    checkpoint = reopen()
    checkpoint.begin_slice(window_plan())
    await checkpoint.mark_sendable(up_to(0, 2))
    clock.now += 60
    await checkpoint.mark_sendable([(0, 1)])
    progress = reopen().progress.of_window(0)
    assert progress is not None
    assert progress.in_doubt == {0: START, 1: START + 60, 2: START}


async def test_a_polite_end_clears_its_own_marks_only(reopen: Reopen) -> None:
    """What this run marked and never sent is not in doubt; what an earlier run left in doubt still is."""
    checkpoint = reopen()
    checkpoint.begin_slice(window_plan())
    await checkpoint.mark_sendable(up_to(0, 1))
    second = reopen()
    second.begin_slice(window_plan())
    await second.mark_sendable(up_to(0, 7))
    second.record(accepted(0, 0))
    second.finish(STOPPED)
    third = reopen()
    progress = third.progress.of_window(0)
    assert progress is not None
    assert progress.in_doubt == {1: START}
    assert rows(third, "SELECT * FROM marks") == []


async def test_a_rude_end_keeps_its_marks(reopen: Reopen) -> None:
    """A run that ends with answers missing says how it ended and leaves the doubt."""
    checkpoint = reopen()
    checkpoint.begin_slice(window_plan())
    await checkpoint.mark_sendable(up_to(0, 0))
    checkpoint.finish(RunEnd("bug", 70, complete=False, graceful=False, attempts=1, seconds=2.5))
    again = reopen()
    progress = again.progress.of_window(0)
    assert progress is not None
    assert progress.in_doubt == {0: START}
    assert rows(again, "SELECT cause, exit_code, attempts, seconds FROM runs") == [("bug", 70, 1, 2.5)]


async def test_dying_while_retrying_puts_failed_events_in_doubt(reopen: Reopen, clock: Clock) -> None:
    """A failed event that was handed out again is in doubt since then; its first failure was an answer."""
    checkpoint = reopen()
    checkpoint.begin_slice(window_plan())
    checkpoint.record(put_aside(0, 1))
    checkpoint.record(put_aside(0, 2, EventState.UNPROCESSED, first_attempt_at=None))
    checkpoint.finish(STOPPED)
    clock.now += 100
    retrying = reopen(retry_failed=True)
    retrying.begin_slice(window_plan())
    await retrying.mark_sendable(up_to(0, 2))
    again = reopen()
    progress = again.progress.of_window(0)
    assert progress is not None
    assert progress.in_doubt == dict.fromkeys((0, 1, 2), START + 100)
    assert progress.failed == frozenset()


async def test_dying_without_retrying_leaves_failed_events_failed(reopen: Reopen) -> None:
    """A mark covers failed events in passing; they were not sent again and are in no doubt."""
    checkpoint = reopen()
    checkpoint.begin_slice(window_plan())
    checkpoint.record(put_aside(0, 1))
    checkpoint.finish(STOPPED)
    second = reopen()
    second.begin_slice(window_plan())
    await second.mark_sendable(up_to(0, 2))
    third = reopen()
    progress = third.progress.of_window(0)
    assert progress is not None
    assert (set(progress.in_doubt), set(progress.failed)) == ({0, 2}, {1})


async def test_doubt_keeps_its_oldest_time(reopen: Reopen, clock: Clock) -> None:
    """However often a resume dies, an event in doubt is as old as its first mark."""
    for _ in range(3):
        checkpoint = reopen()
        checkpoint.begin_slice(window_plan())
        await checkpoint.mark_sendable(up_to(0, 0))
        clock.now += 100
    again = reopen()
    again.record(put_aside(0, 0, EventState.IN_DOUBT, first_attempt_at=START + 500))
    await again.flush()
    progress = again.progress.of_window(0)
    assert progress is not None
    assert progress.in_doubt == {0: START}


async def test_doubt_without_an_attempt_is_as_old_as_its_mark(reopen: Reopen, clock: Clock) -> None:
    """An event reported in doubt without a time takes that of the first mark of its window."""
    checkpoint = reopen()
    checkpoint.begin_slice(window_plan())
    await checkpoint.mark_sendable(up_to(0, 3))
    clock.now += 60
    await checkpoint.mark_sendable(up_to(0, 7, after=3))
    checkpoint.record(put_aside(0, 2, EventState.IN_DOUBT, first_attempt_at=None))
    await checkpoint.flush()
    progress = checkpoint.progress.of_window(0)
    assert progress is not None
    assert progress.in_doubt == {2: START}


async def test_old_doubt_may_be_sent_again_or_skipped(reopen: Reopen, clock: Clock) -> None:
    """If it is sent again, its age starts at 0; if it is skipped, it has failed until --retry-failed."""
    checkpoint = reopen()
    checkpoint.begin_slice(window_plan(events=2))
    await checkpoint.mark_sendable(up_to(0, 0))
    clock.now += 1000
    await checkpoint.mark_sendable(up_to(0, 1, after=0))
    clock.now += 1000
    again = reopen(retry_failed=True)
    assert again.progress.in_doubt_before(START + 500) == 1
    await again.skip_in_doubt(START + 500)
    progress = again.progress.of_window(0)
    assert progress is not None
    assert (set(progress.skipped), set(progress.failed), set(progress.in_doubt)) == ({0}, set(), {1})
    assert not progress.to_send(0)
    assert again.progress.in_doubt_before(START + 500) == 0
    assert rows(again, f"SELECT event_index FROM events WHERE code = '{SKIPPED}'") == [(0,)]
    again.record(accepted(0, 1))
    await again.flush()
    assert 0 in again.progress.settled_windows()
    await again.resend_in_doubt(START + 500)
    assert 0 in again.progress.settled_windows()
    await again.resend_in_doubt(START + 500, skipped_too=True)
    progress = again.progress.of_window(0)
    assert progress is not None
    assert progress.in_doubt == {0: START + 2000}


async def test_resent_doubt_is_young_again(reopen: Reopen, clock: Clock) -> None:
    """What was sent again with a dead token is a new event to the service: its token lives from now."""
    checkpoint = reopen()
    checkpoint.begin_slice(window_plan())
    await checkpoint.mark_sendable(up_to(0, 1))
    clock.now += 30_000
    again = reopen()
    await again.resend_in_doubt(START + 1)
    progress = again.progress.of_window(0)
    assert progress is not None
    assert progress.in_doubt == {0: START + 30_000, 1: START + 30_000}


async def test_a_window_that_plans_otherwise_is_refused(reopen: Reopen) -> None:
    """Other counts are named; the same counts with other events are seen by their tokens."""
    checkpoint = reopen()
    checkpoint.begin_slice(window_plan())
    checkpoint.finish(STOPPED)
    again = reopen()
    again.begin_slice(window_plan())
    with pytest.raises(CheckpointMismatch, match="Window 0 does not give") as counts:
        again.begin_slice(window_plan(events=7, filtered=1))
    assert counts.value.why == "events was 8, is 7; rows_filtered was 0, is 1; records was 8, is 7"
    replanned = window_plan()
    replanned.events[3].token = "0" * 64
    with pytest.raises(CheckpointMismatch) as content:
        again.begin_slice(replanned)
    assert content.value.why == "the same number of events, with other content"
    assert content.value.exit_code == 2


async def test_rows_are_known_for_files_planned_to_their_end(reopen: Reopen) -> None:
    """A file counts only if all its windows from the first to the last were planned."""
    checkpoint = reopen(load_plan(files=3))
    checkpoint.begin_slice(window_plan(0, first_row=0))
    checkpoint.begin_slice(window_plan(1, events=3, first_row=8, last_of_file=True))
    checkpoint.begin_slice(window_plan(2, file=1, first_row=0))
    checkpoint.begin_slice(window_plan(4, file=2, first_row=8, last_of_file=True))
    await checkpoint.flush()
    assert checkpoint.progress.known_rows() == {0: 11}


async def test_receipts_that_are_not_uuids_are_stored_as_text(reopen: Reopen) -> None:
    """A service with other receipts does not lose them, nor the fact that the event was accepted."""
    checkpoint = reopen()
    checkpoint.begin_slice(window_plan(events=2))
    checkpoint.record(accepted(0, 0))
    odd = accepted(0, 1)
    checkpoint.record(type(odd)(odd.event, odd.state, "receipt-77"))
    await checkpoint.flush()
    assert receipts_of(checkpoint, 0) == {0: event_id(0, 0), 1: "receipt-77"}
    assert 0 in checkpoint.progress.settled_windows()


async def test_finished_and_stopped_runs_are_distinguished(reopen: Reopen) -> None:
    """A load is finished by a run that said so, and unfinished again if a later run is cut short."""
    checkpoint = reopen()
    checkpoint.finish(DONE)
    checkpoint.close()
    assert ended_complete(checkpoint.run_dir)
    again = reopen()
    again.begin_slice(window_plan())
    again.close()
    assert not ended_complete(again.run_dir)


async def test_an_idle_look_changes_nothing(reopen: Reopen) -> None:
    """Opening and closing without work leaves a finished load finished."""
    reopen().finish(DONE)
    idle = reopen()
    idle.close()
    assert ended_complete(idle.run_dir)


async def test_what_was_recorded_before_a_call_is_written_before_it(reopen: Reopen) -> None:
    """A doubt that was recorded just before doubts are skipped is skipped too."""
    checkpoint = reopen()
    checkpoint.begin_slice(window_plan(events=2))
    await checkpoint.mark_sendable(up_to(0, 1))
    checkpoint.record(put_aside(0, 0, EventState.IN_DOUBT))
    checkpoint.record(accepted(0, 1))
    await checkpoint.skip_in_doubt(before=START + 1_000_000)
    assert rows(checkpoint, "SELECT event_index, state, code FROM events") == [(0, "failed", SKIPPED)]
    assert checkpoint.totals().events_accepted == 1


def test_a_slice_and_its_rejected_rows_are_one_transaction(tmp_path: Path) -> None:
    """A kill leaves both or neither: a planned window is not read again for its rejected rows."""
    connection = sqlite3.connect(tmp_path / "c", isolation_level=None)
    create_tables(connection)
    ledger = Ledger(connection, RunRecord(1, 1, retry_failed=False, started_at=START))
    plan = window_plan(
        events=2, rejected=[RejectedRow(0, 5, "quantity", RejectCode.NOT_A_NUMBER, "why", "x")]
    )
    connection.execute("BEGIN IMMEDIATE")
    ledger.apply([slice_opened(plan, START)], START)
    assert connection.in_transaction
    assert connection.execute("SELECT count(*) FROM rejected").fetchone() == (1,)
    connection.execute("ROLLBACK")
    for table in ("windows", "slices", "slice_files", "rejected", "receipts"):
        assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,), table
    connection.close()
