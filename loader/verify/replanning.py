"""Plan the events of a load again from its extract: their rows, groups, tokens and keys.

The checkpoint keeps only 16 bytes of an accepted event, not its rows. Planning a window again gives the same
events; a digest of its tokens confirms that.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from itertools import chain, repeat

from loader.checkpoint.plan import plan_digest
from loader.checkpoint.verdicts import Verdicts
from loader.errors import CheckpointMismatch
from loader.events import SliceRecords
from loader.extract import Extract
from loader.extract.planning import plan_slices
from loader.formats.windows import Slice
from loader.model import Destination, Event, SlicePlan

RowPlace = tuple[int, int]
"""Number of a file, and position of a row in it, from 0."""


@dataclass(frozen=True, slots=True)
class Replanned:
    """A window of a load, planned again.

    Attributes:
        number: The window's number.
        events: Its events.
        keys: Hash of the primary key of each record, by its place; empty if the dataset has no primary key.
    """

    number: int
    events: Sequence[Event]
    keys: Mapping[RowPlace, int]


def replan(
    destination: Destination,
    extract: Extract,
    verdicts: Verdicts,
    first: int = 0,
    *,
    with_keys: bool = False,
) -> Iterator[Replanned]:
    """Plan the windows of a load again, in order, as far as the load planned them. Blocking.

    Args:
        destination: The destination of the load.
        extract: Its extract; opened with keys if ``with_keys``.
        verdicts: The checkpoint.
        first: Number of the first window to return.
        with_keys: Whether to return the keys of the records.

    Raises:
        CheckpointMismatch: The planned events differ: the extract or the loader changed.
        ExtractError: The extract cannot be read.
    """
    keys: dict[RowPlace, int] = {}
    events: list[Event] = []

    def note_keys(_rows: Slice, records: SliceRecords) -> None:
        frame = records.frame
        if with_keys and "key" in frame.columns:
            places = zip(frame["file"].to_list(), frame["row"].to_list(), strict=True)
            keys.update(zip(places, map(_hash, frame["key"].to_list()), strict=True))

    slices = plan_slices(
        destination,
        extract,
        extract.slices(lambda number: number >= first),
        on_records=note_keys,
        generation=verdicts.generation(),
    )
    for planned in slices:
        digest = verdicts.plan_digest(planned.window, planned.number)
        if digest is None:
            return  # the load stopped before this slice
        _check(planned, digest)
        # Payloads are not needed: callers use rows, groups and tokens only.
        events += [replace(event, quoted=b"", begun=None) for event in planned.events]
        if planned.ends_window:
            yield Replanned(planned.window, events, keys)
            events.clear()
            keys.clear()


def places_of(event: Event, first: int = 0, count: int | None = None) -> list[RowPlace]:
    """Return the places of the rows of an event, or of some of its records.

    Args:
        event: The event.
        first: Position of the first record in it.
        count: Number of records; None for all the rest.
    """
    end = len(event.rows) if count is None else first + count
    files = chain.from_iterable(repeat(file, rows) for file, rows in event.rows_by_file(first, end))
    return list(zip(files, event.rows[first:end], strict=True))


def _check(planned: SlicePlan, digest: bytes) -> None:
    if digest != plan_digest(planned.events):
        raise CheckpointMismatch(
            "The extract no longer gives the events of the load.",
            where=f"slice {planned.number} of window {planned.window}",
            why="the files or the loader's version changed",
            next_step="restore the files of the load, then run the same command again",
        )


def _hash(key: str) -> int:
    return int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), signed=True)
