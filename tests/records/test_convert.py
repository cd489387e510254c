"""Values arrive as they were: the laws of conversion, column by column."""

import datetime as dt
import math
import re
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.job import ColumnRule
from loader.mapping.column_sources import MappedColumn
from loader.records.convert import Converted, convert
from loader.records.settings import Conversion
from loader.records.to_text import plain_text

AS_TEXT = Conversion(time_zone="UTC", timestamps="iso8601", numbers="string")
AS_NUMBER = Conversion(time_zone="UTC", timestamps="iso8601", numbers="number")

TEXTS = st.text(st.characters(codec="utf-8"), max_size=12)
NUMBER_LIKE = st.text(st.sampled_from("0123456789.-+eE ,_٣"), max_size=8)
TIME_LIKE = st.text(st.sampled_from("0123456789-:T .Z+"), max_size=20)
JSON_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")


def column(column_type: str, *, required: bool = False, **rule: object) -> MappedColumn:
    return MappedColumn("target", column_type, required, ColumnRule(column="source", **rule))


def outcome(converted: Converted, row: int) -> str | None:
    """Return the text of a row, None for no value, or raise the reason why it is rejected."""
    for problem in converted.problems:
        if problem.rows[row]:
            raise ValueError(problem.reason)
    value: str | None = converted.values[row]
    return value


def one(
    value: object, column_: MappedColumn, conversion: Conversion = AS_TEXT, dtype: object = None
) -> str | None:
    series = pl.Series("source", [value], dtype=dtype)  # type: ignore[arg-type]  # a polars type
    return outcome(convert(series, column_, conversion), 0)


@given(
    values=st.lists(st.one_of(st.none(), TEXTS, NUMBER_LIKE, TIME_LIKE), max_size=8),
    column_type=st.sampled_from(["string", "double", "int", "timestamp"]),
    required=st.booleans(),
    conversion=st.sampled_from([AS_TEXT, AS_NUMBER, Conversion("Europe/Berlin", "epoch_ms", "string")]),
    formats=st.sampled_from([(), ("%d-%b-%y", "%Y%m%d %H:%M:%S.%f")]),
)
def test_no_value_ever_turns_into_nothing(
    values: list[str | None],
    column_type: str,
    required: bool,  # noqa: FBT001 - drawn
    conversion: Conversion,
    formats: tuple[str, ...],
) -> None:
    """A cell that is not null either has a text or rejects its row; a null has none, or rejects it."""
    target = column(column_type, required=required, formats=formats if column_type == "timestamp" else ())
    series = pl.Series("source", values, dtype=pl.String)
    converted = convert(series, target, conversion)
    rejected = [any(problem.rows[row] for problem in converted.problems) for row in range(len(values))]
    for value, text, is_rejected in zip(values, converted.values, rejected, strict=True):
        if value is None:
            assert text is None
            assert is_rejected == required
        else:
            assert (text is not None) or is_rejected


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [("59.123Z", "123"), ("59.1230000Z", "123"), ("59.1234Z", None), ("59.000000001Z", None)],
)
def test_epoch_milliseconds_are_exact_or_rejected(text: str, milliseconds: str | None) -> None:
    """Digits below a millisecond are never cut off; before 1970 either."""
    epoch = Conversion("UTC", "epoch_ms", "string")
    for day, seconds in (("2024-01-31", "1706745599"), ("1969-12-31", "-1")):
        value = f"{day}T23:59:{text}"
        if milliseconds is None:
            with pytest.raises(ValueError, match="below a millisecond"):
                one(value, column("timestamp"), epoch)
        else:
            sent = one(value, column("timestamp"), epoch)
            assert sent == str(int(seconds) * 1000 + int(milliseconds))


@given(values=st.lists(st.one_of(st.none(), TEXTS), max_size=8))
def test_text_arrives_as_it_was(values: list[str | None]) -> None:
    """Blanks, zeros, case, control characters and empty texts are the value."""
    converted = convert(pl.Series("source", values, dtype=pl.String), column("string"), AS_TEXT)
    assert converted.values.to_list() == values
    assert converted.problems == []


@given(number=st.decimals(allow_nan=False, allow_infinity=False, places=None).map(str))
def test_every_decimal_text_is_a_number(number: str) -> None:
    """Any finite number Python writes passes digit by digit, exponents included, if a double can hold it."""
    if math.isinf(float(number)):
        with pytest.raises(ValueError, match="not a number"):
            one(number, column("double"))
        return
    assert one(number, column("double")) == number
    as_number = one(number, column("double"), AS_NUMBER)
    assert as_number is not None
    assert JSON_NUMBER.fullmatch(as_number)
    assert Decimal(as_number) == Decimal(number)


@given(text=NUMBER_LIKE)
def test_what_passes_as_a_number_is_one(text: str) -> None:
    """Whatever is accepted, Python's Decimal reads as the same finite number; nothing is cleaned up."""
    for column_type in ("double", "int"):
        try:
            passed = one(text, column(column_type))
            as_number = one(text, column(column_type), AS_NUMBER)
        except ValueError:
            continue
        assert passed == text
        assert as_number is not None
        assert JSON_NUMBER.fullmatch(as_number)
        assert Decimal(as_number) == Decimal(text)
        assert column_type == "double" or int(text) == Decimal(text)


