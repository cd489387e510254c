"""The primary keys of the records in a window's open events.

Only they matter: a key whose event is closed may go into any event that is open.
"""

from collections.abc import Collection, Sequence
from itertools import chain, repeat

import polars as pl


class OpenKeys:
    """The primary keys of the records in open events, to detect repeated ones."""

    def __init__(self) -> None:
        self._keys = pl.DataFrame(schema={"key": pl.String, "serial": pl.Int64})
        self._added: tuple[pl.Series, list[tuple[int, int]]] | None = None

    def add(self, keys: pl.Series, taken: Sequence[tuple[int, int]]) -> None:
        """Take the keys of a slice.

        Args:
            keys: The keys, lane by lane.
            taken: Serials of events, and how many of the records each took, in the order of the keys.
        """
        self._added = keys, list(taken)

    def repeated(
        self, keys: pl.Series, open_events: Collection[int]
    ) -> tuple[pl.Series | None, list[tuple[str, int]]]:
        """Return which keys of a slice another record of it, or of an open event, has.

        Args:
            keys: The keys of the slice.
            open_events: Serials of the events that are open.

        Returns:
            Booleans, or None for no key; those of them that are in open events, with the event's serial.
        """
        self._look_after(open_events)
        known = self._keys["key"]
        every = keys if known.is_empty() else pl.concat([known, keys])
        if every.n_unique() == len(every):
            return None, []
        again = every.is_duplicated()
        earlier = self._keys.filter(again.head(len(known)))
        return again.tail(len(keys)), earlier.rows()

    def _look_after(self, open_events: Collection[int]) -> None:
        """Put the keys that were added last to the others, and drop those of closed events."""
        if self._added is None:
            return
        keys, taken = self._added
        serials = list(chain.from_iterable(repeat(serial, count) for serial, count in taken))
        added = pl.DataFrame({"key": keys, "serial": pl.Series(serials, dtype=pl.Int64)})
        still_open = pl.Series(list(open_events), dtype=pl.Int64)
        kept = pl.concat([self._keys, added]).filter(pl.col("serial").is_in(still_open.implode()))
        self._keys, self._added = kept, None
