"""What counts as a value of each column type."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loader.datasets import Column, Dataset
from loader.emulator.model.refusal import Refusal
from loader.emulator.model.schema_check import DatasetCheck, check_custom

TYPES = ("string", "double", "int", "timestamp")
DATASET = Dataset("shelf", tuple(Column(name, name, required=False) for name in TYPES), ("string",))
CHECK = DatasetCheck(DATASET, keys_only=False)


def holds(column: str, value: object) -> bool:
    try:
        CHECK.check([{column: value}])
    except Refusal:
        return False
    return True


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("string", ""),
        ("string", "007"),
        ("double", "100.0"),
        ("double", "-.5"),
        ("double", "1e-3"),
        ("double", 7),
        ("double", 7.5),
        ("int", "-12"),
        ("int", 12),
        ("timestamp", "2024-02-29"),
        ("timestamp", "2020-07-10 15:00:00.000"),
        ("timestamp", "2024-01-01T00:00:00Z"),
        ("timestamp", "2024-01-01T00:00:00.123456789+05:30"),
        ("timestamp", "9999-12-31 23:59:59"),
        ("timestamp", "1672470400000"),
        ("timestamp", 1672470400000),
        *((name, None) for name in TYPES),
    ],
)
def test_values_that_fit_their_column(column, value):
    """Text as AWS sends it, and plain JSON numbers, fit."""
    assert holds(column, value)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("string", 7),
        ("string", True),
        ("string", {"a": 1}),
        ("double", ""),
        ("double", "NaN"),
        ("double", "inf"),
        ("double", "1,5"),
        ("double", " 1"),
        ("double", "1_000"),
        ("double", "\N{ARABIC-INDIC DIGIT ONE}"),  # a digit to Python, not to a parser of doubles
        ("double", True),
        ("int", "1.0"),
        ("int", 1.0),
        ("int", False),
        ("int", [1]),
        ("timestamp", ""),
        ("timestamp", "2023-02-29"),
        ("timestamp", "01/02/2024"),
        ("timestamp", "2024-01-01T25:00:00Z"),
        ("timestamp", "2024-1-1"),
        ("timestamp", 1672470400.5),
        ("timestamp", True),
    ],
)
def test_values_that_do_not_fit_their_column(column, value):
    """What a careful parser would choke on, or misread, does not fit."""
    assert not holds(column, value)


@settings(deadline=None)  # a busy machine must not fail it
@given(
    st.datetimes(timezones=st.just(UTC)),
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-(2**62), 2**62),
)
def test_what_python_writes_fits(moment: datetime, double: float, integer: int):
    """Any moment, finite float and 64-bit integer fits its column, as text and as a number."""
    assert holds("timestamp", moment.isoformat())
    assert holds("double", repr(double))
    assert holds("double", double)
    assert holds("int", str(integer))
    assert holds("int", integer)


@settings(deadline=None)  # a busy machine must not fail it
@given(st.sampled_from(TYPES[1:]), st.text())
def test_a_message_never_holds_a_value(column, text):
    """What is said of a bad value names its place and its column, never the value."""
    with pytest.raises(Refusal) as refused:
        CHECK.check([{"string": "fine"}, {column: f"secret {text}"}])
    assert refused.value.code == "ValidationException"
    assert refused.value.message == f"Record 1: column '{column}' is not a {column}"


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"Name": "x"},
        {"na me": "x"},
        {"x" * 101: "x"},
        {"x": True},
        {"x": []},
        {f"c{n}": "" for n in range(501)},
    ],
)
def test_records_no_custom_dataset_can_have(record):
    """Names, numbers and types of columns are bounded by the model for custom datasets too."""
    with pytest.raises(Refusal, match="Record 0"):
        check_custom([record])


def test_a_custom_record_may_have_any_column():
    """The emulator does not know a custom dataset's schema."""
    check_custom([{"a_1": "text", "b": 1.5, "c": 3, "d": None}])
