"""The primary keys of the records in a window's open events.

Keys of closed events do not matter, because their next record may go into any open event.
"""

from collections.abc import Collection, Sequence
from itertools import chain, repeat

import polars as pl


class OpenKeys:
    """The primary keys of the records in open events, to detect repeated ones."""

    def __init__(self) -> None:
        self._keys = pl.DataFrame(schema={"key": pl.String, "serial": pl.Int64})
        self._added: tuple[pl.Series, Sequence[tuple[int, int]]] | None = None

    def add(self, keys: pl.Series, taken: Sequence[tuple[int, int]]) -> None:
        """Add the keys of a slice.

        Args:
            keys: The keys, lane by lane.
            taken: Serials of events with the number of records that each took, in the order of the keys.
        """
        self._added = keys, taken

    def repeated(
        self, keys: pl.Series, open_events: Collection[int]
    ) -> tuple[pl.Series | None, list[tuple[str, int]]]:
        """Return the keys of a slice that occur again in the slice or in an open event.

        Args:
            keys: The keys of the slice.
            open_events: Serials of the events that are open.

        Returns:
            Booleans, or None if there is no such key; and the keys that are in open events, with the serial
            of the event.
        """
        self._merge_added(open_events)
        known = self._keys["key"]
        every = keys if known.is_empty() else pl.concat([known, keys])
        if every.n_unique() == len(every):
            return None, []
        again = every.is_duplicated()
        earlier = self._keys.filter(again.head(len(known)))
        return again.tail(len(keys)), earlier.rows()

    def _merge_added(self, open_events: Collection[int]) -> None:
        """Merge the keys that were added last with the others, and drop those of closed events."""
        if self._added is None:
            return
        keys, taken = self._added
        serials = list(chain.from_iterable(repeat(serial, count) for serial, count in taken))
        added = pl.DataFrame({"key": keys, "serial": pl.Series(serials, dtype=pl.Int64)})
        still_open = pl.Series(list(open_events), dtype=pl.Int64)
        kept = pl.concat([self._keys, added]).filter(pl.col("serial").is_in(still_open.implode()))
        self._keys, self._added = kept, None
