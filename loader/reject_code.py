"""Why rows are rejected, as codes for machines; the reason beside a code says it to people.

Rule kept here: the same fault has the same code in every format, and a code keeps its name and meaning.
"""

from enum import StrEnum


class RejectCode(StrEnum):
    """What is wrong with a rejected row; docs/values.md has them in a table."""

    WRONG_FIELD_COUNT = "WrongFieldCount"
    """A CSV record has more or fewer fields than the file has columns."""

    BROKEN_QUOTES = "BrokenQuotes"
    """The quotes or line ends of a CSV record do not fit together."""

    REPEATED_HEADER = "RepeatedHeader"
    """A CSV record is the header again, as where files were joined."""

    BAD_ENCODING = "BadEncoding"
    """It holds bytes, or half a surrogate pair, that are no text in the encoding it is read with."""

    NOT_AN_OBJECT = "NotAnObject"
    """A line of NDJSON is no JSON object."""

    REPEATED_KEY = "RepeatedKey"
    """A JSON object names a key twice."""

    UNKNOWN_KEY = "UnknownKey"
    """A JSON object has a key that is no column of the dataset and in none of the file's first rows."""

    NESTED_VALUE = "NestedValue"
    """A JSON object or array stands where a column takes a single value."""

    MISSING_VALUE = "MissingValue"
    """A required column has no value."""

    NOT_A_NUMBER = "NotANumber"
    """A text is no number, by the column's number marks if it has some, or beyond a double's range."""

    NOT_A_WHOLE_NUMBER = "NotAWholeNumber"
    """An ``int`` column has something else than a whole number."""

    DOES_NOT_FIT_64_BITS = "DoesNotFit64Bits"
    """A whole number is larger than 64 bits with a sign can hold, or than its type in a Parquet file can."""

    TOO_MANY_DIGITS = "TooManyDigits"
    """A decimal of a Parquet file has more than 38 digits."""

    NOT_FINITE = "NotFinite"
    """A number of a Parquet file is NaN or infinite."""

    NOT_A_TIMESTAMP = "NotATimestamp"
    """A text is not ISO 8601, or fits none of the column's formats."""

    YEAR_OUT_OF_RANGE = "YearOutOfRange"
    """A date or time is outside the years 0001 to 9999, as it stands or in UTC."""

    NOT_A_TIME_OF_DAY = "NotATimeOfDay"
    """A time of day of a Parquet file is outside 00:00:00 to 23:59:59.999999999."""

    NO_SUCH_LOCAL_TIME = "NoSuchLocalTime"
    """Clocks were put forward over a local time: it never was."""

    AMBIGUOUS_LOCAL_TIME = "AmbiguousLocalTime"
    """Clocks were put back over a local time: it was twice."""

    EXPRESSION_FAILED = "ExpressionFailed"
    """The SQL of a column or of the filter cannot be worked out for the row."""

    NO_GROUP = "NoGroup"
    """All columns that make the group are empty."""

    GROUP_TOO_LONG = "GroupTooLong"
    """The group has more characters than the service takes."""

    VALUE_TOO_LONG = "ValueTooLong"
    """A single text is longer than the loader reads."""

    RECORD_TOO_LONG = "RecordTooLong"
    """The record has more bytes than an event of the service holds."""