@pytest.mark.parametrize("text", ["100.10", "007", "0", "-0", ".5", "-.5", "1e5", "1E-07", "0.1" + "0" * 40])
def test_numbers_keep_their_digits(text: str) -> None:
    """A number is not computed with, so no zero is lost and no digit rounded."""
    assert one(text, column("double")) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        " 1",
        "1 ",
        "+1",
        "1,5",
        "1,000.5",
        "1.000,5",
        "1 000",
        "12-",
        "$5",
        "NaN",
        "inf",
        "0x10",
        "1_0",
        "٣",
        "5.",
    ],
)
def test_what_is_no_number(text: str) -> None:
    """Nothing is guessed: blanks, signs, separators and words reject the row."""
    with pytest.raises(ValueError, match="not a number"):
        one(text, column("double"))


@pytest.mark.parametrize("text", ["1e400", "-1e999", "9" * 400, "9e308"])
def test_a_number_beyond_doubles_is_called_one(text: str) -> None:
    """It is a number, so the reason is not its notation. Smaller numbers keep their digits."""
    with pytest.raises(ValueError, match="beyond the range of a double"):
        one(text, column("double"))
    assert one("1e-400", column("double")) == "1e-400"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("5.5", "not a whole number"),
        ("5.", "not a whole number"),
        ("5.0.0", "not a whole number"),
        ("9223372036854775808.0", "64 bits"),
        ("1e3", "not a whole number"),
        ("", "not a whole number"),
        ("9223372036854775808", "64 bits"),
        ("-9223372036854775809", "64 bits"),
    ],
)
def test_what_is_no_whole_number(text: str, reason: str) -> None:
    """Whole numbers are digits, within the service's LONG."""
    with pytest.raises(ValueError, match=reason):
        one(text, column("int"))


@given(number=st.integers(-(2**63), 2**63 - 1))
def test_whole_numbers_of_64_bits_are_exact(number: int) -> None:
    """From Parquet or text, for every type of column, all digits arrive."""
    for column_type in ("string", "int", "double"):
        assert one(number, column(column_type), dtype=pl.Int64) == str(number)
        assert one(str(number), column(column_type)) == str(number)


def test_unsigned_numbers_beyond_64_bits_signed() -> None:
    """A UInt64 that LONG cannot hold rejects an int, and arrives as text."""
    assert one(2**64 - 1, column("string"), dtype=pl.UInt64) == "18446744073709551615"
    with pytest.raises(ValueError, match="64 bits"):
        one(2**64 - 1, column("int"), dtype=pl.UInt64)


@given(number=st.floats(allow_nan=False, allow_infinity=False))
def test_floats_become_the_shortest_text_that_reads_back(number: float) -> None:
    """The text is the same number again, and no longer than Python's own."""
    text = one(number, column("double"), dtype=pl.Float64)
    assert text is not None
    assert float(text) == number
    assert math.copysign(1, float(text)) == math.copysign(1, number)
    digits = re.sub(r"e.*|[-.]", "", text).strip("0")
    assert len(digits) <= len(re.sub(r"e.*|[-.]", "", repr(number)).strip("0"))
    as_number = one(number, column("double"), AS_NUMBER, dtype=pl.Float64)
    assert as_number is not None
    assert JSON_NUMBER.fullmatch(as_number)


