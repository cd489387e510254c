"""Ids that the service gives out: random UUIDs, as the service model's pattern asks for."""

from random import Random
from uuid import UUID

# Seeded by the operating system once: asking it for every id would cost more than the rest of an answer.
_random = Random()  # noqa: S311 - names things, guards nothing


def new_id() -> str:
    """Return a new id."""
    return str(UUID(int=_random.getrandbits(128), version=4))
