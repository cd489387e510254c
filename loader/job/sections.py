"""Parts of a job: enumerations, and the tables of a job file."""

import math
import re
from enum import StrEnum
from os import PathLike, fspath
from pathlib import Path
from typing import Annotated
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_settings import NoDecode

from loader.command_line import absolute_path
from loader.job.panels import MOST

MIN_SAMPLE = 100
"""--max-errors as a share applies only after this many rows or events (DSBulk's default)."""


class Pack(StrEnum):
    """How records are put into events."""

    ROW = "row"
    GROUP = "group"


class OnFailure(StrEnum):
    """The effect of a failed event on later events of its group."""

    CONTINUE = "continue"
    HOLD = "hold"


class InDoubt(StrEnum):
    """What to do with events in doubt that are older than the life of their tokens."""

    STOP = "stop"
    RESEND = "resend"
    SKIP = "skip"


class Unfinished(StrEnum):
    """What to do with an unfinished load of other files in the run directory."""

    RESUME = "resume"
    SUPERSEDE = "supersede"
    STOP = "stop"


class Engine(StrEnum):
    """What runs the processes of ``--workers``."""

    LOCAL = "local"
    RAY = "ray"


class Section(BaseModel):
    """A table of a job file. Unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def one_or_many(value: object) -> object:
    """Accept a single value without brackets as a list, and paths as texts."""
    if isinstance(value, str | PathLike):
        value = [value]
    if isinstance(value, list | tuple):
        return [fspath(each) if isinstance(each, PathLike) else each for each in value]
    return value


STANDARD_INPUT = "-"
"""Name of the standard input as an extract."""


def located(extract: str, folder: Path) -> str:
    """Return an extract's name in a form that is valid in any folder."""
    if extract == STANDARD_INPUT or extract.startswith("s3://"):
        return extract
    mark = "@" if extract.startswith("@") else ""
    path = folder / extract.removeprefix(mark)
    return mark + str(absolute_path(path) if path.is_absolute() else path)


Texts = Annotated[tuple[str, ...], BeforeValidator(one_or_many), NoDecode]


NO_ZONES = {"localtime", "Factory"}
"""Names in the database that are not zones: that of the machine, and one for unset clocks."""


def known_time_zone(name: str) -> str:
    """Return ``name`` if it is an IANA time zone.

    Raises:
        ValueError: It is not.
    """
    # Listing the zones reads every file: that would cost 40 ms at each start, even for UTC, the default.
    if name != "UTC" and name not in available_timezones() - NO_ZONES:
        raise ValueError(f"'{name}' is not an IANA time zone such as UTC or Europe/Berlin")
    return name


TimeZone = Annotated[str, AfterValidator(known_time_zone)]


class Duration(Section):
    """A duration: ``90s``, ``10m``, ``2h``, a number of seconds, or ``never`` for no limit.

    Attributes:
        seconds: The duration in seconds; infinite for ``never``.
    """

    seconds: Annotated[float, Field(gt=0)]

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: object) -> object:
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value) if abs(value) < MOST else "too large"
        elif isinstance(value, float):
            value = f"{value:f}"
        if not isinstance(value, str):
            return value
        text = value.strip().lower()
        if text == "never":
            return {"seconds": math.inf}
        match = re.fullmatch(r"(\d{1,9}(?:\.\d{1,6})?)\s*(s|m|h|min)?", text, re.ASCII)
        if match is None or float(match[1]) <= 0:
            raise ValueError("give a duration above 0 such as 90s, 10m or 2h, or never")
        return {"seconds": float(match[1]) * _UNIT_SECONDS[match[2] or "s"]}

    def __str__(self) -> str:
        """Return the value in the form of the flag."""
        if self.seconds == math.inf:
            return "never"
        minutes, rest = divmod(self.seconds, 60)
        return f"{self.seconds:g}s" if rest else f"{minutes:g}m"


_UNIT_SECONDS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}


class MaxErrors(Section):
    """The limit of rejected and failed rows: a number, or a share of all rows.

    Attributes:
        count: Stop after more than this many.
        share: Stop after more than this share (0..1), once MIN_SAMPLE rows were seen.
    """

    count: Annotated[int, Field(ge=0, le=MOST)] | None = None
    share: Annotated[float, Field(ge=0)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: object) -> object:
        if isinstance(value, int) and not isinstance(value, bool):
            return {"count": value}
        if not isinstance(value, str):
            return value
        match = re.fullmatch(r"(\d+(?:\.\d+)?)(%?)", value.strip())
        if match is None or (not match[2] and "." in match[1]):
            raise ValueError("give a number such as 100 or a share such as 1.5%")
        return {"share": float(match[1]) / 100} if match[2] else {"count": int(match[1])}

    def exceeded(self, *, rejected: int, rows: int, failed: int, settled: int) -> bool:
        """Return whether the limit is exceeded.

        Args:
            rejected: Rows rejected so far.
            rows: Rows read so far.
            failed: Rows that became records, but failed so far.
            settled: Rows whose records are settled so far.
        """
        if self.count is not None:
            return rejected + failed > self.count
        if self.share is None:
            return False
        return (rows >= MIN_SAMPLE and rejected > self.share * rows) or (
            settled >= MIN_SAMPLE and failed > self.share * settled
        )
