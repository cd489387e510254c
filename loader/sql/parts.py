"""The evaluation of each kind of node, except operators between two values."""

import math
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import polars as pl
from sqlglot import exp

from loader.sql import exact, texts, times
from loader.sql.casts import cast
from loader.sql.column import BOOLEAN, EXACT, FLOAT, NULL, TEXT, Column, constant, need
from loader.sql.comparing import compared, distinct
from loader.sql.evaluator import Evaluator, path_of, shown
from loader.sql.fault import SqlFault
from loader.sql.functions import FUNCTIONS
from loader.sql.json_paths import Path, PathStep, member, stepped
from loader.sql.logic import both, branches, either, nullif, truths


def _literal(at: Evaluator, node: Any) -> Column:
    if node.is_string:
        return constant(node.name, TEXT, at.rows, pl.String)
    try:
        if "e" in node.name.lower():
            number = float(node.name)
            if not math.isfinite(number):
                raise SqlFault(f"the number {node.name} exceeds the range of a double")
            return constant(number, FLOAT, at.rows, pl.Float64)
        exact_number = Decimal(node.name)
    except ArithmeticError:
        raise SqlFault(f"'{node.name}' is not a number") from None
    scale = max(-int(exact_number.as_tuple().exponent), 0)
    unscaled = int(exact_number.scaleb(scale))
    if abs(unscaled) >= exact.LIMIT or scale > exact.MAX_SCALE:
        raise SqlFault(f"the number {node.name} has too many digits")
    made = constant(unscaled, EXACT, at.rows, pl.Int128, scale)
    return made if scale == 0 else replace(made, literal=None)


def _boolean(at: Evaluator, node: Any) -> Column:
    return constant(bool(node.this), BOOLEAN, at.rows, pl.Boolean)


def _null(at: Evaluator, _node: Any) -> Column:
    return constant(None, NULL, at.rows, pl.Null)


_PATHS = (exp.Column, exp.Dot, exp.Bracket)


def _column(at: Evaluator, node: Any) -> Column:
    return _behind(at, node, [])


def _behind(at: Evaluator, node: Any, inner: list[PathStep]) -> Column:
    """Return the values at a path in a column: ``supplier.id``, ``items[0].qty``."""
    name, *steps = _path(node, inner)
    known = member(at.frame, str(name), steps) if steps else None
    if known is not None:
        return known
    # Unnamed: some functions of polars take the name of a series as a pattern (^id$) or a wildcard (*).
    return stepped(at.frame.get_column(str(name)).alias(""), steps, f"'{name}'")


def _path(node: Any, inner: list[PathStep]) -> Path:
    """Return the column of a path, and the steps into it.

    Raises:
        SqlFault: It does not begin with a column, or an index is not a whole number.
    """
    if isinstance(node, exp.Dot) and isinstance(node.expression, exp.Identifier):
        return _path(node.this, [node.expression.name, *inner])
    if isinstance(node, exp.Bracket):
        places = [
            each.name for each in node.expressions if isinstance(each, exp.Literal) and not each.is_string
        ]
        if len(places) != 1 or len(node.expressions) != 1 or not places[0].isdecimal():
            raise SqlFault("the index of a list is one whole number, counted from 0, as in items[0]")
        return _path(node.this, [int(places[0]), *inner])
    if not isinstance(node, exp.Column):
        raise SqlFault(f"{shown(node)} has no fields or elements; only columns have them")
    return (*path_of(node), *inner)


def paths_in(tree: Any) -> tuple[Path, ...]:
    """Return the paths into columns that an expression reads."""
    nodes = tree.walk(bfs=False, prune=lambda node: isinstance(node, _PATHS))
    return tuple(dict.fromkeys(_path(node, []) for node in nodes if isinstance(node, _PATHS)))


def _nested(at: Evaluator, node: Any) -> Column:
    return _behind(at, node, [])


def _negative(at: Evaluator, node: Any) -> Column:
    operand = at.of(node.this)
    if isinstance(operand.literal, int) and operand.kind == EXACT:
        return constant(-operand.literal, EXACT, at.rows, pl.Int128)
    need(operand, EXACT, FLOAT)
    if operand.kind == FLOAT:
        return at.checked("-", lambda each: Column(-each.values, FLOAT), operand)
    return at.checked("-", exact.negated, operand)


def _not(at: Evaluator, node: Any) -> Column:
    return at.checked("not", lambda each: Column(~truths(each), BOOLEAN), at.of(node.this))


def _is(at: Evaluator, node: Any) -> Column:
    operand, sought = at.of(node.this), node.expression
    if isinstance(sought, exp.Null):
        return Column(operand.values.is_null(), BOOLEAN).failing(operand.failed)
    if not isinstance(sought, exp.Boolean):
        raise SqlFault(f"IS {shown(sought)} is not supported")
    answers = truths(operand).fill_null(value=not sought.this)
    return Column(answers if sought.this else ~answers, BOOLEAN).failing(operand.failed)


def _between(at: Evaluator, node: Any) -> Column:
    value, low, high = (at.of(node.args[name]) for name in ("this", "low", "high"))
    above = at.checked("<=", lambda a, b: compared(a, b, "<="), low, value)
    below = at.checked("<=", lambda a, b: compared(a, b, "<="), value, high)
    return both(above, below)


def _in(at: Evaluator, node: Any) -> Column:
    value = at.of(node.this)
    if not node.expressions:
        raise SqlFault("IN takes a list of values")
    answer: Column | None = None
    for each in node.expressions:
        same = at.checked("=", lambda a, b: compared(a, b, "="), value, at.of(each))
        answer = same if answer is None else either(answer, same)
    assert answer is not None
    return answer


