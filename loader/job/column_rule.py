"""The rule for one column in a job file: the source of its values, and how to read their text."""

import re
from typing import Any, Literal, Self

from pydantic import SerializerFunctionWrapHandler, model_serializer, model_validator

from loader.job.sections import Section, Texts, TimeZone

_NUMBER_MARKS = frozenset({"decimal", "thousands"})
"""Settings that belong together: if one is given, both are needed."""

FOR_TYPES = {
    "formats": ("timestamp",),
    "decimal": ("double", "int"),
    "ambiguous": ("timestamp",),
    "nonexistent": ("timestamp",),
    "thousands": ("double", "int"),
    "negative": ("double", "int"),
}
"""Settings that apply only to columns of these types."""


class TextRule(Section):
    """How to read the texts of source columns.

    Attributes:
        null_words: A cell that equals one of these has no value.
        null_pattern: A cell that matches this regular expression completely has no value.
        formats: Timestamp formats in strftime notation, tried in this order; empty means ISO 8601.
            ``epoch_s``, ``epoch_ms`` and ``epoch_us`` are numbers of seconds, milliseconds, microseconds
            since 1970. ``cyyddd`` is a date of JD Edwards: 124031 is 2024-01-31. ``iso8601`` is ISO 8601
            among other formats.
        ambiguous: For a local time that exists twice because clocks were put back: reject its row, or take
            the earlier or the later time.
        nonexistent: For a local time that does not exist because clocks were put forward: reject its row, or
            shift it by the gap (``forward``: 02:30 becomes 03:30 daylight saving time).
        trim: Whether to remove blanks around the text (AWS compares ids as exact strings).
        decimal: The decimal mark of numbers.
        thousands: The mark between groups of three digits, if numbers have one. Blank, no-break blanks
            (U+00A0, U+202F), apostrophe and U+2019 are different marks.
        negative: Other forms of negative numbers than a leading minus: a minus behind the number (SAP
            writes ``5.00-``), or parentheses around it.
        binary: The meaning of bytes in a binary Parquet column: UTF-8 text, or bytes to send as base64 or
            hexadecimal text. Without it, such a column is refused.
    """

    null_words: Texts = ()
    null_pattern: str | None = None
    formats: Texts = ()
    ambiguous: Literal["reject", "earliest", "latest"] = "reject"
    nonexistent: Literal["reject", "forward"] = "reject"
    trim: bool = False
    decimal: Literal[".", ","] = "."
    thousands: Literal[",", ".", " ", "'", "\u2019", "\u00a0", "\u202f"] | None = None
    negative: Literal["leading", "trailing", "parentheses"] = "leading"
    binary: Literal["utf8", "base64", "hex"] | None = None

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        try:
            re.compile(self.null_pattern or "")
        except re.error as error:
            raise ValueError(f"null_pattern is not a regular expression: {error}") from error
        if self.thousands == self.decimal:
            raise ValueError(f"decimal and thousands are both '{self.decimal}'")
        return self

    @model_serializer(mode="wrap")
    def _only_given(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Omit settings that were not given: the job's defaults apply to these only."""
        return {name: value for name, value in serialize(self).items() if name in self.model_fields_set}

    @property
    def reads_times(self) -> bool:
        """Whether it sets the format of timestamps."""
        return bool(self.formats) or self.ambiguous != "reject" or self.nonexistent != "reject"

    @property
    def reads_numbers(self) -> bool:
        """Whether it sets the marks of numbers."""
        return bool({"decimal", "thousands", "negative"} & self.model_fields_set)


class ColumnRule(TextRule):
    """The source of one dataset column, and how to read its text.

    Attributes:
        column: The source column.
        constant: A text for every record, instead of a source column.
        expression: SQL over source columns, instead of a source column; its result is read like a source
            column.
        placeholder: The text to send if there is no value, as AWS recommends for required columns.
        time_zone: Zone of timestamps without a zone; default: the job's.
    """

    column: str | None = None
    constant: str | None = None
    expression: str | None = None
    placeholder: str | None = None
    time_zone: TimeZone | None = None

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: object) -> object:
        return {"column": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if sum(origin is not None for origin in (self.column, self.constant, self.expression)) != 1:
            raise ValueError("give one of column, constant and expression")
        return self

    def with_defaults(self, defaults: TextRule, column_type: str) -> "ColumnRule":
        """Return the rule, completed with the defaults that apply to a column of this type.

        The defaults describe cells, so they do not apply to a constant, which the user writes in the job
        file.
        """
        given = self.model_fields_set
        if given & _NUMBER_MARKS:
            given = given | _NUMBER_MARKS
        taken = {
            name: getattr(defaults, name)
            for name in defaults.model_fields_set - given
            if column_type in FOR_TYPES.get(name, (column_type,))
        }
        return self.model_copy(update=taken) if taken and self.constant is None else self
