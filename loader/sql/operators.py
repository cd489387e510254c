"""The operators between two values."""

from collections.abc import Callable
from typing import Any

from sqlglot import exp

from loader.sql import exact, texts, times
from loader.sql.column import DATE, TIMESTAMP, Column
from loader.sql.comparing import compared
from loader.sql.functions import FUNCTION_TABLE, power, two_numbers
from loader.sql.logic import both, either

COMPARISONS = {exp.EQ: "=", exp.NEQ: "<>", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">="}


def _joined(left: Column, right: Column) -> Column:
    return texts.joined([left, right], "", skip_nulls=False)


def _sum(left: Column, right: Column) -> Column:
    return two_numbers(exact.plus, lambda a, b: a + b)(left, right)


def _difference(left: Column, right: Column) -> Column:
    if {left.kind, right.kind} & {DATE, TIMESTAMP}:
        return times.difference(left, right)
    return two_numbers(lambda a, b: exact.plus(a, b, -1), lambda a, b: a - b)(left, right)


def _comparison(operator: str) -> Callable[[Column, Column], Column]:
    return lambda a, b: compared(a, b, operator)


BINARY: dict[Any, tuple[str, Callable[[Column, Column], Column]]] = {
    exp.Add: ("+", _sum),
    exp.Sub: ("-", _difference),
    exp.Mul: ("*", two_numbers(exact.times, lambda a, b: a * b)),
    exp.Div: ("/", two_numbers(exact.quotient, lambda a, b: a / b)),
    exp.IntDiv: ("//", FUNCTION_TABLE["div"].compute),
    exp.Mod: ("%", FUNCTION_TABLE["mod"].compute),
    exp.Pow: ("**", power),
    exp.DPipe: ("||", _joined),
    exp.And: ("and", both),
    exp.Or: ("or", either),
    **{node: (operator, _comparison(operator)) for node, operator in COMPARISONS.items()},
}
"""The operators between two values."""
