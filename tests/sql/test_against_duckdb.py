"""Every function and operator of expressions against DuckDB: the same value, or a rejected row."""

import itertools
import math
import random
import re
from collections import Counter
from collections.abc import Callable
from functools import cache

import duckdb
import polars as pl
import pytest
from sqlglot import exp

from loader.sql.dialect import parsed
from loader.sql.evaluation import Evaluation
from loader.sql.evaluator import NULL_BY_DEFINITION
from loader.sql.functions import FUNCTIONS
from loader.sql.operators import BINARY
from loader.sql.parts import NODES
from tests.faults.reliability import EXACT
from tests.sql import compared
from tests.sql.compared import ALL_COMPARED, POOLS, Compared, same

DTYPES: dict[str, pl.DataType | type[pl.DataType]] = {
    "i": pl.Int64,
    "f": pl.Float64,
    "d": pl.Decimal(18, 3),
    "t": pl.String,
    "p": pl.String,
    "n": pl.Int64,
    "b": pl.Boolean,
    "day": pl.Date,
    "at": pl.Datetime("us"),
}
PLACE = re.compile(r"\{(\w+)\}")
WIDER = {"i": "HUGEINT", "n": "INT"}

REDUCED_ROWS, WHOLE_ROWS = 250, 6_000

COUNTED = ("compared values", "equal values", "rejected values")


def kind_of(column: str) -> str:
    return column.rstrip("2")


@cache
def rows_of(columns: tuple[str, ...], most: int) -> pl.DataFrame:
    """Return combinations of values: all of them, or as many as asked for, among them each value once."""
    pools = [[None, *POOLS[kind_of(column)]] for column in columns]
    longest, total = max(map(len, pools)), math.prod(map(len, pools))
    if total <= most:
        combined = list(itertools.product(*pools))
    else:
        combined = [tuple(pool[index % len(pool)] for pool in pools) for index in range(longest)]
        combined += [
            _combination(pools, number) for number in random.Random(0).sample(range(total), most - longest)
        ]
    schema = {column: DTYPES[kind_of(column)] for column in columns}
    return pl.DataFrame(combined, schema=schema, orient="row")


def _combination(pools: list[list[object]], number: int) -> tuple[object, ...]:
    """Return one of all combinations by its number."""
    values = []
    for pool in pools:
        number, place = divmod(number, len(pool))
        values.append(pool[place])
    return tuple(values)


@cache
def _duckdb() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"threads": 1})


def theirs(case: Compared, frame: pl.DataFrame) -> list[object]:
    """Return DuckDB's values; null where it raises an error."""
    columns = [
        f'"{name}"::{WIDER[kind_of(name)]} AS "{name}"' if kind_of(name) in WIDER else f'"{name}"'
        for name in frame.columns
    ]
    sql = PLACE.sub(r'"\1"', case.duckdb or case.sql)
    connection = _duckdb()
    connection.register("frame", frame.with_row_index("position").to_arrow())
    found = connection.execute(
        f"SELECT TRY({sql}) FROM (SELECT position, {', '.join(columns)} FROM frame) ORDER BY position"
    ).fetchall()
    return [row[0] for row in found]


def compare(case: Compared, most: int) -> Counter[str]:
    """Compare both engines, and count equal values, rejected values, and what each excuse explains."""
    columns = tuple(dict.fromkeys(PLACE.findall(case.sql)))
    frame = rows_of(columns, most)
    series, failed = Evaluation(PLACE.sub(r'"\1"', case.sql)).of(frame)
    wrong = []
    counts = Counter({"compared values": frame.height})
    for row, ours, fails, expected in zip(frame.rows(), series, failed, theirs(case, frame), strict=True):
        counts["rejected values" if fails else "equal values"] += 1
        if expected is None if fails else same(ours, expected, case.near):
            continue
        excuses = case.strict if fails else case.wider if expected is None else case.differs
        found = ours if not fails else None
        why = next(
            (
                each.why
                for each in excuses
                if each.holds(dict(zip(columns, row, strict=True)), found, expected)
            ),
            "",
        )
        counts[why] += 1
        counts["equal values"] -= not fails
        if not why:
            wrong.append((row, "rejected" if fails else ours, expected))
    assert not wrong, f"{case.sql}: {len(wrong)} values differ, such as {wrong[:3]}"
    return counts


@pytest.mark.parametrize("case", [case for _, case in ALL_COMPARED], ids=lambda case: case.sql)
def test_values_are_those_of_duckdb(case: Compared) -> None:
    """In reduced form: some hundred rows each. An excuse that explains none of them hides a later fault."""
    counts = compare(case, REDUCED_ROWS)
    unused = [each.why for each in (*case.strict, *case.differs, *case.wider) if not counts[each.why]]
    assert not unused


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.tried(
    "Every SQL function, operator and cast over extreme, negative, empty and non-ASCII values", keeps=EXACT
)
def test_all_combinations_give_the_values_of_duckdb(record_property: Callable[[str, object], None]) -> None:
    """In whole: all combinations of values, up to some thousand rows each."""
    for _, case in ALL_COMPARED:
        counts = compare(case, WHOLE_ROWS)
        record_property("counts", {name: counts[name] for name in COUNTED})


def test_every_function_is_compared() -> None:
    """A function that is added to the list needs a comparison."""
    assert set(compared.FUNCTIONS) == FUNCTIONS
    for name, cases in compared.FUNCTIONS.items():
        assert all(re.search(rf"\b({name}|trim)\(", case.sql, re.IGNORECASE) for case in cases), name


def test_every_operator_is_compared() -> None:
    """So does every other part of the grammar."""
    trees = [parsed(PLACE.sub(r'"\1"', case.sql)) for _, case in ALL_COMPARED]
    used = {type(node) for tree in trees for node in tree.walk()}
    # Paths into nested values are judged in tests/formats/test_ndjson.py: DuckDB counts places from 1.
    needed = (set(BINARY) | set(NODES)) - {exp.Bracket, exp.Dot}
    assert needed <= used, needed - used


@pytest.mark.parametrize("case", [case for _, case in ALL_COMPARED], ids=lambda case: case.sql)
def test_no_value_is_lost(case: Compared) -> None:
    """Where all inputs hold a value the result holds one, or the row is rejected, or SQL says null."""
    by_definition = re.search(r"NULLIF|TRY_CAST|CASE|IN \(", case.sql)
    columns = tuple(dict.fromkeys(PLACE.findall(case.sql)))
    frame = rows_of(columns, REDUCED_ROWS).drop_nulls()
    series, failed = Evaluation(PLACE.sub(r'"\1"', case.sql)).of(frame)
    lost = series.is_null() & ~failed
    assert by_definition or not lost.any(), frame.filter(lost)
    assert set(NULL_BY_DEFINITION) == {"nullif", "case", "if", "try_cast", "in", "and", "or"}


def test_the_guard_finds_a_function_that_loses_values(monkeypatch: pytest.MonkeyPatch) -> None:
    """The guard stands around every function: one that gives null for a value fails the row."""
    from dataclasses import replace

    from loader.sql.column import Column
    from loader.sql.functions import FUNCTION_TABLE

    def forgetful(text: Column) -> Column:
        return replace(text, values=text.values.replace("b", None), literal=None)

    monkeypatch.setitem(FUNCTION_TABLE, "upper", replace(FUNCTION_TABLE["upper"], compute=forgetful))
    series, failed = Evaluation("UPPER(a)").of(pl.DataFrame({"a": ["a", "b", None]}))
    assert (series.to_list(), failed.to_list()) == (["a", None, None], [False, True, False])
