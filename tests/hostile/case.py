"""One hostile input: what is named as the extract, how it is loaded, and what happens to it meanwhile."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

MARKER = "PAYLOAD-MARKER-7f3a"
"""Part of the good values: it may be sent, and may be in the checkpoint, and nowhere else."""

COLUMNS = ("reservation_id", "reservation_detail_id", "product_id")
"""Two columns of the primary key of ``scn.data.reservation``, and one more."""


@dataclass(frozen=True, slots=True)
class Case:
    """A hostile input.

    Attributes:
        extract: What the user names.
        settings: Settings of the job beside it.
        mischief: Done once the load has begun, when ``after_events`` events have come to an end.
        after_events: See ``mischief``.
        may_name_values: Whether what should be values stands where names belong, such as in the header:
            errors quote names.
        most_mebibytes: Most memory the process may have meanwhile, the emulator's included.
        may_send: Whether there is anything in it that may be sent.
    """

    extract: tuple[str, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    mischief: Callable[[], None] | None = None
    after_events: int = 0
    may_name_values: bool = False
    most_mebibytes: int = 500
    may_send: bool = True


Make = Callable[[Random, Path], Case]
"""Makes a case in an empty folder: the same one for the same random numbers."""


def rows(chance: Random, most: int = 60) -> list[tuple[str, str, str]]:
    """Return good rows; some hold what CSV must quote."""
    words = ["plain", 'quoted "x"', "comma, comma", "two\nlines", "größe", "日本", ""]
    return [
        (f"R{chance.randrange(8)}", f"{number:04d}", f"{MARKER} {chance.choice(words)}")
        for number in range(chance.randint(1, most))
    ]
