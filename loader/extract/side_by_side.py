"""Look at many files at once: reading waits for the disk or the network."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

THREADS = 8

FEW = 8
"""So many are looked at one after the other: what a thread reads of a large file stays in the memory that its
allocator keeps for it."""

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def side_by_side(look: Callable[[_Item], _Result], items: Sequence[_Item]) -> list[_Result]:
    """Return what a function makes of each item, in order; its first exception in that order is raised."""
    if len(items) <= FEW:
        return [look(item) for item in items]
    with ThreadPoolExecutor(THREADS, thread_name_prefix="looking") as threads:
        try:
            return list(threads.map(look, items))
        finally:
            threads.shutdown(cancel_futures=True)
