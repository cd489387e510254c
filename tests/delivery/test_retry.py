"""The outcome table: what each answer does to an event, and the bounds that always hold."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.delivery.entry import Entry, EventDoubt
from loader.delivery.outcomes.retry import (
    ACCEPTED,
    BACKOFF_CAP_SECONDS,
    FAILED,
    IN_DOUBT,
    MAX_UNKNOWN_ANSWERS,
    Decision,
    Finish,
    Remedy,
    Retry,
    Stop,
    StopCause,
    decide,
)
from loader.delivery.outcomes.stop_errors import duration_text
from loader.model import (
    MAX_RETRY_AFTER_SECONDS,
    SAFE_SECONDS,
    TOKEN_LIFE_SECONDS,
    EventState,
    Outcome,
    OutcomeKind,
)
from tests.delivery import fake_service as answers

NOW = 50.0
WALL = 1_700_000_000.0
CONFLICT = Outcome(OutcomeKind.REJECTED, "ConflictException", status=409)

TABLE = [
    (answers.accepted(), ACCEPTED),
    (answers.throttled(), Retry(NOW + 0.025)),
    (answers.throttled(7.0), Retry(NOW + 0.025)),
    (answers.unavailable(), Retry(NOW + 0.025)),
    (answers.lost(), Retry(NOW + 0.025)),
    (answers.unknown(), Retry(NOW + 0.025)),
    (answers.expired(), Retry(NOW, Remedy.REFRESH)),
    (answers.skewed(), Retry(NOW, Remedy.ADJUST_CLOCK)),
    (answers.skewed(None), Stop(StopCause.CLOCK)),
    (answers.rejected(), FAILED),
    (CONFLICT, FAILED),
    (answers.quota(), Retry(NOW)),
    (answers.blocked(), Retry(NOW + 0.025)),
    (answers.denied(), Stop(StopCause.REFUSED)),
]


def after(*outcomes: Outcome, jitter: float = 0.5, seconds: float = 0.0, doubt: bool = False) -> Decision:
    """Return the decision on the last of these answers to one event, ``seconds`` after its first attempt."""
    entry = Entry(answers.event(0), WALL, doubt=EventDoubt.WHOLE if doubt else EventDoubt.NONE)
    for outcome in outcomes:
        entry.begin(WALL)
        entry.note(outcome)
    return decide(outcomes[-1], entry, now=NOW, wall_now=WALL + seconds, jitter=jitter)


@pytest.mark.parametrize(("outcome", "decision"), TABLE, ids=lambda value: getattr(value, "code", None))
def test_outcome_table(outcome: Outcome, decision: Decision) -> None:
    """Each kind of answer to a first attempt has its decision."""
    assert after(outcome) == decision


def test_table_covers_every_kind() -> None:
    """No kind of outcome is left without a row in the table above."""
    assert {outcome.kind for outcome, _ in TABLE} == set(OutcomeKind)


@pytest.mark.parametrize(
    ("outcome", "cause"),
    [(answers.expired(), StopCause.CREDENTIALS), (answers.skewed(), StopCause.CLOCK)],
    ids=["refresh", "skewed"],
)
def test_second_in_a_row_stops(outcome: Outcome, cause: StopCause) -> None:
    """An answer that a remedy should have prevented stops the load, unless another came between."""
    assert after(outcome, outcome) == Stop(cause)
    assert isinstance(after(outcome, answers.throttled(), outcome), Retry)


def test_remedies_cannot_alternate_for_ever() -> None:
    """Refresh, clock, refresh is the second refresh in a row."""
    assert after(answers.expired(), answers.skewed(), answers.expired()) == Stop(StopCause.CREDENTIALS)
    assert after(answers.skewed(), answers.expired(), answers.skewed()) == Stop(StopCause.CLOCK)


def test_backoff_doubles_up_to_its_cap() -> None:
    """Full jitter over 0.05, 0.1, 0.2 ... 20 seconds; throttles between do not count."""
    longest = []
    for troubles in (1, 2, 3, 9, 10, 2000):
        decision = after(*[answers.unavailable()] * troubles, jitter=1.0)
        assert isinstance(decision, Retry)
        longest.append(decision.due - NOW)
    assert longest == pytest.approx([0.05, 0.1, 0.2, 12.8, 20.0, 20.0])
    decision = after(*[answers.throttled()] * 8, answers.unavailable(), jitter=1.0)
    assert isinstance(decision, Retry)
    assert decision.due - NOW == pytest.approx(0.05)


def test_retry_after_of_a_transient_answer_is_a_floor() -> None:
    """A 503 with Retry-After waits that long, within reason."""
    for told, waited in ((3.0, 3.0), (1e9, MAX_RETRY_AFTER_SECONDS)):
        outcome = Outcome(OutcomeKind.TRANSIENT, status=503, retry_after_seconds=told)
        assert after(outcome) == Retry(NOW + waited)


def test_unknown_answers_are_retried_then_recorded() -> None:
    """An unknown answer is retried a limited number of times and never dropped."""
    assert isinstance(after(*[answers.unknown()] * (MAX_UNKNOWN_ANSWERS - 1)), Retry)
    assert after(*[answers.unknown()] * MAX_UNKNOWN_ANSWERS) == FAILED
    assert after(answers.lost(), *[answers.unknown()] * MAX_UNKNOWN_ANSWERS) == IN_DOUBT


def test_rejection_of_the_same_bytes_settles_an_earlier_doubt() -> None:
    """After a lost answer a refused payload is a failed event, a conflict leaves the doubt."""
    assert after(answers.lost(), answers.rejected()) == FAILED
    assert after(answers.lost(), CONFLICT) == IN_DOUBT


def test_patience_ends_with_the_token() -> None:
    """A quarter of an hour before its token expires an event is given up."""
    assert SAFE_SECONDS == TOKEN_LIFE_SECONDS - 900
    assert isinstance(after(answers.unavailable(), seconds=SAFE_SECONDS - 1), Retry)
    assert after(answers.unavailable(), seconds=SAFE_SECONDS) == FAILED
    assert after(answers.throttled(), answers.lost(), seconds=SAFE_SECONDS) == IN_DOUBT
    assert after(answers.throttled(), seconds=SAFE_SECONDS, doubt=True) == IN_DOUBT


def test_patience_counts_the_backoff() -> None:
    """An event whose next attempt would come too late is given up now."""
    outcome = Outcome(OutcomeKind.TRANSIENT, status=503, retry_after_seconds=60.0)
    assert after(outcome, seconds=SAFE_SECONDS - 59) == FAILED


def test_a_skewed_answer_does_not_age_the_token() -> None:
    """A first attempt refused for a wrong clock must not count by that clock."""
    entry = Entry(answers.event(0))
    entry.begin(WALL - 10 * 3600)
    entry.note(answers.skewed())
    assert entry.first_attempt_at is None
    entry.begin(WALL)
    entry.note(answers.unavailable())
    assert isinstance(decide(answers.unavailable(), entry, now=NOW, wall_now=WALL, jitter=0.5), Retry)


OUTCOMES = st.sampled_from([outcome for outcome, _ in TABLE])


@given(
    outcomes=st.lists(OUTCOMES, min_size=1, max_size=30),
    jitter=st.floats(0, 1, exclude_max=True),
    seconds=st.floats(0, 2 * TOKEN_LIFE_SECONDS),
    doubt=st.booleans(),
)
def test_bounds_that_always_hold(
    outcomes: list[Outcome], jitter: float, seconds: float, *, doubt: bool
) -> None:
    """Whatever came before: no retry is too late or too early, and no doubt is called a failure."""
    decision = after(*outcomes, jitter=jitter, seconds=seconds, doubt=doubt)
    last = outcomes[-1]
    in_doubt = doubt or any(outcome.may_have_been_accepted for outcome in outcomes)
    if isinstance(decision, Retry):
        assert NOW <= decision.due <= NOW + max(BACKOFF_CAP_SECONDS, last.retry_after_seconds or 0.0)
        assert in_doubt is False or seconds + decision.due - NOW < SAFE_SECONDS
    if isinstance(decision, Finish):
        assert (decision.state is EventState.ACCEPTED) is (last.kind is OutcomeKind.ACCEPTED)
        if in_doubt and decision.state is EventState.FAILED:
            assert last.code == "ValidationException"
        if not in_doubt:
            assert decision.state is not EventState.IN_DOUBT


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59.4, "59 s"), (60.0, "1 min"), (600.0, "10 min"), (61.0, "1 min 1 s")],
)
def test_durations_are_readable(seconds: float, text: str) -> None:
    """An error of a stop names a duration in seconds or minutes."""
    assert duration_text(seconds) == text
