"""How a file in an object store is read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CloudAccess:
    """How polars reads a file that lies in an object store: only the ranges it needs.

    Attributes:
        options: Its ``storage_options``.
        key: Gives the key to sign with, and when to ask again in epoch seconds, or None for never.
    """

    options: Mapping[str, str | int]
    key: Callable[[], tuple[dict[str, str], int | None]]