def _like(at: Evaluator, node: Any) -> Column:
    return _form(at, node, None)


def _escape(at: Evaluator, node: Any) -> Column:
    if not isinstance(node.this, exp.Like | exp.ILike):
        raise SqlFault("ESCAPE is only allowed after LIKE")
    return _form(at, node.this, at.of(node.expression))


def _form(at: Evaluator, node: Any, escape: Column | None) -> Column:
    any_case = isinstance(node, exp.ILike)

    def matched(text: Column, pattern: Column) -> Column:
        answer = texts.like(text, pattern, escape, any_case=any_case)
        return Column(~answer.values, BOOLEAN) if node.args.get("negate") else answer

    return at.checked("like", matched, at.of(node.this), at.of(node.expression))


def _regexp(at: Evaluator, node: Any) -> Column:
    if node.args.get("flag"):
        raise SqlFault("write the flags of a regular expression inside it: (?i)")
    return at.checked("regexp", texts.regexp_like, at.of(node.this), at.of(node.expression))


def _same(at: Evaluator, node: Any) -> Column:
    differ = _distinct(at, node)
    return replace(differ, values=~differ.values)


def _distinct(at: Evaluator, node: Any) -> Column:
    return distinct(at.of(node.this), at.of(node.expression))


def _case(at: Evaluator, node: Any) -> Column:
    operand = at.of(node.this) if node.this is not None else None
    conditions, results = [], []
    for branch in node.args["ifs"]:
        condition = at.of(branch.this)
        conditions.append(condition if operand is None else compared(operand, condition, "="))
        results.append(at.of(branch.args["true"]))
    otherwise = node.args.get("default")
    results.append(at.of(otherwise) if otherwise is not None else _null(at, node))
    return branches(conditions, results)


def _cast(at: Evaluator, node: Any) -> Column:
    name, parameters = _type_of(node.to)
    return at.checked("cast", lambda each: cast(each, name, parameters), at.of(node.this))


def _try_cast(at: Evaluator, node: Any) -> Column:
    name, parameters = _type_of(node.to)
    return at.checked("try_cast", lambda each: cast(each, name, parameters), at.of(node.this))


def _extract(at: Evaluator, node: Any) -> Column:
    part = node.this.name
    return at.checked("extract", lambda each: times.extract(part, each), at.of(node.expression))


def _substring(at: Evaluator, node: Any) -> Column:
    start = node.args.get("start")
    return _call_with(
        at,
        "substring",
        [node.this, start if start is not None else exp.Literal.number(1), node.args.get("length")],
    )


def _position(at: Evaluator, node: Any) -> Column:
    return _call_with(at, "position", [node.this, node.args["substr"]])


def _trim(at: Evaluator, node: Any) -> Column:
    name = {"LEADING": "ltrim", "TRAILING": "rtrim"}.get(node.text("position").upper(), "trim")
    return _call_with(at, name, [node.this, node.expression])


def _normalize(at: Evaluator, node: Any) -> Column:
    form = node.args.get("form")
    literal = exp.Literal.string(form.name) if form else None
    return _call_with(at, "normalize", [node.this, literal])


def _call_with(at: Evaluator, name: str, arguments: list[Any]) -> Column:
    return at.called(name, [at.of(each) for each in arguments if each is not None])


def _call(at: Evaluator, node: Any) -> Column:
    name = node.name.lower()
    if name == "if":
        return _if(at, node)
    arguments = [at.of(each) for each in node.expressions] if name in FUNCTIONS else []
    if name == "nullif" and len(arguments) == 2:  # noqa: PLR2004 - NULLIF(a, b)
        return nullif(*arguments)
    return at.called(name, arguments)


def _if(at: Evaluator, node: Any) -> Column:
    parts = [at.of(each) for each in node.expressions]
    if len(parts) != 3:  # noqa: PLR2004 - IF(condition, a, b)
        raise SqlFault("IF takes a condition and two values")
    return branches(parts[:1], parts[1:])


_TYPE_NAMES = {"UINTEGER": "UINT"}


def _type_of(to: Any) -> tuple[str, tuple[int, ...]]:
    name = to.this.name if isinstance(to, exp.DataType) else str(to)
    if name == "USERDEFINED":  # a name that standard SQL does not have
        name = str(to.args["kind"]).upper()
        name = _TYPE_NAMES.get(name, name)
    parameters = tuple(int(each.name) for each in getattr(to, "expressions", []) if each.name.isdigit())
    return name, parameters


NODES: dict[Any, Callable[[Evaluator, Any], Column]] = {
    exp.Literal: _literal,
    exp.Boolean: _boolean,
    exp.Null: _null,
    exp.Bracket: _nested,
    exp.Column: _column,
    exp.Dot: _nested,
    exp.Neg: _negative,
    exp.Not: _not,
    exp.Is: _is,
    exp.Between: _between,
    exp.In: _in,
    exp.Like: _like,
    exp.ILike: _like,
    exp.Escape: _escape,
    exp.RegexpLike: _regexp,
    exp.NullSafeEQ: _same,
    exp.NullSafeNEQ: _distinct,
    exp.Case: _case,
    exp.Cast: _cast,
    exp.TryCast: _try_cast,
    exp.Extract: _extract,
    exp.Substring: _substring,
    exp.StrPosition: _position,
    exp.Trim: _trim,
    exp.Normalize: _normalize,
    exp.Anonymous: _call,
}
"""The evaluation of each other kind of node. A kind that is not listed is rejected."""
