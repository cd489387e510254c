"""Convert numbers in local notation to digits with a decimal point. The check is strict and never guesses."""

import re

import polars as pl

from loader.job import ColumnRule
from loader.reject_code import RejectCode
from loader.row_issues import RowIssue, issues_where, values_where

SHAPES = {"leading": "-?{0}", "trailing": "-?{0}|{0}-", "parentheses": r"-?{0}|\({0}\)"}
EXAMPLES = {"leading": "-{0}", "trailing": "{0}-", "parentheses": "({0})"}


def plain_numbers(texts: pl.Series, rule: ColumnRule) -> tuple[pl.Series, list[RowIssue]]:
    """Return the numbers with a decimal point and without thousands separators.

    Args:
        texts: Texts, null where there is no value.
        rule: The notation of the numbers.
    """
    good = texts.str.contains(number_pattern(rule)).fill_null(value=False)
    numbers = values_where(texts, good)
    if rule.thousands is not None:
        numbers = numbers.str.replace_all(rule.thousands, "", literal=True)
    if rule.decimal != ".":
        numbers = numbers.str.replace(rule.decimal, ".", literal=True)
    if rule.negative == "trailing":
        numbers = numbers.str.replace("^(.*)-$", "-$1")
    elif rule.negative == "parentheses":
        numbers = numbers.str.replace(r"^\((.*)\)$", "-$1")
    example = EXAMPLES[rule.negative].format(f"1{rule.thousands or ''}234{rule.decimal}5")
    reason = f"not a number such as {example}"
    return numbers, issues_where(texts.is_not_null() & ~good, RejectCode.NOT_A_NUMBER, reason)


def number_pattern(rule: ColumnRule) -> str:
    """Return the regular expression for numbers in a rule's notation."""
    decimal = re.escape(rule.decimal)
    whole = "[0-9]+"
    if rule.thousands is not None:
        # No program groups digits behind a zero: "0,004" with this mark is a fraction of another country.
        whole = f"(?:[1-9][0-9]{{0,2}}(?:{re.escape(rule.thousands)}[0-9]{{3}})+|[0-9]+)"
    number = f"(?:{whole}(?:{decimal}[0-9]+)?|{decimal}[0-9]+)(?:[eE][+-]?[0-9]+)?"
    return f"^(?:{SHAPES[rule.negative].format(number)})$"
