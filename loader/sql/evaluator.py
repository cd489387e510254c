"""Evaluate trees of expressions as columns, and check that no value is lost.

Rule kept here: ``checked`` checks the result of every function and operator. If all inputs of a row have a
value, the result is a finite value within the years 0001 to 9999, or the row fails. Cases that SQL defines as
null are listed.
"""

from collections.abc import Callable, Mapping
from typing import Any

import polars as pl
from sqlglot import exp

from loader.sql import texts, times
from loader.sql.column import DATE, FLOAT, OTHER, TEXT, TIMESTAMP, Column, any_of
from loader.sql.fault import MOST_TEXT_BYTES, SqlFault, TooMuchText, unknown_function
from loader.sql.functions import FUNCTION_TABLE, FUNCTIONS, Function
from loader.sql.operators import BINARY

NULL_BY_DEFINITION = {
    "nullif": "the result for equal values is null",
    "case": "the result is null if no branch matches, or if the branch is null",
    "if": "the chosen branch may be null",
    "try_cast": "the result for values that cannot be cast is null",
    "in": "with a null in the list, the answer may be unknown",
    "and": "unknown, by SQL's three-valued logic",
    "or": "unknown, by SQL's three-valued logic",
}
"""Operations that may have no result although all inputs have a value, and why."""

_CLOCK_WORDS = ("CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP", "LOCALTIME", "LOCALTIMESTAMP")


def source_columns(tree: exp.Expression, schema: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the source columns that an expression reads, in its order, including unknown ones.

    Raises:
        SqlFault: It reads a clock.
    """
    names = [path_of(node)[0] for node in tree.find_all(exp.Column, bfs=False)]
    for name in names:
        if name.upper() in _CLOCK_WORDS and name not in schema:
            raise SqlFault(f"'{name}' depends on more than the values of its row")
    return tuple(dict.fromkeys(names))


def path_of(node: exp.Column) -> list[str]:
    """Return the names of a column and of the fields in it."""
    return [part.name for part in node.parts]


class Evaluator:
    """Evaluates a tree over the rows of a frame.

    Args:
        frame: The rows, with at least the columns that the tree reads.
        parts: The evaluation of each kind of node, except operators between two values.
    """

    def __init__(
        self, frame: pl.DataFrame, parts: Mapping[type[exp.Expression], Callable[["Evaluator", Any], Column]]
    ) -> None:
        self._parts = parts
        self.frame = frame
        self.rows = frame.height

    def of(self, node: Any) -> Column:
        """Return the values of a tree.

        Raises:
            SqlFault: A function or type is unknown, or types are incompatible.
        """
        if isinstance(node, exp.Paren):
            return self.of(node.this)
        if isinstance(node, exp.Binary) and type(node) in BINARY:
            return self._chain(node)
        evaluate = self._parts.get(type(node))
        if evaluate is None:
            raise _not_supported(node)
        return evaluate(self, node)

    def _chain(self, node: Any) -> Column:
        """Evaluate a chain of operators from its left end, in a loop: it may be too long for the stack."""
        spine = []
        while isinstance(node, exp.Binary) and type(node) in BINARY:
            spine.append(node)
            node = node.this
        left = self.of(node)
        for operator in reversed(spine):
            name, compute = BINARY[type(operator)]
            interval = operator.expression
            if isinstance(interval, exp.Interval):
                left = self._shifted(left, interval, name)
                continue
            right = self.of(operator.expression)
            left = compute(left, right) if name in ("and", "or") else self.checked(name, compute, left, right)
        return left

    def checked(
        self, name: str, compute: Callable[..., Column], *inputs: Column, keeps_nulls: bool = False
    ) -> Column:
        """Return the result of a function, and fail the rows whose value is lost or out of range.

        Args:
            name: The function.
            compute: Its implementation.
            inputs: Its arguments.
            keeps_nulls: Whether a row with a null argument may have a result.
        """
        result = compute(*inputs)
        if keeps_nulls:
            given = any_of([each.given() for each in inputs])
        else:
            result = result.failing(*(each.failed for each in inputs))
            given = None
            for each in inputs:
                given = each.given() if given is None else given & each.given()
        lost = None
        if given is not None and name not in NULL_BY_DEFINITION:
            lost = given & result.values.is_null()
        return self.bounded(result).failing(lost)

    def bounded(self, result: Column) -> Column:
        """Return a result without non-finite numbers, texts over 1 MiB, and years outside 1 to 9999.

        Raises:
            SqlFault: Its texts together are too large.
        """
        if result.kind == FLOAT:
            return result.failing(~result.values.is_finite())
        if result.kind == TEXT:
            sizes = result.values.str.len_bytes()
            total = int(sizes.sum() or 0)
            if total > MOST_TEXT_BYTES:
                raise TooMuchText(
                    f"it makes more than {MOST_TEXT_BYTES:,} bytes of text from {self.rows:,} rows"
                )
            return result.failing(sizes > texts.MAX_TEXT_BYTES)
        if result.kind in (DATE, TIMESTAMP):
            return result.failing(result.given() & times.moments(result).is_null())
        return result

    def _shifted(self, left: Column, interval: Any, name: str) -> Column:
        if name not in ("+", "-") or not isinstance(interval.this, exp.Literal):
            raise SqlFault("an interval must be a literal, added to a date or subtracted from it")
        count, unit = interval.this.name.strip(), interval.text("unit").upper().removesuffix("S")
        try:
            units = int(count)
        except ValueError:
            raise SqlFault(f"'{count}' is not a whole number of {unit or 'units'}") from None
        sign = 1 if name == "+" else -1
        return self.checked("interval", lambda column: times.shifted(column, sign * units, unit), left)

    def called(self, name: str, arguments: list[Column]) -> Column:
        """Return the result of a function in the table.

        Raises:
            SqlFault: The function is unknown, or takes other arguments.
        """
        function = FUNCTION_TABLE.get(name)
        if function is None:
            raise unknown_function(name, FUNCTIONS)
        _check_arguments(name, function, len(arguments))
        if any(each.kind == OTHER for each in arguments) and name not in ("coalesce", "ifnull"):
            raise SqlFault(f"{name.upper()} does not accept lists or structs")
        return self.checked(name, function.compute, *arguments, keeps_nulls=function.keeps_nulls)


def _check_arguments(name: str, function: Function, count: int) -> None:
    if not function.least <= count <= function.most:
        takes = (
            str(function.least) if function.least == function.most else f"{function.least} to {function.most}"
        )
        noun = "argument" if takes == "1" else "arguments"
        raise SqlFault(f"{name.upper()} takes {takes} {noun}, not {count}")


def _not_supported(node: Any) -> SqlFault:
    if isinstance(node, exp.Query | exp.Exists | exp.Window | exp.AggFunc):
        return SqlFault(f"'{shown(node)}' depends on more than the values of its row")
    return SqlFault(f"'{shown(node)}' is not supported in an expression")


def shown(node: Any) -> str:
    """Return the SQL text of a part, shortened."""
    return str(node.sql())[:60]
