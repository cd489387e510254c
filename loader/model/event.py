"""An event, and the limits of the service that apply to it.

Rule kept here: a payload (``Event.quoted``) never appears in a repr, because the service marks it sensitive.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from loader.json_quoting import unquote
from loader.running_hash import RunningHash

# Service facts (service model 2024-01-01; docs/service.md 2).
MAX_EVENT_BYTES = 1_048_576
"""``DataIntegrationEventData.max``, counted here in UTF-8 bytes, the strictest reading."""

MAX_GROUP_CHARS = 255
"""``DataIntegrationEventGroupId.max``."""

TOKEN_LIFE_SECONDS = 8 * 3600.0
"""Time for which the service remembers a ``clientToken``."""

TOKEN_MARGIN_SECONDS = 900.0
"""End of a token's life in which the loader does not rely on it any more.

It covers a slow last attempt and clocks that differ. AWS refuses signatures that are off by more than 15
minutes, so the clock of a machine that can send is not further off.
"""

SAFE_SECONDS = TOKEN_LIFE_SECONDS - TOKEN_MARGIN_SECONDS
"""Time after its first attempt within which an event may be sent again with the same token."""

Borders = tuple[tuple[int, int], ...]
"""Where each file begins in the rows of an event: pairs of a position and the number of the file. The first
position is 0."""


class Operation(StrEnum):
    """The operation of an event of type ``scn.data.dataset`` on its dataset."""

    APPEND = "APPEND"
    UPSERT = "UPSERT"
    DELETE = "DELETE"


@dataclass(frozen=True, slots=True)
class Destination:
    """The target of all events of a load: the constant parts of a request.

    Attributes:
        instance_id: UUID of the AWS Supply Chain instance.
        event_type: ``scn.data.*``.
        dataset_arn: Target dataset, for event type ``scn.data.dataset`` only.
        operation: Operation on the records, for event type ``scn.data.dataset`` only.
    """

    instance_id: str
    event_type: str
    dataset_arn: str | None = None
    operation: Operation | None = None


@dataclass(slots=True, eq=False)
class Event:
    """One call's payload.

    Attributes:
        window: Number of the window it was planned in, counted over the whole extract from 0.
        index: Position in that window's plan, from 0. Events are numbered in the order in which they are
            closed.
        file: Number of the source file of its first row, from 0.
        rows: Position of each of its rows in its file, counted from 0, in the order of the extract.
        group: ``eventGroupId``.
        token: ``clientToken``: 64 hex characters, computed from the identity of the event.
        timestamp: ``eventTimestamp``: epoch seconds as decimal text, or None to omit it.
        quoted: The records: UTF-8 JSON, one object or an array of several, escaped as the content of a JSON
            string (`loader.json_quoting`).
        begun: State of a SHA-256 of the request body up to the end of ``quoted``, or None. Only packed events
            have it, so that a megabyte is hashed once.
        borders: Where each file begins in ``rows``, if the rows come from several files; otherwise empty.
    """

    window: int
    index: int
    file: int
    rows: Sequence[int]
    group: str
    token: str
    timestamp: str | None
    quoted: bytes = field(repr=False)
    begun: RunningHash | None = field(default=None, repr=False)
    borders: Borders = ()

    def file_of(self, position: int) -> int:
        """Return the number of the file of a row.

        Args:
            position: The row's position in ``rows``; negative ones count from the end.
        """
        if not self.borders:
            return self.file
        at = position if position >= 0 else len(self.rows) + position
        return next(file for start, file in reversed(self.borders) if start <= at)

    def rows_by_file(self, first: int = 0, end: int | None = None) -> Sequence[tuple[int, int]]:
        """Return, for each file, the number of its rows from position ``first`` up to ``end``."""
        end = len(self.rows) if end is None else min(end, len(self.rows))
        if not self.borders:  # most events; called for each result
            return ((self.file, end - first),) if end > first else ()
        ends = [start for start, _ in self.borders[1:]] + [len(self.rows)]
        counts = [
            (file, min(stop, end) - max(start, first))
            for (start, file), stop in zip(self.borders, ends, strict=True)
        ]
        return [(file, count) for file, count in counts if count > 0]

    @property
    def data(self) -> bytes:
        """The records as the service reads them. Computed on each access: a packed event has a megabyte."""
        return unquote(self.quoted)
