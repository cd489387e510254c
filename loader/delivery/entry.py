"""The delivery state of one event: the event, its attempts and their outcomes.

Rules kept here:

1. ``may_have_been_accepted`` is never reset. A later answer does not remove the doubt.
2. This module only records facts. ``retry.decide`` makes decisions from them.
"""

from collections.abc import Sequence
from typing import Protocol

from loader.model import Event, EventResult, EventState, Outcome, OutcomeKind, Part, PartResult


class EventInParts(Protocol):
    """The interface of an event in parts for its entries. `delivery.outcomes.bisection` implements it."""

    event: Event

    @property
    def has_hope(self) -> bool:
        """Whether the service may still accept a record, so that further division is useful."""

    @property
    def is_over(self) -> bool:
        """Whether every part is settled."""

    @property
    def is_in_doubt(self) -> bool:
        """Whether a part may have been accepted without a receipt."""

    def divide(self, entry: "Entry") -> "list[Entry]":
        """Return the halves of a refused entry."""

    def settle(self, entry: "Entry", result: EventResult) -> PartResult | None:
        """Record the result of a part; return the result to log, or None if the part is in doubt."""

    def leave_out(self, entry: "Entry", code: str, message: str) -> None:
        """Record that a part is not sent again. It is in doubt if it may have been accepted."""

    def result(self) -> EventResult:
        """Return the result of the event: in doubt if any part is, else failed if any part is."""


class Entry:
    """An event in its lane.

    Attributes:
        event: The event.
        next: The next entry in its lane, or None.
        epoch: Number that the governor gave the current attempt. It identifies the congestion epoch.
        handed_over_at: Monotonic seconds at which the event was offered for delivery.
        started_at: Monotonic seconds at which the current attempt started.
        attempts: Number of requests for the event in this run.
        first_attempt_at: Epoch seconds of the first attempt, including earlier runs; None without an attempt.
        last_attempt_at: Epoch seconds of the last attempt in this run, or None.
        may_have_been_accepted: Whether the service may have the event although no receipt arrived.
        outcome: Outcome of the last attempt, or None.
        troubles: Number of transient, unknown and blocked outcomes. It is the exponent of the backoff.
        unknowns: Number of unknown outcomes.
        unanswered: Whether the last attempt has no outcome yet.
        refreshes: Consecutive REFRESH answers. SKEWED answers in between do not reset the count.
        clock_adjustments: Consecutive SKEWED answers. REFRESH answers in between do not reset the count.
        is_marked: Whether the write-ahead mark of the event is durable, which an attempt requires.
        is_divisible: Whether a refusal may divide the event. A possible acceptance sets it to False.
        known_parts: Results of its parts in earlier runs if it was divided; empty for a part.
        bisection: The event in parts that this entry belongs to, or None if the entry is a whole event.
        part: The records of the event that this entry sends, or None for all.
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
        """Return an entry for a part of this event, with the same facts about possible acceptance."""
        return Entry(
            event,
            self.first_attempt_at,
            may_have_been_accepted=self.may_have_been_accepted,
            is_divisible=self.is_divisible,
        )

    def begin(self, wall_now: float) -> None:
        """Record that an attempt starts at ``wall_now`` (epoch seconds)."""
        self.attempts += 1
        self.last_attempt_at = wall_now
        if self.first_attempt_at is None:
            self.first_attempt_at = wall_now
        self.unanswered = True

    def withdraw(self) -> None:
        """Record that the started attempt was not sent."""
        self.attempts -= 1
        self.unanswered = False

    def note(self, outcome: Outcome) -> None:
        """Record the outcome of the attempt."""
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
                # The service refused the request for its clock, so the life of the token has not begun. The
                # time of the first attempt is also wrong, because the clock is about to be corrected.
                self.first_attempt_at = None
        else:
            self.refreshes = self.clock_adjustments = 0
        if kind is OutcomeKind.TRANSIENT or kind is OutcomeKind.BLOCKED or kind is OutcomeKind.UNKNOWN:
            self.troubles += 1
            self.unknowns += kind is OutcomeKind.UNKNOWN

    def accepted(self, outcome: Outcome) -> EventResult:
        """Return the result of an event whose last attempt was accepted."""
        # Positional arguments and no prior ``note``, because this runs thousands of times per second.
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
        """Return the result of the event, with the code and message of the service's last answer.

        Args:
            state: Final state of the event.
            code: Error code of the loader, used if the service gave none.
            message: Message of the loader, used if the service gave none.
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
