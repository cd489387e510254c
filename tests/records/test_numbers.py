"""Numbers as people write them: read exactly as the rule says, or not at all."""

from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.errors import SettingsError
from loader.job import ColumnRule
from loader.mapping.column_sources import MappedColumn
from loader.records.convert import convert
from loader.records.rule_checks import check_rule
from loader.records.settings import Conversion

AS_TEXT = Conversion(time_zone="UTC", timestamps="iso8601", numbers="string")
MARKS = st.sampled_from(
    [
        (",", "."),
        (",", " "),
        (",", "\u202f"),
        (",", "\u00a0"),
        (".", ","),
        (".", "'"),
        (".", "\u2019"),
        (",", None),
    ]
)
NEGATIVES = st.sampled_from(["leading", "trailing", "parentheses"])


def column(column_type: str = "double", **rule: Any) -> MappedColumn:
    return MappedColumn("target", column_type, required=False, rule=ColumnRule(column="source", **rule))


def one(text: str, target: MappedColumn) -> str:
    converted = convert(pl.Series("source", [text]), target, AS_TEXT)
    if converted.problems:
        raise ValueError(converted.problems[0].reason)
    return str(converted.values[0])


@given(
    number=st.decimals(-(10**15), 10**15, places=3),
    marks=MARKS,
    negative=NEGATIVES,
    grouped=st.booleans(),
)
def test_a_number_written_by_the_rule_arrives_with_all_its_digits(
    number: Decimal,
    marks: tuple[str, str | None],
    negative: str,
    grouped: bool,  # noqa: FBT001 - drawn
) -> None:
    """Whatever the marks and the place of the minus, with groups or without, the digits are the same."""
    decimal, thousands = marks
    digits = f"{abs(number):,.3f}" if grouped and thousands else f"{abs(number):.3f}"
    text = digits.translate({ord(","): thousands, ord("."): decimal})
    if number.is_signed():
        text = {"leading": f"-{text}", "trailing": f"{text}-", "parentheses": f"({text})"}[negative]
    target = column(decimal=decimal, thousands=thousands, negative=negative)
    assert one(text, target) == f"{number:.3f}"


@given(
    text=st.text(st.sampled_from("0123456789-+.,' ()e\u202f"), max_size=10), marks=MARKS, negative=NEGATIVES
)
def test_what_passes_is_a_number_whose_digits_were_there(
    text: str, marks: tuple[str, str | None], negative: str
) -> None:
    """What is accepted has the digits of the text in their order, groups of three, and at most one minus."""
    decimal, thousands = marks
    try:
        passed = one(text, column(decimal=decimal, thousands=thousands, negative=negative))
    except ValueError:
        return
    assert Decimal(passed).is_finite()
    assert [char for char in passed if char.isdigit()] == [char for char in text if char.isdigit()]
    assert passed.startswith("-") == (text.startswith(("-", "(")) or text.endswith("-"))
    whole, _, _ = text.strip("-()").partition(decimal)
    if thousands and thousands in whole:
        first, *groups = whole.split(thousands)
        assert 1 <= len(first) <= 3
        assert all(len(group.partition("e")[0]) == 3 for group in groups)


@pytest.mark.parametrize(
    ("text", "rule", "expected"),
    [
        ("1.234.567,89-", {"decimal": ",", "thousands": ".", "negative": "trailing"}, "-1234567.89"),
        ("-5", {"negative": "trailing"}, "-5"),
        ("0,00-", {"decimal": ",", "negative": "trailing"}, "-0.00"),
        ("(1,234)", {"thousands": ",", "negative": "parentheses"}, "-1234"),
        (",5", {"decimal": ","}, ".5"),
        ("1,5E-3", {"decimal": ","}, "1.5E-3"),
        ("  1 234,50 ", {"decimal": ",", "thousands": " ", "trim": True}, "1234.50"),
    ],
)
def test_numbers_of_real_exports(text: str, rule: dict[str, Any], expected: str) -> None:
    """SAP's trailing minus, an accountant's parentheses, French blanks."""
    assert one(text, column(**rule)) == expected


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("1.5", {"decimal": ","}),
        ("1,5", {"thousands": ","}),
        ("1.23.456", {"decimal": ",", "thousands": "."}),
        ("1234.567", {"decimal": ",", "thousands": "."}),
        ("1.234,567.8", {"decimal": ",", "thousands": "."}),
        ("12,34,567", {"thousands": ","}),
        ("5-", {"decimal": ","}),
        ("-5-", {"negative": "trailing"}),
        ("(-5)", {"negative": "parentheses"}),
        ("(5", {"negative": "parentheses"}),
        ("()", {"negative": "parentheses"}),
        ("+5", {"negative": "trailing"}),
        ("1\u00a0234", {"decimal": ",", "thousands": " "}),
        ("5,", {"decimal": ","}),
        ("", {"decimal": ","}),
        ("-", {"negative": "trailing"}),
    ],
)
def test_what_does_not_fit_the_rule_rejects_its_row(text: str, rule: dict[str, Any]) -> None:
    """A mark in the wrong place is never taken for another one."""
    with pytest.raises(ValueError, match="not a number such as"):
        one(text, column(**rule))


def test_whole_numbers_have_groups_and_no_decimals() -> None:
    """An int column takes 1.234 under the rule that says so, and 1,5 under none."""
    target = column("int", decimal=",", thousands=".", negative="trailing")
    assert one("1.234-", target) == "-1234"
    with pytest.raises(ValueError, match="not a whole number"):
        one("1,5", target)


def test_numbers_that_are_no_text_need_no_rule() -> None:
    """A Parquet double is a number whatever the rule says of texts."""
    converted = convert(pl.Series("source", [1234.5]), column(decimal=",", thousands="."), AS_TEXT)
    assert (converted.values.to_list(), converted.problems) == (["1234.5"], [])


def test_the_rule_is_for_numbers_only() -> None:
    """A decimal mark in the rule of a text column is reported as a mistake."""
    with pytest.raises(SettingsError, match="apply to numbers"):
        check_rule(column("string", decimal=","))
