"""The rule for one column in a job file: the source of its values, and how their text is read."""

import re
from typing import Any, Literal, Self

from pydantic import SerializerFunctionWrapHandler, model_serializer, model_validator

from loader.job.sections import Section, Texts, TimeZone

_NUMBER_MARKS = frozenset({"decimal", "thousands"})
"""Settings that only make sense together: who gives one gives both."""

FOR_TYPES = {
    "formats": ("timestamp",),
    "decimal": ("double", "int"),
    "ambiguous": ("timestamp",),
    "nonexistent": ("timestamp",),
    "thousands": ("double", "int"),
    "negative": ("double", "int"),
}
"""Settings that say something only about columns of these types."""


class TextRule(Section):
    """How the texts of source columns are read.

    Attributes:
        null_words: Cells equal to one of these hold no value.
        null_pattern: Cells that match this regular expression from start to end hold no value.
        formats: Timestamp formats in strftime notation, tried in order; empty means ISO 8601. ``epoch_s``,
            ``epoch_ms`` and ``epoch_us`` are numbers of seconds, milliseconds, microseconds since 1970.
        ambiguous: What to do with a local time that was twice, as the clocks were put back: reject its row,
            or take the earlier or the later one.
        nonexistent: What to do with a local time that never was, as the clocks were put forward: reject its
            row, or go on from before the gap (``forward``: 02:30 is 03:30 summer time).
        trim: Whether blanks around the text are padding (AWS: ids are matched as exact strings).
        decimal: The decimal mark of numbers.
        thousands: The mark between groups of three digits, in numbers that have any; blank and
            no-break blanks (U+00A0, U+202F), apostrophe and U+2019 are distinguished.
        negative: Where negative numbers may have their minus besides in front: behind (SAP writes ``5.00-``),
            or as parentheses around the number.
        binary: What the bytes of a binary Parquet column stand for: text in UTF-8, or bytes to be sent as
            base64 or hexadecimal text. Without it such a column is refused.
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
        """Leave out what was not given: the defaults of the job hold for it, and for nothing else."""
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
    """Where the values of one dataset column come from, and how their text is read.

    Attributes:
        column: Source column.
        constant: A text sent in every record instead.
        expression: SQL over source columns instead; what it gives is read like a source column.
        placeholder: What to send where there is no value, as AWS asks for in required columns.
        time_zone: Zone of timestamps that name none; the job's if not given.
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
        """Return the rule with the defaults for what it does not say about a column of this type.

        A constant is written by the user in the job file, so the defaults for cells are not for it.
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
