"""One check and its result."""

from dataclasses import dataclass
from enum import StrEnum


class CheckState(StrEnum):
    """The state of a check."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check.

    Attributes:
        name: What was checked.
        state: Its state.
        found: The finding, without secrets.
        next_step: The remedy; empty if none is needed.
    """

    name: str
    state: CheckState
    found: str
    next_step: str = ""
