"""The retry policy: one pure function that maps the outcome of an attempt to a decision.

    outcome     decision                       final state when patience is exhausted
    accepted    finish: accepted
    throttled   retry with the next token      in doubt or failed
    transient   retry after a backoff          in doubt or failed
    refresh     retry with new credentials     stop, at the second in a row
    skewed      retry with the clock adjusted  stop, at the second in a row
    rejected    finish: failed
    quota       retry when breaker allows      in doubt or failed; circuit_breaker.py stops the load earlier
    stop        stop
    blocked     retry after a backoff          in doubt or failed; path_breaker.py may stop the load
    unknown     retry after a backoff          in doubt or failed, also after MAX_UNKNOWN_ANSWERS

Before the first acceptance, unknown answers may stop the load: `handler.py` counts the events that end.

Rules kept here:

1. Patience is a limit on the age of the event's token, not on the number of attempts. No attempt starts after
   it.
2. An event that may have been accepted ends as in doubt, never as failed. Only a receipt or a refusal of the
   same bytes resolves the doubt.
3. A throttled event gets no backoff of its own. The governor slows down every lane, and the event waits only
   for a rate token.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from loader.delivery.entry import Entry
from loader.model import (
    MAX_RETRY_AFTER_SECONDS,
    SAFE_SECONDS,
    EventState,
    Outcome,
    OutcomeKind,
)

BACKOFF_BASE_SECONDS = 0.05
"""Base of the exponential backoff of the AWS SDKs for transient errors (2026 retry behaviour)."""

BACKOFF_CAP_SECONDS = 20.0
"""Longest backoff of the AWS SDKs."""

THROTTLED_SPREAD_SECONDS = 0.05
"""Retries of throttled events are spread over this time, so that a burst is not retried as a burst."""

MAX_UNKNOWN_ANSWERS = 10
"""Maximum number of unknown answers for one event. With the backoff they take about 25 seconds."""

MOST_UNKNOWN_EVENTS = 3
"""Number of events that may end after unknown answers before the first acceptance. A load whose events all
get such answers stops then, instead of making ten calls for each event of the extract."""

_CONFLICT = 409


class Remedy(Enum):
    """The action that is required before an event is sent again."""

    NONE = "none"
    REFRESH = "refresh the credentials"
    ADJUST_CLOCK = "adjust the clock"
    DIVIDE = "divide the event"


class StopCause(Enum):
    """The reason why answers of the service stop the whole load."""

    REFUSED = "refused"
    CREDENTIALS = "credentials"
    CLOCK = "clock"
    QUOTA = "quota"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Retry:
    """Send the event again.

    Attributes:
        due: Earliest time of the retry in monotonic seconds.
        remedy: The action that is required first.
    """

    due: float
    remedy: Remedy = Remedy.NONE


@dataclass(frozen=True, slots=True)
class Finish:
    """The event is settled.

    Attributes:
        state: The final state.
    """

    state: EventState


@dataclass(frozen=True, slots=True)
class Stop:
    """The load cannot continue.

    Attributes:
        cause: The reason.
    """

    cause: StopCause


Decision = Retry | Finish | Stop

ACCEPTED = Finish(EventState.ACCEPTED)
FAILED = Finish(EventState.FAILED)
IN_DOUBT = Finish(EventState.IN_DOUBT)


def decide(outcome: Outcome, entry: Entry, *, now: float, wall_now: float, jitter: float) -> Decision:
    """Return the decision on an event after an attempt.

    Args:
        outcome: The outcome of the attempt.
        entry: The state of the event, including this outcome.
        now: Monotonic seconds.
        wall_now: Epoch seconds.
        jitter: A random number in [0, 1).
    """
    decision = _TABLE[outcome.kind](outcome, entry, now, jitter)
    if isinstance(decision, Retry) and out_of_patience(entry, wall_now + decision.due - now):
        return given_up(entry)
    return decision


def out_of_patience(entry: Entry, wall_time: float) -> bool:
    """Return whether an event may no longer be attempted at ``wall_time`` (epoch seconds)."""
    return entry.first_attempt_at is not None and wall_time - entry.first_attempt_at >= SAFE_SECONDS


def given_up(entry: Entry) -> Finish:
    """Return the final state of an event that is not attempted again."""
    return IN_DOUBT if entry.may_have_been_accepted else FAILED


def _accepted(_outcome: Outcome, _entry: Entry, _now: float, _jitter: float) -> Decision:
    return ACCEPTED


def _throttled(_outcome: Outcome, _entry: Entry, now: float, jitter: float) -> Decision:
    return Retry(now + jitter * THROTTLED_SPREAD_SECONDS)


def _transient(outcome: Outcome, entry: Entry, now: float, jitter: float) -> Decision:
    # Full jitter, as in the AWS SDKs. The exponent is bounded because floats overflow at 2 ** 1024.
    longest = min(BACKOFF_BASE_SECONDS * 2.0 ** min(entry.setbacks.troubles - 1, 30), BACKOFF_CAP_SECONDS)
    retry_after = min(outcome.retry_after_seconds or 0.0, MAX_RETRY_AFTER_SECONDS)
    return Retry(now + max(jitter * longest, retry_after))


def _unknown(outcome: Outcome, entry: Entry, now: float, jitter: float) -> Decision:
    if entry.setbacks.unknowns >= MAX_UNKNOWN_ANSWERS:
        return given_up(entry)
    return _transient(outcome, entry, now, jitter)


def _refresh(_outcome: Outcome, entry: Entry, now: float, _jitter: float) -> Decision:
    return Stop(StopCause.CREDENTIALS) if entry.setbacks.refreshes > 1 else Retry(now, Remedy.REFRESH)


def _skewed(outcome: Outcome, entry: Entry, now: float, _jitter: float) -> Decision:
    if entry.setbacks.clock_adjustments > 1 or outcome.server_time is None:
        return Stop(StopCause.CLOCK)
    return Retry(now, Remedy.ADJUST_CLOCK)


def _rejected(outcome: Outcome, entry: Entry, _now: float, _jitter: float) -> Decision:
    # The service refuses the same bytes every time, so it also refused an earlier attempt without an answer.
    # A conflict is an exception, because it may be the answer to a token that is already in use.
    return given_up(entry) if outcome.status == _CONFLICT else FAILED


def _quota(_outcome: Outcome, _entry: Entry, now: float, _jitter: float) -> Decision:
    return Retry(now)


def _stop(_outcome: Outcome, _entry: Entry, _now: float, _jitter: float) -> Decision:
    return Stop(StopCause.REFUSED)


_TABLE: dict[OutcomeKind, Callable[[Outcome, Entry, float, float], Decision]] = {
    OutcomeKind.ACCEPTED: _accepted,
    OutcomeKind.THROTTLED: _throttled,
    OutcomeKind.TRANSIENT: _transient,
    OutcomeKind.REFRESH: _refresh,
    OutcomeKind.SKEWED: _skewed,
    OutcomeKind.REJECTED: _rejected,
    OutcomeKind.QUOTA: _quota,
    OutcomeKind.STOP: _stop,
    OutcomeKind.BLOCKED: _transient,
    OutcomeKind.UNKNOWN: _unknown,
}
