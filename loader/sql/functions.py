"""The functions of expressions: number of arguments and implementation of each.

A function takes columns and returns a column. The evaluator checks that a row whose arguments all have a
value gets a value or fails.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from loader.sql import exact, texts, times
from loader.sql.column import EXACT, FLOAT, NULL, Column, literal, need, per_row
from loader.sql.comparing import chosen, extremes
from loader.sql.fault import SqlFault


@dataclass(frozen=True, slots=True)
class Function:
    """A function of expressions.

    Attributes:
        compute: The implementation.
        least: Minimum number of arguments.
        most: Maximum number of arguments.
        keeps_nulls: Whether a row with a null argument may have a result, as SQL defines.
    """

    compute: Callable[..., Column]
    least: int
    most: int
    keeps_nulls: bool = False


ANY_NUMBER = 100


def _floats(compute: Callable[..., float]) -> Callable[..., Column]:
    def of_columns(*columns: Column) -> Column:
        inputs = [exact.float_of(need(each, EXACT, FLOAT)) for each in columns]
        values = per_row(compute, *(each.values for each in inputs), dtype=pl.Float64)
        return Column(values, FLOAT).failing(*(each.failed for each in inputs))

    return of_columns


def _either(
    of_exact: Callable[[Column], Column], of_float: Callable[[float], float]
) -> Callable[..., Column]:
    def of_column(column: Column) -> Column:
        need(column, EXACT, FLOAT)
        return _floats(of_float)(column) if column.kind == FLOAT else of_exact(_numbers(column))

    return of_column


def _numbers(column: Column) -> Column:
    return Column(column.values.cast(pl.Int128), EXACT) if column.kind == NULL else column


def two_numbers(
    of_exact: Callable[[Column, Column], Column], of_float: Callable[[float, float], float]
) -> Callable[[Column, Column], Column]:
    """Return a function of two numbers: exact if both are exact, otherwise a float."""

    def of_columns(left: Column, right: Column) -> Column:
        need(left, EXACT, FLOAT)
        need(right, EXACT, FLOAT)
        if FLOAT in (left.kind, right.kind):
            return _floats(of_float)(left, right)
        return of_exact(_numbers(left), _numbers(right))

    return of_columns


def _rounded(column: Column, digits: Column | None = None) -> Column:
    places = 0 if digits is None else literal(digits, "the digits of ROUND")
    if not isinstance(places, int) or abs(places) > 400:  # noqa: PLR2004 - beyond every number
        raise SqlFault("ROUND takes a whole number of digits")
    need(column, EXACT, FLOAT)
    if column.kind == FLOAT:
        return _floats(lambda number: exact.rounded_float(number, places))(column)
    return exact.rounded(_numbers(column), places)


def _sign(column: Column) -> Column:
    need(column, EXACT, FLOAT)
    if column.kind != FLOAT:
        return exact.sign(_numbers(column))
    return Column(per_row(lambda number: (number > 0) - (number < 0), column.values, dtype=pl.Int128), EXACT)


def power(base: Column, exponent: Column) -> Column:
    """Return powers: exact if both are whole numbers and the exponent is not a negative literal."""
    negative = isinstance(exponent.literal, int) and exponent.literal < 0
    if base.is_whole and exponent.is_whole and not negative:
        return exact.power(base, exponent)
    return _floats(_power)(base, exponent)


def _power(base: float, exponent: float) -> float:
    result = math.pow(base, exponent)
    if result == 0 and base != 0:
        raise ArithmeticError
    return result


def _divided(left: float, right: float) -> float:
    return float(math.trunc(left / right))


def _date_part(part: Column, column: Column) -> Column:
    return times.extract(str(literal(part, "the part of a date")), column)


FUNCTION_TABLE: dict[str, Function] = {
    "abs": Function(_either(exact.absolute, abs), 1, 1),
    "ceil": Function(_either(exact.ceiled, lambda number: float(math.ceil(number))), 1, 1),
    "ceiling": Function(_either(exact.ceiled, lambda number: float(math.ceil(number))), 1, 1),
    "char_length": Function(texts.counted(lambda text: text.str.len_chars()), 1, 1),
    "character_length": Function(texts.counted(lambda text: text.str.len_chars()), 1, 1),
    "coalesce": Function(chosen, 1, ANY_NUMBER, keeps_nulls=True),
    "concat": Function(
        lambda *columns: texts.joined(list(columns), "", skip_nulls=True), 1, ANY_NUMBER, keeps_nulls=True
    ),
    "concat_ws": Function(
        lambda separator, *columns: texts.joined(
            list(columns), str(literal(separator, "a separator")), skip_nulls=True
        ),
        2,
        ANY_NUMBER,
        keeps_nulls=True,
    ),
    "date_part": Function(_date_part, 2, 2),
    "div": Function(two_numbers(exact.truncated_quotient, _divided), 2, 2),
    "ends_with": Function(texts.answered(str.endswith), 2, 2),
    "exp": Function(_floats(math.exp), 1, 1),
    "floor": Function(_either(exact.floored, lambda number: float(math.floor(number))), 1, 1),
    "greatest": Function(lambda *columns: extremes(columns, largest=True), 1, ANY_NUMBER, keeps_nulls=True),
    "ifnull": Function(chosen, 2, 2, keeps_nulls=True),
    "initcap": Function(texts.of_text(texts.capitalized), 1, 1),
    "least": Function(lambda *columns: extremes(columns, largest=False), 1, ANY_NUMBER, keeps_nulls=True),
    "left": Function(texts.left, 2, 2),
    "length": Function(texts.counted(lambda text: text.str.len_chars()), 1, 1),
    "ln": Function(_floats(math.log), 1, 1),
    "lower": Function(texts.of_text(lambda text: text.str.to_lowercase()), 1, 1),
    "lpad": Function(texts.padded(at_left=True), 2, 3),
    "ltrim": Function(texts.stripped(lambda text, off: text.str.strip_chars_start(off)), 1, 2),
    "mod": Function(two_numbers(exact.remainder, math.fmod), 2, 2),
    "normalize": Function(texts.normalized, 1, 2),
    "octet_length": Function(texts.counted(lambda text: text.str.len_bytes()), 1, 1),
    "position": Function(texts.position, 2, 2),
    "pow": Function(power, 2, 2),
    "power": Function(power, 2, 2),
    "regexp_like": Function(texts.regexp_like, 2, 2),
    "regexp_replace": Function(texts.regexp_replace, 3, 3),
    "replace": Function(texts.replaced, 3, 3),
    "reverse": Function(texts.of_text(texts.reversed_text), 1, 1),
    "right": Function(texts.right, 2, 2),
    "round": Function(_rounded, 1, 2),
    "rpad": Function(texts.padded(at_left=False), 2, 3),
    "rtrim": Function(texts.stripped(lambda text, off: text.str.strip_chars_end(off)), 1, 2),
    "sign": Function(_sign, 1, 1),
    "split_part": Function(texts.split_part, 3, 3),
    "sqrt": Function(_floats(math.sqrt), 1, 1),
    "starts_with": Function(texts.answered(str.startswith), 2, 2),
    "strftime": Function(times.strftime, 2, 2),
    "strpos": Function(texts.position, 2, 2),
    "strptime": Function(times.strptime, 2, 2),
    "substr": Function(texts.substring, 2, 3),
    "substring": Function(texts.substring, 2, 3),
    "trim": Function(texts.stripped(lambda text, off: text.str.strip_chars(off)), 1, 2),
    "trunc": Function(_either(exact.truncated, lambda number: float(math.trunc(number))), 1, 1),
    "upper": Function(texts.of_text(lambda text: text.str.to_uppercase()), 1, 1),
}
"""The functions whose arguments are all evaluated first."""

FUNCTIONS = frozenset(FUNCTION_TABLE) | {"extract", "if", "nullif"}
"""All functions. Those outside the table are evaluated with their operators."""
