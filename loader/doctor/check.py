"""One check and its result."""

from dataclasses import dataclass
from enum import StrEnum


class CheckState(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check.

    Attributes:
        name: What was checked.
        state: How it ended.
        found: What was found, without secrets.
        next_step: What to do about it; empty if nothing.
    """

    name: str
    state: CheckState
    found: str
    next_step: str = ""