@given(number=st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_single_floats_are_not_widened(number: float) -> None:
    """A 32-bit 0.1 arrives as 0.1, not as 0.10000000149011612."""
    text = one(number, column("double"), dtype=pl.Float32)
    assert pl.Series([text]).cast(pl.Float32)[0] == number
    assert text is not None
    assert len(re.sub(r"e.*|[-.]", "", text).strip("0")) <= 9


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("column_type", ["double", "int", "string"])
def test_nan_and_infinity_reject_their_row(number: float, column_type: str) -> None:
    """The service has no word for them, as text neither."""
    with pytest.raises(ValueError, match=r"not a (finite|whole) number"):
        one(number, column(column_type), dtype=pl.Float64)


@given(unscaled=st.integers(-(10**37), 10**37), scale=st.integers(0, 30))
def test_decimals_keep_every_digit(unscaled: int, scale: int) -> None:
    """A Parquet decimal of any scale arrives with all its digits, trailing zeros included."""
    number = Decimal(unscaled).scaleb(-scale)
    text = f"{number:.{scale}f}"
    assert one(number, column("double"), dtype=pl.Decimal(38, scale)) == text
    assert one(number, column("string"), dtype=pl.Decimal(38, scale)) == text


@pytest.mark.parametrize(
    ("value", "dtype", "expected"),
    [
        (5.0, pl.Float64, "5"),
        (-(2.0**53), pl.Float64, "-9007199254740992"),
        (Decimal("12.00"), pl.Decimal(10, 2), "12"),
        (7, pl.UInt8, "7"),
    ],
)
def test_whole_numbers_in_other_clothes(value: object, dtype: object, expected: str) -> None:
    """Data frames turn whole numbers with gaps into floats; they are still whole."""
    assert one(value, column("int"), dtype=dtype) == expected


@pytest.mark.parametrize(
    ("value", "dtype"), [(5.5, pl.Float64), (Decimal("12.50"), pl.Decimal(10, 2)), (2.0**63, pl.Float64)]
)
def test_numbers_that_are_not_whole_reject_an_int(value: object, dtype: object) -> None:
    """Nothing is rounded to fit."""
    with pytest.raises(ValueError, match=r"whole number|64 bits"):
        one(value, column("int"), dtype=dtype)


def test_other_types_have_plain_texts() -> None:
    """Booleans, dates, timestamps and categories in a text column."""
    moment = dt.datetime(2024, 1, 2, 3, 4, 5, 600_000)  # noqa: DTZ001 - naive on purpose
    assert plain_text(pl.Series([True, False, None]))[0].to_list() == ["true", "false", None]
    assert plain_text(pl.Series([dt.date(2024, 1, 2)]))[0].to_list() == ["2024-01-02"]
    assert plain_text(pl.Series([moment]))[0].to_list() == ["2024-01-02T03:04:05.6"]
    aware = pl.Series([moment]).dt.replace_time_zone("Asia/Kolkata")
    assert plain_text(aware)[0].to_list() == ["2024-01-01T21:34:05.6Z"]
    assert one("a", column("string"), dtype=pl.Categorical()) == "a"
    assert one("a", column("string"), dtype=pl.Enum(["a", "b"])) == "a"
    assert one(None, column("double"), dtype=pl.Null) is None


@given(word=TEXTS, column_type=st.sampled_from(["string", "double", "int", "timestamp"]))
def test_null_words_hold_no_value(word: str, column_type: str) -> None:
    """A null word is compared whole and exactly, before anything else looks at the cell."""
    assert one(word, column(column_type, null_words=(word,))) is None
    assert one(word + "x", column("string", null_words=(word,))) == word + "x"


def test_a_null_pattern_must_match_from_end_to_end() -> None:
    """What only contains the pattern is a value."""
    rule = column("string", null_pattern="See (ASN|DN)-[0-9]+|n/a")
    assert one("See DN-304", rule) is None
    assert one("n/a", rule) is None
    assert one("See DN-304!", rule) == "See DN-304!"
    assert one("x n/a", rule) == "x n/a"
    assert one("n/a\n", rule) == "n/a\n"


def test_null_words_apply_to_numbers_and_times_as_they_are_written() -> None:
    """A -1 or a placeholder date may mean nothing in a Parquet file too."""
    assert one(-1, column("int", null_words=("-1",)), dtype=pl.Int32) is None
    assert one(dt.date(1900, 1, 1), column("timestamp", null_words=("1900-01-01",))) is None


def test_padding_goes_only_where_it_is_asked_for() -> None:
    """Fixed-width exports pad; a cell of blanks alone holds no value then."""
    assert one(" 12 ", column("double", trim=True)) == "12"
    assert one("  AB 1 ", column("string", trim=True)) == "AB 1"
    assert one("   ", column("string", trim=True)) is None
    assert one("   ", column("string")) == "   "
    assert one(" n/a ", column("double", trim=True, null_words=("n/a",))) is None


def test_a_required_column_needs_a_value() -> None:
    """A null word in a required column rejects the row; a bad value keeps its own reason."""
    needed = column("double", required=True, null_words=("-",))
    with pytest.raises(ValueError, match="required column"):
        one("-", needed)
    with pytest.raises(ValueError, match="not a number"):
        one("x", needed)
    assert len(convert(pl.Series("source", ["x"]), needed, AS_TEXT).problems) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [("5.0", "5"), ("-3.00", "-3"), ("007.0", "007"), ("9223372036854775807.000", "9223372036854775807")],
)
def test_zeros_behind_the_point_leave_a_number_whole(text: str, expected: str) -> None:
    """An ``int`` column takes ``5.0`` from text as it takes it from Parquet."""
    column = MappedColumn("v", "int", False, ColumnRule(column="v"))  # noqa: FBT003 - not required
    converted = convert(pl.Series([text]), column, Conversion("UTC", "iso8601", "string"))
    assert (converted.values.to_list(), converted.problems) == ([expected], [])


def test_zeros_behind_a_decimal_comma_leave_a_number_whole() -> None:
    """Number marks are read before the digits are checked."""
    rule = ColumnRule(column="v", decimal=",", thousands=".", negative="trailing")
    column = MappedColumn("v", "int", False, rule)  # noqa: FBT003 - not required
    converted = convert(pl.Series(["1.234,00-", "1.234,5"]), column, Conversion("UTC", "iso8601", "string"))
    assert converted.values[0] == "-1234"
    assert [problem.rows.to_list() for problem in converted.problems] == [[False, True]]
