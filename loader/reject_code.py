"""Codes for the causes of rejected rows. Codes are for scripts; the reason beside a code is for people.

Rule: a fault has the same code in every format, and a code keeps its name and meaning.
"""

from enum import StrEnum


class RejectCode(StrEnum):
    """The fault of a rejected row; docs/values.md has a table of the codes."""

    WRONG_FIELD_COUNT = "WrongFieldCount"
    """A CSV record has more or fewer fields than the file has columns."""

    BROKEN_QUOTES = "BrokenQuotes"
    """The quotes or line ends of a CSV record are inconsistent."""

    REPEATED_HEADER = "RepeatedHeader"
    """A CSV record repeats the header, for example where files were joined."""

    BAD_ENCODING = "BadEncoding"
    """The row contains bytes that are invalid in the encoding, or half a surrogate pair."""

    NOT_AN_OBJECT = "NotAnObject"
    """A line of NDJSON is not a JSON object."""

    REPEATED_KEY = "RepeatedKey"
    """A JSON object contains a key twice."""

    UNKNOWN_KEY = "UnknownKey"
    """A JSON object has a key that is neither a column of the dataset nor in the file's first rows."""

    NESTED_VALUE = "NestedValue"
    """A JSON value has more than 100 levels of nesting, or a Parquet value has no text form."""

    NOT_A_TEXT = "NotAText"
    """A cell of a workbook holds a number, a date or a truth value, and feeds a text."""

    CELL_ERROR = "CellError"
    """A cell of a workbook holds an error such as #N/A."""

    NO_FORMULA_VALUE = "NoFormulaValue"
    """A cell of a workbook holds a formula whose value was never stored."""

    MERGED_CELL = "MergedCell"
    """A cell of a workbook is merged with another one, which holds the value."""

    MISSING_VALUE = "MissingValue"
    """A required column has no value."""

    NOT_A_NUMBER = "NotANumber"
    """A text is not a number in the column's number format, or exceeds the range of a double."""

    NOT_A_WHOLE_NUMBER = "NotAWholeNumber"
    """A value of an ``int`` column is not a whole number."""

    DOES_NOT_FIT_64_BITS = "DoesNotFit64Bits"
    """A whole number does not fit into a signed 64-bit integer, or into its type in a Parquet file."""

    TOO_MANY_DIGITS = "TooManyDigits"
    """A decimal of a Parquet file has more than 38 digits."""

    NOT_FINITE = "NotFinite"
    """A number of a Parquet file is NaN or infinite."""

    NOT_A_TIMESTAMP = "NotATimestamp"
    """A text is not ISO 8601, or matches none of the column's formats."""

    YEAR_OUT_OF_RANGE = "YearOutOfRange"
    """A date or time is outside the years 0001 to 9999, as written or in UTC."""

    UNKNOWN_CALENDAR = "UnknownCalendar"
    """A date before 1582-10-15, or a time before 1900, whose calendar a file of Spark does not show."""

    TOO_FINE_A_TIME = "TooFineATime"
    """A time has digits below a millisecond, and timestamps are sent in epoch milliseconds."""

    NOT_A_TIME_OF_DAY = "NotATimeOfDay"
    """A time of day of a Parquet file is outside 00:00:00 to 23:59:59.999999999."""

    NO_SUCH_LOCAL_TIME = "NoSuchLocalTime"
    """A local time does not exist, because clocks skipped it when they were set forward."""

    AMBIGUOUS_LOCAL_TIME = "AmbiguousLocalTime"
    """A local time occurs twice, because clocks were set back."""

    EXPRESSION_FAILED = "ExpressionFailed"
    """The SQL expression of a column or of the filter fails for the row."""

    NO_GROUP = "NoGroup"
    """All columns of the group are empty."""

    GROUP_TOO_LONG = "GroupTooLong"
    """The group has more characters than the service accepts."""

    VALUE_TOO_LONG = "ValueTooLong"
    """A single text exceeds the loader's limit."""

    RECORD_TOO_LONG = "RecordTooLong"
    """The record has more bytes than an event can contain."""
