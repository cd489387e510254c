"""All kinds of hostile input, by number: the same number makes the same case everywhere."""

from dataclasses import replace
from pathlib import Path
from random import Random

from tests.hostile import parquet_cases, place_cases, text_cases
from tests.hostile.case import Case, Make

COMMON: tuple[Make, ...] = (*parquet_cases.KINDS, *text_cases.KINDS, *place_cases.KINDS)
RARE: tuple[Make, ...] = (*parquet_cases.RARE, *text_cases.RARE)

RARE_EVERY = 20
"""Of this many cases one is of the rare kinds, which take long to make and to read."""


def kind_of(number: int) -> Make:
    """Return the kind of a case: all kinds take turns."""
    turn, place = divmod(number, RARE_EVERY)
    if place == RARE_EVERY - 1:
        return RARE[turn % len(RARE)]
    return COMMON[(turn * (RARE_EVERY - 1) + place) % len(COMMON)]


def name_of(number: int) -> str:
    """Return a kind's name, such as ``parquet: lying``."""
    kind = kind_of(number)
    return f"{kind.__module__.rpartition('.')[2].removesuffix('_cases')}: {kind.__name__.replace('_', ' ')}"


def make_case(number: int, folder: Path) -> Case:
    """Make a case in an empty folder, with settings that vary what the reader does with it."""
    chance = Random(f"hostile {number}")
    case = kind_of(number)(chance, folder)
    vary = {
        "pack": chance.choice(["row", "group", "group"]),
        "group_buckets": chance.choice([None, 2]),
        "window_rows": chance.choice([None, None, 1, 7, 100]),
        "ignore_unknown": chance.choice([True, False]),
    }
    settings = {name: value for name, value in vary.items() if value is not None} | dict(case.settings)
    return replace(case, settings=settings)
