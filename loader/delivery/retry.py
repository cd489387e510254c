"""What happens to an event after an attempt: the outcome table of the design, as one pure function.

    outcome     decision                       ends as, when patience is over
    accepted    finish: accepted
    throttled   retry with the next token      in doubt or failed
    transient   retry after a backoff          in doubt or failed
    refresh     retry with new credentials     stop, at the second in a row
    skewed      retry with the clock adjusted  stop, at the second in a row
    rejected    finish: failed
    quota       retry when breaker.py allows   in doubt or failed; the breaker stops the load long before
    stop        stop
    blocked     retry after a backoff          in doubt or failed; way_breaker.py may stop the load
    unknown     retry after a backoff          in doubt or failed, after MAX_UNKNOWN_ANSWERS or with the token

Rules kept here:

1. Patience is the age of the event's token, not a number of attempts: no attempt is made after it.
2. An event that may have been accepted ends as in doubt, never as failed: only its first receipt or the
   refusal of the same bytes says more.
3. A throttled event pays once: the governor slows every lane, the event itself waits only for its token.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from loader.delivery.entry import Entry
from loader.model import TOKEN_LIFE_SECONDS, EventState, Outcome, OutcomeKind

TOKEN_MARGIN_SECONDS = 900.0
"""No attempt goes out in the last quarter of an hour of a token's life: clocks differ, requests take time."""

PATIENCE_SECONDS = TOKEN_LIFE_SECONDS - TOKEN_MARGIN_SECONDS
"""How long after its first attempt an event may still be attempted."""

BACKOFF_BASE_SECONDS = 0.05
"""First step of the backoff of the AWS SDKs for transient errors (2026 retry behaviour)."""

BACKOFF_CAP_SECONDS = 20.0
"""Longest backoff of the AWS SDKs."""

THROTTLED_SPREAD_SECONDS = 0.05
"""Throttled events come back spread over this time, so that a burst does not return as a burst."""

MAX_RETRY_AFTER_SECONDS = 300.0
"""A longer Retry-After of a transient answer is taken as this: a wrong header must not park an event."""

MAX_UNKNOWN_ANSWERS = 10
"""Answers that nobody knows, for one event; with the backoff between them about 25 seconds."""

_CONFLICT = 409


class Remedy(Enum):
    """What has to be done before an event is sent again."""

    NONE = "none"
    REFRESH = "refresh the credentials"
    ADJUST_CLOCK = "adjust the clock"
    DIVIDE = "divide the event"


class StopCause(Enum):
    """Why the service stops the whole load."""

    REFUSED = "refused"
    CREDENTIALS = "credentials"
    CLOCK = "clock"
    QUOTA = "quota"


@dataclass(frozen=True, slots=True)
class Retry:
    """Send the event again.

    Attributes:
        due: Monotonic seconds before which it may not go.
        remedy: What to do first.
    """

    due: float
    remedy: Remedy = Remedy.NONE


@dataclass(frozen=True, slots=True)
class Finish:
    """The event is settled.

    Attributes:
        state: As what.
    """

    state: EventState


@dataclass(frozen=True, slots=True)
class Stop:
    """The load cannot go on.

    Attributes:
        cause: Why.
    """

    cause: StopCause


Decision = Retry | Finish | Stop

ACCEPTED = Finish(EventState.ACCEPTED)
FAILED = Finish(EventState.FAILED)
IN_DOUBT = Finish(EventState.IN_DOUBT)


def decide(outcome: Outcome, entry: Entry, *, now: float, wall_now: float, jitter: float) -> Decision:
    """Return what to do about an event after an attempt.

    Args:
        outcome: What the attempt came to.
        entry: The facts on the event, this outcome included.
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
    return entry.first_attempt_at is not None and wall_time - entry.first_attempt_at >= PATIENCE_SECONDS


def given_up(entry: Entry) -> Finish:
    """Return how an event ends that will not be attempted again."""
    return IN_DOUBT if entry.may_have_been_accepted else FAILED


def _accepted(_outcome: Outcome, _entry: Entry, _now: float, _jitter: float) -> Decision:
    return ACCEPTED


def _throttled(_outcome: Outcome, _entry: Entry, now: float, jitter: float) -> Decision:
    return Retry(now + jitter * THROTTLED_SPREAD_SECONDS)


def _transient(outcome: Outcome, entry: Entry, now: float, jitter: float) -> Decision:
    # Full jitter, the SDKs' formula. The exponent is bounded, as floats end at 2 ** 1024.
    longest = min(BACKOFF_BASE_SECONDS * 2.0 ** min(entry.troubles - 1, 30), BACKOFF_CAP_SECONDS)
    told = min(outcome.retry_after_seconds or 0.0, MAX_RETRY_AFTER_SECONDS)
    return Retry(now + max(jitter * longest, told))


def _unknown(outcome: Outcome, entry: Entry, now: float, jitter: float) -> Decision:
    if entry.unknowns >= MAX_UNKNOWN_ANSWERS:
        return given_up(entry)
    return _transient(outcome, entry, now, jitter)


def _refresh(_outcome: Outcome, entry: Entry, now: float, _jitter: float) -> Decision:
    return Stop(StopCause.CREDENTIALS) if entry.refreshes > 1 else Retry(now, Remedy.REFRESH)


def _skewed(outcome: Outcome, entry: Entry, now: float, _jitter: float) -> Decision:
    if entry.clock_adjustments > 1 or outcome.server_time is None:
        return Stop(StopCause.CLOCK)
    return Retry(now, Remedy.ADJUST_CLOCK)


def _rejected(outcome: Outcome, entry: Entry, _now: float, _jitter: float) -> Decision:
    # The same bytes met the same judge before, so an earlier attempt without an answer was refused as
    # well. A conflict is no such verdict: it may be the answer to a token that is already taken.
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
