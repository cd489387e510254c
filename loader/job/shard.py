"""The part of a load that one process delivers: ``--shard K/N``.

A hash divides the groups of a load among N shards. Every shard plans the same extract and sends the events of
its own groups. N is not a plan setting: another N only divides the same events in another way.
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
"""Capacity of the token bucket without --burst, in seconds of the rate. Timers are late by milliseconds, and
a bucket of one token would lose the tokens of that time."""

INDEX_VARIABLES = ("JOB_COMPLETION_INDEX", "AWS_BATCH_JOB_ARRAY_INDEX")
"""Variables with which Kubernetes (indexed jobs) and AWS Batch (array jobs) number this process, from 0."""


class Shard(Section):
    """One of the shards of a load: ``K/N``, or ``/N`` with K from the environment of an indexed or array job.

    Attributes:
        number: Number of the shard, from 1.
        of: Number of shards.
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
            raise ValueError(f"the number of shards must be 1 to {MOST_SHARDS:,}, not {self.of:,}")
        if not 1 <= self.number <= self.of:
            raise ValueError(
                f"shard {self.number:,} of {self.of:,} does not exist: shards are numbered 1 to {self.of:,}"
            )
        return self

    def ceiling_problems(self, rate: float, burst: int | None) -> Iterator[str]:
        """Yield why a rate cannot be divided among the shards: each needs a burst of one event.

        Args:
            rate: Events per second of the whole load.
            burst: Events that may be sent at once, or None for those of 0.1 s.
        """
        at_once = burst or max(1, math.ceil(rate * CEILING_BURST_SECONDS))
        if self.of > at_once:
            events = "1 event" if at_once == 1 else f"{at_once:,} events"
            yield (
                f"--rate {rate:g} permits a burst of {events}, too few for {self.of:,} shards; "
                f"use fewer shards, or --burst {self.of}"
            )

    @property
    def folder(self) -> str:
        """The name of its folder in the run directory."""
        return f"{self.number}of{self.of}"

    @classmethod
    def of_folder(cls, name: str) -> "Shard | None":
        """Return the shard with this folder name, or None."""
        match = re.fullmatch(r"([1-9]\d{0,4})of([1-9]\d{0,4})", name, re.ASCII)
        if match is None or not int(match[1]) <= int(match[2]) <= MOST_SHARDS or match[2] == "1":
            return None
        return cls(number=int(match[1]), of=int(match[2]))

    def __str__(self) -> str:
        """Return the shard in the form of the flag."""
        return f"{self.number}/{self.of}"


def _index() -> int:
    """Return the index of this process in an indexed or array job, from 0."""
    for name in INDEX_VARIABLES:
        text = os.environ.get(name, "")
        if re.fullmatch(r"\d{1,9}", text, re.ASCII):
            return int(text)
    raise ValueError(
        f"/N takes K from {' or '.join(INDEX_VARIABLES)}, but neither of them is a number; give K/N"
    )
