"""How the processes of ``make test`` share the tests: long ones first, so that all processes end together.

A process gets the next unit when it has nearly done its last one. A unit is a module, or one test where the
tests of a folder take seconds. The names below are beginnings of pytest's names. A list that is out of date
costs time and nothing else.
"""

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

ONE_BY_ONE = tuple(
    f"tests/{folder}/"
    for folder in (
        "benchmarks",
        "faults",
        "hostile",
        "load",
        "page",
        "process",
        "shards",
        "simulation",
        "verify",
    )
)
"""Folders whose tests are units of their own."""

FIRST = (
    "tests/faults/test_surroundings.py",
    "tests/faults/test_shards.py",
    "tests/faults/test_windows_over_files.py",
    "tests/hostile/",
    "tests/remote/test_loads.py",
    "tests/formats/test_parquet_against_others.py",
    "tests/extract/test_memory.py",
    "tests/checkpoint/test_kills.py",
    "tests/faults/",
    "tests/process/",
    "tests/cli/test_cost.py",
    "tests/verify/",
    "tests/remote/",
    "tests/measuring/",
    "tests/shards/",
    "tests/page/",
    "tests/benchmarks/",
    "tests/load/",
    "tests/simulation/",
)
"""What takes longest, in the order in which it begins."""


def rank(name: str) -> int:
    """Return the place of a test in the order of beginnings."""
    return next((place for place, beginning in enumerate(FIRST) if name.startswith(beginning)), len(FIRST))


class LongestFirst(LoadScopeScheduling):  # type: ignore[misc] # xdist ships no types
    """Gives out units in the order of the collected tests."""

    def __init__(self, config: pytest.Config, log: Any) -> None:
        config.option.loadscopereorder = False
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        return nodeid if nodeid.startswith(ONE_BY_ONE) else nodeid.split("::", 1)[0]
