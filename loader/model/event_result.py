"""The result of an event, and of its parts if the service refused it as a whole."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from loader.model.event import Event


class EventState(StrEnum):
    """The state of an event when a load ends. Each event is in exactly one of these."""

    ACCEPTED = "accepted"
    FAILED = "failed"
    IN_DOUBT = "in_doubt"
    UNPROCESSED = "unprocessed"


@dataclass(frozen=True, slots=True)
class Part:
    """A range of the records of an event that was refused as a whole.

    Attributes:
        first: Position of its first record in the event, from 0.
        count: Number of its records.
    """

    first: int
    count: int


class PartState(StrEnum):
    """The state of a part."""

    ACCEPTED = "accepted"
    FAILED = "failed"
    DIVIDED = "divided"


@dataclass(frozen=True, slots=True)
class PartResult:
    """The result of a part of an event.

    Attributes:
        part: The records of the part.
        state: Its state.
        token: Its ``clientToken``; if the part is the whole event, the token of the event.
        event_id: The receipt, if it was accepted.
        code: The service's error code, if it was refused.
        message: The service's message (may repeat row data; not for logs).
    """

    part: Part
    state: PartState
    token: str
    event_id: str | None = None
    code: str = ""
    message: str = field(default="", repr=False)


@dataclass(slots=True)  # not frozen, for the reason given at `Outcome`
class EventResult:
    """The result of an event, with the rows that a user needs to find it in the extract.

    Attributes:
        event: The event.
        state: Its state.
        event_id: The receipt, if it was accepted.
        code: The last error code, if it was not accepted.
        message: The service's last message (may repeat row data; not for logs).
        attempts: HTTP requests made for it in this run.
        first_attempt_at: Epoch seconds of the first attempt that may have reached the service, or None.
        last_attempt_at: Epoch seconds of the last attempt, or None.
        in_parts: Whether it was refused as a whole and sent in parts.
        left_out: If so, the positions in ``event.rows`` of rows that were not accepted; otherwise None.
    """

    event: Event
    state: EventState
    event_id: str | None = None
    code: str = ""
    message: str = field(default="", repr=False)
    attempts: int = 0
    first_attempt_at: float | None = None
    last_attempt_at: float | None = None
    in_parts: bool = False
    left_out: Sequence[int] | None = None

    @property
    def positions(self) -> Sequence[int]:
        """The positions in ``event.rows`` of the rows to which ``state`` applies, in order."""
        return range(len(self.event.rows)) if self.left_out is None else self.left_out

    @property
    def rows(self) -> Sequence[int]:
        """The rows to which ``state`` applies, in order, each by its position in its file."""
        if self.left_out is None:
            return self.event.rows
        return [self.event.rows[position] for position in self.left_out]

    def rows_by_file(self) -> Iterator[tuple[int, int]]:
        """Yield, for each file, the number of its rows to which ``state`` applies."""
        if self.left_out is None:
            yield from self.event.rows_by_file()
        else:
            yield from Counter(map(self.event.file_of, self.left_out)).items()
