"""What a run that died leaves in doubt, against the rule written out for one event at a time."""

from hypothesis import given
from hypothesis import strategies as st

from loader.checkpoint.doubt import Mark, StoredRow, answered, in_doubt
from loader.model import EventState

EVENTS = 12
INDEXES = st.integers(0, EVENTS - 1)
MARKS = st.lists(st.builds(Mark, st.floats(0, 100), st.lists(INDEXES, unique=True)), max_size=5)


@given(MARKS, st.sets(INDEXES), st.sets(INDEXES))
def test_in_doubt_is_what_was_marked_and_never_answered(
    marks: list[Mark], accepted: set[int], rows: set[int]
) -> None:
    """An event is in doubt exactly if a mark names it and there is no answer, since its last mark."""
    expected = {
        index: [mark.marked_at for mark in marks if index in mark.indexes][-1]
        for index in range(EVENTS)
        if index not in accepted | rows and any(index in mark.indexes for mark in marks)
    }
    assert dict(in_doubt(marks, accepted, rows)) == expected


@given(
    st.sampled_from([EventState.FAILED, EventState.IN_DOUBT, EventState.UNPROCESSED]),
    st.booleans(),
    st.integers(1, 2),
    st.booleans(),
)
def test_a_row_answers_for_its_event_unless_the_run_was_to_send_it_again(
    state: EventState,
    skipped: bool,  # noqa: FBT001 - drawn by hypothesis
    run: int,
    retry_failed: bool,  # noqa: FBT001 - drawn by hypothesis
) -> None:
    """Rows of the dying run, skipped events, and failed ones not retried are out of doubt; others are not."""
    row = StoredRow(state, skipped, run)
    last_word = run == 2 or skipped or (state is EventState.FAILED and not retry_failed)
    assert answered({5: row}, run=2, retry_failed=retry_failed) == ({5} if last_word else set())
