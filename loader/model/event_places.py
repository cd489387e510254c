"""The place in its window where each planned event begins. It identifies the event, whichever shard plans it.

The index of an event counts the events of one checkpoint, so two shards, or a load without shards, may give
the same event different indexes. Its first row is always the same. Four bytes of its token are stored too: if
they differ, the events are not the same.
"""

import struct
from collections.abc import Mapping, Sequence

from loader.model.slice_plan import SlicePlan

TOKEN_CHARS = 8
"""Number of hex characters of a token that are stored: four bytes."""


def pack_places(plan: SlicePlan) -> bytes:
    """Return position of the first row and start of the token of each event of a slice, four bytes each.

    The result is empty if the plan has no positions.
    """
    if not plan.places:
        return b""
    values = [0] * (2 * len(plan.events))
    values[::2] = plan.places
    values[1::2] = token_starts([event.token for event in plan.events])
    return struct.pack(f"<{len(values)}I", *values)


def unpack_places(stored: Sequence[bytes]) -> Mapping[int, tuple[int, int]]:
    """Return index and start of the token of each event of a window, by position of its first row.

    Args:
        stored: The result of `pack_places` for each of its slices, in order.
    """
    pairs = struct.iter_unpack("<II", b"".join(stored))
    return {place: (index, token) for index, (place, token) in enumerate(pairs)}


def token_starts(tokens: Sequence[str]) -> Sequence[int]:
    """Return the first four bytes of each token as a number."""
    joined = bytes.fromhex("".join([token[:TOKEN_CHARS] for token in tokens]))
    return struct.unpack(f"<{len(tokens)}I", joined)
