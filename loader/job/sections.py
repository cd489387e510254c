"""The parts of a job: choices, and the tables of a job file."""

import re
from enum import StrEnum
from typing import Annotated, Literal, Self
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_settings import NoDecode

MIN_SAMPLE = 100
"""A share given to --max-errors is judged only after this many rows or events (DSBulk's default)."""


class Pack(StrEnum):
    """How records are put into events."""

    ROW = "row"
    GROUP = "group"


class OnFailure(StrEnum):
    """What a failed event does to the later events of its group."""

    CONTINUE = "continue"
    HOLD = "hold"


class InDoubt(StrEnum):
    """What to do with events that may have been accepted longer ago than a token lives."""

    STOP = "stop"
    RESEND = "resend"
    SKIP = "skip"


class Section(BaseModel):
    """A table of a job file: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def one_or_many(value: object) -> object:
    """Let a list of one be written without brackets."""
    return [value] if isinstance(value, str) else value


Texts = Annotated[tuple[str, ...], BeforeValidator(one_or_many), NoDecode]


def known_time_zone(name: str) -> str:
    """Return ``name`` if it is an IANA time zone.

    Raises:
        ValueError: It is not.
    """
    if name not in available_timezones():
        raise ValueError(f"'{name}' is not an IANA time zone such as UTC or Europe/Berlin")
    return name


TimeZone = Annotated[str, AfterValidator(known_time_zone)]


class ColumnRule(Section):
    """Where the values of one dataset column come from, and how their text is read.

    Attributes:
        column: Source column.
        constant: A text sent in every record instead.
        null_words: Cells equal to one of these hold no value.
        null_pattern: Cells that match this regular expression from start to end hold no value.
        formats: Timestamp formats in strftime notation, tried in order; empty means ISO 8601.
        time_zone: Zone of timestamps that name none; the job's if not given.
        trim: Whether blanks around the text are padding (AWS: ids are matched as exact strings).
    """

    column: str | None = None
    constant: str | None = None
    null_words: Texts = ()
    null_pattern: str | None = None
    formats: Texts = ()
    time_zone: TimeZone | None = None
    trim: bool = False

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: object) -> object:
        return {"column": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if (self.column is None) == (self.constant is None):
            raise ValueError("give either column or constant")
        if self.null_pattern is not None:
            re.compile(self.null_pattern)
        return self


class CsvSettings(Section):
    """The dialect of a CSV extract.

    Attributes:
        separator: One character between fields.
        quote: One character around fields that hold separators or line ends.
        line_end: ``auto`` looks at the head of the file; a lone CR is what old Macs and some ERPs write.
    """

    separator: Annotated[str, Field(min_length=1, max_length=1)] = ","
    quote: Annotated[str, Field(min_length=1, max_length=1)] = '"'
    line_end: Literal["auto", "lf", "crlf", "cr"] = "auto"


class MaxErrors(Section):
    """How many rejected rows and failed events are too many: a number, or a share of all.

    Attributes:
        count: Stop when more than this many failed.
        share: Stop when more than this share (0..1) failed, once MIN_SAMPLE were seen.
    """

    count: int | None = None
    share: float | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: object) -> object:
        if isinstance(value, int):
            return {"count": value}
        if not isinstance(value, str):
            return value
        match = re.fullmatch(r"(\d+(?:\.\d+)?)(%?)", value.strip())
        if match is None or (not match[2] and "." in match[1]):
            raise ValueError("give a number such as 100 or a share such as 1.5%")
        return {"share": float(match[1]) / 100} if match[2] else {"count": int(match[1])}

    def exceeded(self, *, rejected: int, rows: int, failed: int, events: int) -> bool:
        """Return whether there were too many errors.

        Args:
            rejected: Rows rejected so far.
            rows: Rows read so far.
            failed: Events failed so far.
            events: Events that have come to an end so far.
        """
        if self.count is not None:
            return rejected + failed > self.count
        if self.share is None:
            return False
        return (rows >= MIN_SAMPLE and rejected > self.share * rows) or (
            events >= MIN_SAMPLE and failed > self.share * events
        )
