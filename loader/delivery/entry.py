"""What the delivery knows of one event while it holds it: the event, its attempts and what came of them.

Rules kept here:

1. That an event may have been accepted is never taken back by a later answer.
2. Nothing here decides; ``retry.decide`` reads these facts.
"""

from collections.abc import Sequence
from typing import Protocol

from loader.model import Event, EventResult, EventState, Outcome, OutcomeKind, Part, PartResult


class EventInParts(Protocol):
    """An event that is sent in parts, as its parts know it. `delivery.bisection` implements it."""

    event: Event

    @property
    def has_hope(self) -> bool:
        """Whether it looks as if some record would be accepted."""

    @property
    def is_over(self) -> bool:
        """Whether no part is left to be sent."""

    @property
    def is_in_doubt(self) -> bool:
        """Whether a part may have been accepted, without a receipt."""

    def divide(self, entry: "Entry") -> "list[Entry]":
        """Return the halves of an entry that was refused."""

    def settle(self, entry: "Entry", result: EventResult) -> PartResult | None:
        """Note how a part ended; return what is to be written down of it."""

    def leave_out(self, entry: "Entry", code: str, message: str) -> None:
        """Note that a part is not sent: it is in doubt, or nothing happened to it."""

    def result(self) -> EventResult:
        """Return what became of the event: in doubt or failed if any part is."""


class Entry:
    """An event in its lane.

    Attributes:
        event: The event.
        next: The entry behind it in its lane, or None.
        epoch: The governor's congestion epoch in which the running attempt took its rate token.
        handed_over_at: Monotonic seconds at which the event was handed over for delivery.
        started_at: Monotonic seconds at which the running attempt was let go.
        attempts: Requests made for it in this run.
        first_attempt_at: Epoch seconds of the first attempt, of an earlier run too; None if none was made.
        last_attempt_at: Epoch seconds of the last attempt in this run, or None.
        may_have_been_accepted: Whether the service may hold it although no receipt came.
        outcome: What the last attempt came to, or None.
        troubles: Attempts that met a transient or unknown fault or a closed way: backoff exponent.
        unknowns: How many of those were unknown.
        unanswered: Whether its last attempt has no outcome yet.
        refreshes: REFRESH answers in a row; only a SKEWED one may come between.
        clock_adjustments: SKEWED answers in a row; only a REFRESH one may come between.
        is_marked: Whether it is written down that the event may be sent: it must be before an attempt.
        is_divisible: Whether a refusal may divide it: nothing says that it may be accepted already.
        known_parts: What earlier runs found out about its parts, if it was divided; empty once that is used.
        bisection: The planned event that this entry is a part of, or None if it is a planned event itself.
        part: Which of its records this entry sends, or None.
    """

    __slots__ = (
        "attempts",
        "bisection",
        "clock_adjustments",
        "epoch",
        "event",
        "first_attempt_at",
        "handed_over_at",
        "is_divisible",
        "is_marked",
        "known_parts",
        "last_attempt_at",
        "may_have_been_accepted",
        "next",
        "outcome",
        "part",
        "refreshes",
        "started_at",
        "troubles",
        "unanswered",
        "unknowns",
    )

    def __init__(
        self,
        event: Event,
        first_attempt_at: float | None = None,
        *,
        may_have_been_accepted: bool = False,
        is_divisible: bool = True,
        known_parts: Sequence[PartResult] = (),
    ) -> None:
        self.event = event
        self.next: Entry | None = None
        self.epoch = 0
        self.handed_over_at = 0.0
        self.started_at = 0.0
        self.attempts = 0
        self.first_attempt_at = first_attempt_at
        self.last_attempt_at: float | None = None
        self.may_have_been_accepted = may_have_been_accepted
        self.outcome: Outcome | None = None
        self.troubles = 0
        self.unknowns = 0
        self.unanswered = False
        self.refreshes = 0
        self.clock_adjustments = 0
        self.is_marked = False
        self.is_divisible = is_divisible
        self.known_parts = known_parts
        self.bisection: EventInParts | None = None
        self.part: Part | None = None

    def in_same_doubt(self, event: Event) -> "Entry":
        """Return an entry for a part of this one's event, of which is known what is known of the whole."""
        return Entry(
            event,
            self.first_attempt_at,
            may_have_been_accepted=self.may_have_been_accepted,
            is_divisible=self.is_divisible,
        )

    def begin(self, wall_now: float) -> None:
        """Note that an attempt goes out at ``wall_now`` (epoch seconds)."""
        self.attempts += 1
        self.last_attempt_at = wall_now
        if self.first_attempt_at is None:
            self.first_attempt_at = wall_now
        self.unanswered = True

    def withdraw(self) -> None:
        """Note that the attempt that had begun was never sent."""
        self.attempts -= 1
        self.unanswered = False

    def note(self, outcome: Outcome) -> None:
        """Add what the attempt came to."""
        self.outcome = outcome
        self.unanswered = False
        if outcome.may_have_been_accepted:
            self.may_have_been_accepted = True
            self.is_divisible = False
        kind = outcome.kind
        if kind is OutcomeKind.REFRESH:
            self.refreshes += 1
        elif kind is OutcomeKind.SKEWED:
            self.clock_adjustments += 1
            if not self.may_have_been_accepted:
                # Refused for the clock, so no token's life has begun; and the first attempt's time was
                # read from a clock that is about to be set right.
                self.first_attempt_at = None
        else:
            self.refreshes = self.clock_adjustments = 0
        if kind is OutcomeKind.TRANSIENT or kind is OutcomeKind.BLOCKED or kind is OutcomeKind.UNKNOWN:
            self.troubles += 1
            self.unknowns += kind is OutcomeKind.UNKNOWN

    def accepted(self, outcome: Outcome) -> EventResult:
        """Return the result of an event whose last attempt came to an acceptance."""
        # By position, and nothing noted before: of this there are thousands a second.
        return EventResult(
            self.event,
            EventState.ACCEPTED,
            outcome.event_id,
            outcome.code,
            outcome.message,
            self.attempts,
            self.first_attempt_at,
            self.last_attempt_at,
        )

    def result(self, state: EventState, *, code: str = "", message: str = "") -> EventResult:
        """Return what the event came to, with the service's last words on it.

        Args:
            state: Where it stands.
            code: Our reason, used where the service gave none.
            message: The same in words.
        """
        outcome = self.outcome
        if outcome is not None and state is not EventState.UNPROCESSED:
            code, message = outcome.code or code, outcome.message or message
        return EventResult(
            event=self.event,
            state=state,
            event_id=outcome.event_id if outcome is not None else None,
            code=code,
            message=message,
            attempts=self.attempts,
            first_attempt_at=self.first_attempt_at,
            last_attempt_at=self.last_attempt_at,
        )
