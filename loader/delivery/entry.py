"""The delivery state of one event: the event, its attempts and their outcomes.

Rules kept here:

1. A possible acceptance is never reset. A later answer does not remove the doubt.
2. This module only records facts. ``retry.decide`` makes decisions from them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from loader.delivery.setbacks import NO_SETBACKS
from loader.model import Event, EventResult, EventState, Outcome, OutcomeKind, Part, PartResult


class EventInParts(Protocol):
    """The interface of an event in parts for its entries. `delivery.outcomes.bisection` implements it."""

    event: Event

    @property
    def is_worth_dividing(self) -> bool:
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


@dataclass(frozen=True, slots=True)
class PartOf:
    """The membership of an entry that is a part of a divided event.

    Attributes:
        bisection: The event in parts.
        part: The records of the event that the entry sends.
    """

    bisection: EventInParts
    part: Part


class EventDoubt(Enum):
    """Whether the service may have an event without a receipt, and whether a refusal may still divide it."""

    NONE = "not accepted"
    HARMLESS = "possibly accepted in an earlier run, and a repeated record is harmless"
    WHOLE = "possibly accepted, so that it may only be repeated whole"


class Entry:
    """An event in its lane.

    Args:
        event: The event.
        first_attempt_at: Epoch seconds of the first attempt in an earlier run, or None.
        doubt: Whether an earlier run may have had the event accepted.
        handed_over_at: Monotonic seconds at which the event was offered for delivery.
        known_parts: Results of its parts in earlier runs if it was divided.
        part_of: The divided event of which the entry sends a part, or None for a whole event.

    Attributes:
        event: The event.
        handed_over_at: Monotonic seconds at which the event was offered for delivery.
        known_parts: Results of its parts in earlier runs if it was divided; empty for a part.
        part_of: The divided event of which the entry sends a part, or None for a whole event.
        next: The next entry in its lane, or None. Set by the lanes.
        is_marked: Whether its write-ahead mark is durable, which an attempt requires. Set by the lanes.
        epoch: Number that the governor gave the current attempt. It identifies the congestion epoch. Set by
            admission control.
        started_at: Monotonic seconds at which the current attempt started. Set by admission control.
        attempts: Number of requests for the event in this run.
        unanswered: Whether the last attempt has no outcome yet.
        first_attempt_at: Epoch seconds of the first attempt, including earlier runs; None without an attempt.
        last_attempt_at: Epoch seconds of the last attempt in this run, or None.
        outcome: Outcome of the last attempt, or None.
        doubt: Whether the service may have the event although no receipt arrived.
        setbacks: Counts of the outcomes that limit the retries.
    """

    __slots__ = (
        "attempts",
        "doubt",
        "epoch",
        "event",
        "first_attempt_at",
        "handed_over_at",
        "is_marked",
        "known_parts",
        "last_attempt_at",
        "next",
        "outcome",
        "part_of",
        "setbacks",
        "started_at",
        "unanswered",
    )

    def __init__(
        self,
        event: Event,
        first_attempt_at: float | None = None,
        *,
        doubt: EventDoubt = EventDoubt.NONE,
        handed_over_at: float = 0.0,
        known_parts: Sequence[PartResult] = (),
        part_of: PartOf | None = None,
    ) -> None:
        self.event = event
        self.handed_over_at = handed_over_at
        self.known_parts = known_parts
        self.part_of = part_of
        self.next: Entry | None = None
        self.is_marked = False
        self.epoch = 0
        self.started_at = 0.0
        self.attempts = 0
        self.unanswered = False
        self.first_attempt_at = first_attempt_at
        self.last_attempt_at: float | None = None
        self.outcome: Outcome | None = None
        self.doubt = doubt
        self.setbacks = NO_SETBACKS

    @property
    def may_have_been_accepted(self) -> bool:
        """Whether the service may have the event although no receipt arrived."""
        return self.doubt is not EventDoubt.NONE

    @property
    def is_divisible(self) -> bool:
        """Whether a refusal may divide the event."""
        return self.doubt is not EventDoubt.WHOLE

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
            self.doubt = EventDoubt.WHOLE
        if outcome.kind is OutcomeKind.SKEWED and self.doubt is EventDoubt.NONE:
            # The service refused the request for its clock, so the life of the token has not begun. The time
            # of the first attempt is also wrong, because the clock is about to be corrected.
            self.first_attempt_at = None
        self.setbacks = self.setbacks.after(outcome.kind)

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
