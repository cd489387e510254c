"""The part of a load that one process delivers: ``--shard K/N``.

The groups of a load are divided among N shards by a hash. Every shard plans the same extract, and sends the
events of its own groups. N is no plan setting: another N divides the same events.
"""

import math
import os
import re
from collections.abc import Iterator
from typing import Self

from pydantic import model_validator

from loader.job.sections import Section

MOST_SHARDS = 10_000
"""AWS Batch runs at most 10,000 children of an array job."""

CEILING_BURST_SECONDS = 0.1
"""Capacity of the ceiling's bucket without --burst, in seconds of the rate. Timers are late by milliseconds,
and a bucket of one token would lose the tokens of that time."""

INDEX_VARIABLES = ("JOB_COMPLETION_INDEX", "AWS_BATCH_JOB_ARRAY_INDEX")
"""Where Kubernetes (indexed jobs) and AWS Batch (array jobs) say which process this is, counted from 0."""


class Shard(Section):
    """One of the shards of a load: ``K/N``, or ``/N`` with K from the environment of an indexed or array job.

    Attributes:
        number: Which one, from 1.
        of: How many there are.
    """

    number: int
    of: int

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        match = re.fullmatch(r"(\d{0,9})/(\d{1,9})", value.strip(), re.ASCII)
        if match is None:
            raise ValueError("give K/N, such as 2/4 for the second of four shards, or /N in an indexed job")
        return {"number": match[1] or _index() + 1, "of": match[2]}

    @model_validator(mode="after")
    def _is_one_of_them(self) -> Self:
        if not 1 <= self.of <= MOST_SHARDS:
            raise ValueError(f"the number of shards must be 1 to {MOST_SHARDS:,}, and it is {self.of:,}")
        if not 1 <= self.number <= self.of:
            raise ValueError(
                f"there is no shard {self.number:,} of {self.of:,}: shards are counted from 1 to {self.of:,}"
            )
        return self

    def ceiling_problems(self, rate: float, burst: int | None) -> Iterator[str]:
        """Yield why a ceiling cannot be shared out: each shard needs a burst of one event.

        Args:
            rate: Events per second of the whole load.
            burst: Events that it lets go at once, or None for those of 0.1 s.
        """
        at_once = burst or max(1, math.ceil(rate * CEILING_BURST_SECONDS))
        if self.of > at_once:
            events = "1 event" if at_once == 1 else f"{at_once:,} events"
            yield (
                f"--rate {rate:g} lets {events} go at once, too few for {self.of:,} shards; "
                f"use fewer shards, or --burst {self.of}"
            )

    @property
    def folder(self) -> str:
        """The name of its folder in the run directory."""
        return f"{self.number}of{self.of}"

    @classmethod
    def of_folder(cls, name: str) -> "Shard | None":
        """Return the shard whose folder has a name, or None if no shard's has."""
        match = re.fullmatch(r"([1-9]\d{0,4})of([1-9]\d{0,4})", name, re.ASCII)
        if match is None or not int(match[1]) <= int(match[2]) <= MOST_SHARDS or match[2] == "1":
            return None
        return cls(number=int(match[1]), of=int(match[2]))

    def __str__(self) -> str:
        """Return it as it can be given."""
        return f"{self.number}/{self.of}"


def _index() -> int:
    """Return which process of an indexed or array job this is, from 0."""
    for name in INDEX_VARIABLES:
        text = os.environ.get(name, "")
        if re.fullmatch(r"\d{1,9}", text, re.ASCII):
            return int(text)
    raise ValueError(
        f"/N takes K from {' or '.join(INDEX_VARIABLES)}, and neither of them holds a number; give K/N"
    )
