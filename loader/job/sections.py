"""Parts of a job: enumerations, and the tables of a job file."""

import codecs
import math
import re
from enum import StrEnum
from os import PathLike, fspath
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_settings import NoDecode

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
    return mark + str(folder / extract.removeprefix(mark))


Texts = Annotated[tuple[str, ...], BeforeValidator(one_or_many), NoDecode]


def known_time_zone(name: str) -> str:
    """Return ``name`` if it is an IANA time zone.

    Raises:
        ValueError: It is not.
    """
    # Listing the zones reads every file: that would cost 40 ms at each start, even for UTC, the default.
    if name != "UTC" and name not in available_timezones():
        raise ValueError(f"'{name}' is not an IANA time zone such as UTC or Europe/Berlin")
    return name


TimeZone = Annotated[str, AfterValidator(known_time_zone)]


def tab_by_name(value: object) -> object:
    r"""Accept ``tab`` or ``\t`` for the tab, which is hard to type on a command line."""
    return "\t" if value in ("tab", "\\t") else value


def one_character(value: str) -> str:
    """Return ``value`` if it is one character that may separate or enclose fields.

    Raises:
        ValueError: It is not.
    """
    if value not in ("", "auto") and (len(value) != 1 or value in "\r\n\0"):
        raise ValueError("should be one character other than a line end")
    return value


def known_encoding(value: str) -> str:
    """Return ``value`` if it is ``auto`` or a text encoding of Python.

    Raises:
        ValueError: It is neither.
    """
    if value == "auto":
        return value
    try:
        "a".encode(value)  # rejects codecs that are not for text, such as hex
        codecs.getincrementaldecoder(value)
    except (LookupError, UnicodeError):
        raise ValueError(
            f"'{value}' is not an encoding such as utf-8, utf-16-le, latin-1 or windows-1252"
        ) from None
    return value


EncodingName = Annotated[str, AfterValidator(known_encoding)]
Separator = Annotated[str, BeforeValidator(tab_by_name), AfterValidator(one_character), Field(min_length=1)]
OneCharacter = Annotated[str, AfterValidator(one_character)]


class CsvSettings(Section):
    """The dialect of CSV files. A setting with the value ``auto`` is detected in each file."""

    encoding: Annotated[
        EncodingName,
        Field(description="utf-8, utf-16-le, latin-1, windows-1252 or another encoding of Python."),
    ] = "auto"
    separator: Annotated[
        Separator,
        Field(description="One character between fields, or tab; auto detects , ; tab and |."),
    ] = "auto"
    quote: Annotated[
        OneCharacter,
        Field(description="One character around fields with separators or line ends; empty for none."),
    ] = '"'
    escape: Annotated[
        OneCharacter,
        Field(
            description="One character that makes the next separator, quote or line end part of a field; a "
            "quote inside quotes may always be doubled instead."
        ),
    ] = ""
    comment: Annotated[
        str, Field(description="Lines that begin with this text are skipped.", pattern=r"^[^\r\n]*$")
    ] = ""
    header: Annotated[
        bool,
        Field(
            description="Whether the first line has the column names; else they are column_1, column_2, ..."
        ),
    ] = True
    skip_rows: Annotated[
        int, Field(description="Number of lines before the header to skip.", ge=0, le=1000)
    ] = 0
    columns: Annotated[
        Texts, Field(description="Names of all columns in file order, instead of the header's names.")
    ] = ()
    line_end: Annotated[
        Literal["auto", "lf", "crlf", "cr"],
        Field(description="End of a record. Old Macs and some ERPs write a lone CR."),
    ] = "auto"
    short_rows: Annotated[
        Literal["reject", "fill"],
        Field(description="Rows that end before the last column: fill treats missing fields as empty."),
    ] = "reject"
    surplus_fields: Annotated[
        Literal["auto", "drop", "reject"],
        Field(
            description="Empty fields after the last column: auto drops them if all of the first rows have "
            "the same number of them."
        ),
    ] = "auto"
    empty_rows: Annotated[
        Literal["skip", "reject"],
        Field(
            description="Rows of separators only, which spreadsheets write below a table: skip counts them "
            "as filtered."
        ),
    ] = "skip"
    repeated_names: Annotated[
        Literal["refuse", "number"],
        Field(description="A header with equal names: number renames them to name, name_2, name_3, ..."),
    ] = "refuse"
    blanks_after_quotes: Annotated[
        Literal["drop", "reject"], Field(description="Blanks between a closing quote and the separator.")
    ] = "drop"
    row_like_texts: Annotated[
        Literal["reject", "accept"],
        Field(
            description="Texts of several lines that look like rows, as after an unclosed quote: accept "
            "treats them as texts."
        ),
    ] = "reject"

    @model_validator(mode="after")
    def _can_be_told_apart(self) -> Self:
        given = [self.separator, self.quote, self.escape, self.comment[:1]]
        given = [character for character in given if character]
        if len(set(given)) < len(given):
            raise ValueError("separator, quote, escape and comment must begin with different characters")
        return self


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
        """Return it in the form of the flag."""
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
