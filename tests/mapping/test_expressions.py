"""SQL over source columns: what may be said, what is refused, and what one bad row does to the others."""

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loader.errors import SettingsError
from loader.events.plan import SliceRecords
from loader.extract import open_extract
from loader.job import Job
from loader.mapping.expressions import Expression, read_expression
from loader.model import SourceFile
from loader.records.to_text import plain_text
from loader.sql.functions import FUNCTIONS
from loader.stage_settings.extract import extract_settings

FILE = SourceFile(0, "/data/x.csv", "csv", 10, 0, "f", 0, None)

EXAMPLES = {
    "abs": "ABS(n)",
    "ceil": "CEIL(x)",
    "ceiling": "CEILING(x)",
    "char_length": "CHAR_LENGTH(a)",
    "character_length": "CHARACTER_LENGTH(a)",
    "coalesce": "COALESCE(a, b, '?')",
    "concat": "CONCAT(a, '-', b)",
    "concat_ws": "CONCAT_WS('-', a, b)",
    "date_part": "DATE_PART('year', d)",
    "div": "DIV(n, 3)",
    "ends_with": "ENDS_WITH(a, b)",
    "exp": "EXP(x)",
    "extract": "EXTRACT(MONTH FROM d)",
    "floor": "FLOOR(x)",
    "greatest": "GREATEST(a, b)",
    "if": "IF(n > 2, a, b)",
    "ifnull": "IFNULL(a, b)",
    "initcap": "INITCAP(a)",
    "least": "LEAST(a, b)",
    "left": "LEFT(a, 1)",
    "length": "LENGTH(a)",
    "ln": "LN(x)",
    "lower": "LOWER(a)",
    "lpad": "LPAD(a, 6, '0')",
    "ltrim": "LTRIM(a, '0')",
    "mod": "MOD(n, 3)",
    "normalize": "NORMALIZE(a)",
    "nullif": "NULLIF(a, b)",
    "octet_length": "OCTET_LENGTH(a)",
    "position": "POSITION('b' IN a)",
    "pow": "POW(x, 2)",
    "power": "POWER(x, 2)",
    "regexp_like": "REGEXP_LIKE(a, '^[0-9]')",
    "regexp_replace": "REGEXP_REPLACE(a, '[0-9]+', '#')",
    "replace": "REPLACE(a, 'b', 'c')",
    "reverse": "REVERSE(a)",
    "right": "RIGHT(a, 1)",
    "round": "ROUND(x, 1)",
    "rpad": "RPAD(a, 6, '.')",
    "rtrim": "RTRIM(a)",
    "sign": "SIGN(n)",
    "split_part": "SPLIT_PART(a, 'b', 1)",
    "sqrt": "SQRT(x)",
    "starts_with": "STARTS_WITH(a, b)",
    "strftime": "STRFTIME(d, '%Y')",
    "strpos": "STRPOS(a, 'b')",
    "strptime": "STRPTIME(t, '%d.%m.%Y')",
    "substr": "SUBSTR(a, 1, 2)",
    "substring": "SUBSTRING(a FROM 2 FOR 2)",
    "trim": "TRIM(a)",
    "trunc": "TRUNC(x)",
    "upper": "UPPER(a)",
}
OTHERS = [
    "a || '-' || b",
    "n * 2 + 1",
    "n / 2",
    "n % 2 = 0 AND NOT a IS NULL",
    "a IN ('ab', '1b')",
    "n BETWEEN 2 AND 4",
    "a LIKE '%b' OR a ILIKE 'A%'",
    "CASE WHEN n > 2 THEN 'many' WHEN n = 2 THEN 'two' ELSE a END",
    "CASE a WHEN 'ab' THEN 1 END",
    "CAST(n AS VARCHAR)",
    "CAST(x AS DECIMAL(12, 2))",
    "TRY_CAST(TRIM(LEFT(a, 1)) AS BIGINT)",
    "n::double",
    "\"A b\" || 'x'",
    "a IS DISTINCT FROM b",
    "d >= DATE '2024-02-01'",
    "s.y + 1",
]
FRAME = pl.DataFrame(
    {
        "a": ["ab", "1b", None, " 00b7 ", "ÀÉb", "b"],
        "b": ["b", None, "q", "7 ", "ab", "zz"],
        "n": [1, 2, 3, None, 5, -6],
        "x": [0.5, 2.25, None, 3.14159, 10.0, 7.75],
        "t": ["01.02.2024", "31.12.1999", None, "15.06.2030", "01.01.1900", "09.09.2009"],
        "A b": list("uvwxyz"),
        "s": [{"y": number} for number in range(6)],
    }
).with_columns(d=pl.col("t").str.to_date("%d.%m.%Y"))


def read(sql: str, schema: dict[str, pl.DataType] | None = None) -> Expression:
    return read_expression(sql, "mapping.id.expression", FILE, schema or dict(FRAME.schema))


def values(expression: Expression, frame: pl.DataFrame) -> pl.Series:
    series, problems = expression.values(frame, "v")
    assert problems == []
    return series


def test_every_function_has_an_example() -> None:
    """No function is listed without being held to what the list promises."""
    assert set(EXAMPLES) == FUNCTIONS


@pytest.mark.parametrize("sql", [*EXAMPLES.values(), *OTHERS])
def test_a_value_is_a_function_of_its_row(sql: str) -> None:
    """The same rows alone, in halves or in another order give the same values."""
    expression = read(sql)
    whole = values(expression, FRAME)
    assert whole.dtype == expression.dtype
    assert whole.null_count() < FRAME.height
    alone = pl.concat([values(expression, FRAME[row]) for row in range(FRAME.height)])
    halves = pl.concat([values(expression, FRAME[:2]), values(expression, FRAME[2:])])
    backwards = values(expression, FRAME.reverse()).reverse()
    for other in (alone, halves, backwards):
        assert other.to_list() == whole.to_list()


@pytest.mark.parametrize(
    "sql",
    [
        *("SUM(n)", "n - MIN(n)", "COUNT(*)", "FIRST(a)", "MAX(x)", "ARRAY_AGG(n)", "MEDIAN(n)"),
        *("ROW_NUMBER() OVER ()", "SUM(n) OVER (PARTITION BY a)", "LAG(n) OVER (ORDER BY n)", "RANK()"),
        *("NOW()", "now ()", "CURRENT_DATE", "CURRENT_TIMESTAMP", "n + 0 * EXTRACT(YEAR FROM CURRENT_DATE)"),
        *("RANDOM()", "a || CAST(NOW() AS VARCHAR)", "a || /* ' */ CAST(NOW() AS VARCHAR) || a /* ' */"),
        *("DATE(t)", "TIMESTAMP(t)", "TIME(t)", '"now"() > d', "COLUMNS('a')", "a AS b", "a z"),
        *("(SELECT 1)", "n IN (SELECT 1)", "EXISTS(SELECT 1)", "UNNEST(STRING_TO_ARRAY(a, ','))"),
        *("", "a b c", "a ||", "*", "a, b", "'x'", "1", "NULL", "a -- b"),
    ],
)
def test_what_depends_on_more_than_its_row_is_refused(sql: str) -> None:
    """Aggregates, windows, clocks, subqueries, constants and other languages are refused at the start."""
    with pytest.raises(SettingsError, match="SQL expression cannot be used") as caught:
        read(sql)
    assert caught.value.where == "mapping.id.expression"
    assert caught.value.why


def test_words_in_texts_and_quoted_names_are_no_functions() -> None:
    """Only what polars would take for a function is one."""
    assert values(read("a || ' NOW() ' || \"A b\""), FRAME)[0] == "ab NOW() u"
    schema: dict[str, pl.DataType] = {"sum": pl.String(), "now": pl.String()}
    assert read("sum || now", schema).columns == ("sum", "now")


def test_a_column_that_is_not_there_is_told_with_the_nearest_name() -> None:
    """A mistyped name, or one in the wrong case, is answered with the right one."""
    with pytest.raises(SettingsError, match="no column 'plnt'") as caught:
        read("CONCAT(plnt, a)", {"plant": pl.String(), "a": pl.String()})
    assert "Did you mean 'plant'?" in caught.value.next_step


def test_types_that_do_not_go_together_are_told_at_once() -> None:
    """Arithmetic on the text of a CSV file is refused with the cure."""
    with pytest.raises(SettingsError, match="SQL expression") as caught:
        read("a * 2")
    assert "CAST" in caught.value.next_step


@settings(max_examples=50)
@given(cells=st.lists(st.none() | st.sampled_from(["1", "-20", "x", "", "3.5"]), max_size=40))
def test_a_row_that_cannot_be_evaluated_leaves_the_others_alone(cells: list[str | None]) -> None:
    """Exactly the rows with a bad value are problems, and the reason does not quote it."""
    expression = read("CAST(a AS BIGINT) * 2", {"a": pl.String()})
    series, problems = expression.values(pl.DataFrame({"a": cells}, schema={"a": pl.String}), "v")
    good = {None, "1", "-20"}
    failed = [any(problem.rows[row] for problem in problems) for row in range(len(cells))]
    assert failed == [cell not in good for cell in cells]
    assert series.to_list() == [int(cell) * 2 if cell in good and cell else None for cell in cells]


def load(job: Job) -> list[SliceRecords]:
    extract = open_extract(extract_settings(job))
    return [extract.records(window) for window in extract.slices()]


def csv(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "x.csv"
    path.write_text(text)
    return [str(path)]


def test_expressions_feed_columns_and_only_what_they_need_is_read(tmp_path: Path, job_of) -> None:
    """What an expression gives is converted like a source column; the columns it reads count as used."""
    extract = csv(
        tmp_path, "plant,material,qty,tpartner_id,unused\nP1,007,2.50,V,x\n,008,oops,V,x\nP3,009,,V,x\n"
    )
    job = job_of(
        extract=extract,
        ignore_unknown=True,
        mapping={
            "id": {"expression": "plant || '-' || material"},
            "order_status": {"expression": "CAST(qty AS DOUBLE) * 2"},
        },
    )
    opened = open_extract(extract_settings(job))
    (window,) = opened.slices()
    assert window.pieces[0].frame.columns == ["plant", "material", "qty", "tpartner_id"]
    records = opened.records(window)
    assert records.data == [
        b'{"id":"P1-007","order_status":"5.0","tpartner_id":"V"}',
        b'{"id":"P3-009","tpartner_id":"V"}',
    ]
    (rejected,) = records.rejected
    assert (rejected.row, rejected.column) == (1, "id")
    assert rejected.reason == "no value in a required column"


def test_an_expression_does_not_take_a_column_away(tmp_path: Path, job_of) -> None:
    """A column that is read by an expression still feeds the dataset column of its own name."""
    extract = csv(tmp_path, "order_status,tpartner_id\nopen,V\n")
    job = job_of(extract=extract, mapping={"id": {"expression": "CONCAT(order_status, '-1')"}})
    assert load(job)[0].data == [b'{"id":"open-1","order_status":"open","tpartner_id":"V"}']


def test_groups_and_dates_may_come_from_expressions(tmp_path: Path, job_of) -> None:
    """A dataset column fed by an expression groups and dates events like any other."""
    extract = csv(tmp_path, "a,b,tpartner_id\nx,01.02.2024,V\n")
    job = job_of(
        extract=extract,
        group_by="id",
        timestamp_column="submitted_date",
        mapping={
            "id": {"expression": "CONCAT(a, '!')"},
            "submitted_date": {"expression": "STRPTIME(b, '%d.%m.%Y')"},
        },
    )
    (records,) = load(job)
    assert (records.groups, records.timestamps) == (["x!"], ["1706745600"])
    assert records.data == [b'{"id":"x!","tpartner_id":"V","submitted_date":"2024-02-01T00:00:00Z"}']


@pytest.mark.parametrize("window_rows", [1, 3, 100])
def test_a_filter_leaves_rows_out_and_every_row_in_one_place(
    tmp_path: Path, job_of, window_rows: int
) -> None:
    """Not true is not kept; malformed rows are rejected; positions stay those of the file."""
    extract = csv(
        tmp_path,
        "id,tpartner_id,status\n1,V,OPEN\n2,V,DELETED\n3,V,\n4,V\n,V,DELETED\n,V,OPEN\n7,V,OPEN\n",
    )
    job = job_of(extract=extract, filter="status <> 'DELETED'", ignore_unknown=True, window_rows=window_rows)
    windows = load(job)
    for window in windows:
        assert window.rows_read == window.rows_filtered + len(window.rejected) + len(window.data)
    assert [row for window in windows for row in window.rows] == [0, 6]
    assert [row.row for window in windows for row in window.rejected] == [3, 5]
    assert sum(window.rows_filtered for window in windows) == 3
    assert sum(window.rows_filtered_unknown for window in windows) == 1
    assert [data for window in windows for data in window.data] == [
        b'{"id":"1","tpartner_id":"V"}',
        b'{"id":"7","tpartner_id":"V"}',
    ]


NAMES = (
    "count",
    "^id$",
    "",
    "len",
    "*",
    "a.b",
    "col('x')",
    "row()",
    "result()",
    "position",
    "%",
    "Ünïcode",
    "a\nb",
    "$1",
)


@pytest.mark.parametrize("name", NAMES)
def test_any_column_name_may_stand_in_an_expression(name: str) -> None:
    """Names that mean something to polars are names like any other, beside a column that they might match."""
    frame = pl.DataFrame({name: ["7", "", None], "id": ["a", "b", "c"]})
    quoted = '"' + name.replace('"', '""') + '"'
    expression = read(
        f"CASE WHEN {quoted} = '' THEN '-' ELSE {quoted} || LENGTH({quoted}) END", dict(frame.schema)
    )
    assert expression.columns == (name,)
    assert values(expression, frame).to_list() == ["71", "-", None]


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("LPAD(a, 2000000000, '0')", "at most 4,000 characters"),
        ("a || '" + "x" * 30_000 + "'", "characters, more than"),
        ("(" * 3_000 + "a" + ")" * 3_000, "levels deep"),
        ("- " * 3_000 + "n", "levels deep"),
        ("NOT " * 300 + "n > 1", "levels deep"),
        ("a" + "::VARCHAR" * 900, "levels deep"),
        ("UPPER(" * 200 + "a" + ")" * 200, "levels deep"),
        ("CASE WHEN n > 1 THEN " * 150 + "a" + " END" * 150, "levels deep"),
        (" + ".join(["n"] * 4_000), "parts"),
        ("REGEXP_LIKE(a, '" + "a" * 2_000 + "')", "1,000 characters"),
        ("REGEXP_LIKE(a, '((a{1000}){1000}){1000}')", "not supported"),
        ("n * 1" + "0" * 40, "too many digits"),
        ("x ** 1e999", "exceeds the range of a double"),
    ],
)
def test_what_an_expression_may_cost_is_bounded(sql: str, why: str) -> None:
    """Text, depth, parts, patterns and paddings beyond bounds are refused before a row is read."""
    with pytest.raises(SettingsError) as caught:
        read(sql)
    assert why in f"{caught.value} {caught.value.why}"


@pytest.mark.parametrize(
    ("sql", "good"),
    [
        ("LPAD(a, n * 1000000, '0')", False),
        ("REPLACE(" * 20 + "a" + ", 'a', 'aaaaaaaaaa')" * 20, False),
        ("n ** 2000000000", False),
        (" || ".join(["a"] * 900), True),
        (" OR ".join(f"a = '{number}'" for number in range(700)), True),
    ],
)
def test_rows_that_cost_too_much_are_rejected_in_bounded_time(sql: str, *, good: bool) -> None:
    """What only the values decide rejects rows; long chains are evaluated without a deep stack."""
    frame = pl.DataFrame({"a": ["a", "ab"] * 50, "n": [5, 7] * 50})
    series, problems = read(sql, dict(frame.schema)).values(frame, "v")
    assert series.is_not_null().all() == good
    assert bool(problems) != good


def test_the_branch_that_is_not_taken_does_not_matter() -> None:
    """A CAST in a CASE, behind AND, OR or COALESCE fails only the rows that need it."""
    frame = pl.DataFrame({"a": ["5", "x", None, "0"]})
    schema = dict(frame.schema)
    guarded = values(
        read("CASE WHEN a ~ '^[0-9]+$' THEN CAST(a AS INT) ELSE -1 END".replace("a ~", "a REGEXP"), schema),
        frame,
    )
    assert guarded.to_list() == [5, -1, -1, 0]
    assert values(read("a = 'x' OR CAST(a AS INT) > 3", schema), frame).to_list() == [True, True, None, False]
    assert values(read("a <> 'x' AND CAST(a AS INT) > 3", schema), frame).to_list() == [
        True,
        False,
        None,
        False,
    ]
    assert values(read("COALESCE(a, CAST(CAST(a AS INT) AS VARCHAR))", schema), frame).to_list() == [
        "5",
        "x",
        None,
        "0",
    ]


def test_a_row_the_filter_cannot_judge_is_rejected(tmp_path: Path, job_of) -> None:
    """No row is left out by accident: a value for which the filter fails rejects its row."""
    extract = csv(tmp_path, "id,tpartner_id,n\n1,V,5\n2,V,x\n3,V,0\n")
    (records,) = load(job_of(extract=extract, filter="CAST(n AS INT) > 0", ignore_unknown=True))
    assert (records.rows, records.rows_filtered) == ([0], 1)
    assert [(row.row, row.reason) for row in records.rejected] == [
        (1, "the expression has no value for this row")
    ]


def test_a_filter_must_be_a_condition(tmp_path: Path, job_of) -> None:
    """A filter that gives texts is refused, and one that names nothing too."""
    extract = csv(tmp_path, "id,tpartner_id\n1,V\n")
    with pytest.raises(SettingsError, match="true/false expression"):
        open_extract(extract_settings(job_of(extract=extract, filter="id || 'x'")))
    with pytest.raises(SettingsError, match="no column 'state'"):
        open_extract(extract_settings(job_of(extract=extract, filter="state = 'x'")))


def test_filter_and_expressions_are_part_of_the_plan(job_of) -> None:
    """A resume with another filter is another plan."""
    assert job_of(filter="a = 1").plan_settings() != job_of(filter="a = 2").plan_settings()
    one, two = ({"id": {"expression": sql}} for sql in ("a", "b"))
    assert job_of(mapping=one).plan_settings() != job_of(mapping=two).plan_settings()


def test_whole_numbers_of_any_width_give_exact_values(tmp_path: Path, job_of) -> None:
    """Sums, differences and products of 8- and 32-bit columns leave the range of their types."""
    path = tmp_path / "x.parquet"
    schema = {"q8": pl.Int8, "q32": pl.Int32, "u32": pl.UInt32, "id": pl.Int64}
    pl.DataFrame(
        {"q8": [100], "q32": [3_000_000], "u32": [0], "id": [-(2**63)]}, schema=schema
    ).write_parquet(path)
    job = job_of(
        extract=[str(path)],
        ignore_unknown=True,
        mapping={
            "id": {"expression": "CONCAT(q8 + 100, ' ', q32 * 1000, ' ', u32 - 1)"},
            "tpartner_id": {"expression": "CAST(-id AS VARCHAR) || ' ' || CAST(ABS(id) - 1 AS VARCHAR)"},
        },
    )
    assert load(job)[0].data == [
        b'{"id":"200 3000000000 -1","tpartner_id":"9223372036854775808 9223372036854775807"}'
    ]


@pytest.mark.parametrize("dtype", [pl.Float16, pl.Float32, pl.Float64])
@pytest.mark.parametrize("sql", ["f", "COALESCE(f, 5)", "CONCAT(f, '')", "f + 0", "f * 1"])
def test_floats_of_any_width_have_the_digits_of_their_column(sql: str, dtype: pl.DataType) -> None:
    """0.1 of 32 bits is 0.1, as if the column was sent itself, and not 0.10000000149011612."""
    values = [0.1, -2.5, 3.25e-3, -0.0, float("nan"), float("inf")]
    floats = pl.Series("f", values, dtype=pl.Float64).cast(dtype)
    found, problems = read(sql, {"f": floats.dtype}).values(floats.to_frame(), "x")
    texts = plain_text(found)[0].to_list()
    assert [float(text) for text in texts[:4]] == [0.1, -2.5, 3.25e-3, 0.0]
    assert texts[0] == "0.1"
    assert [index for problem in problems for index in problem.rows.arg_true()] == [4, 5]


@pytest.mark.parametrize(
    "sql",
    ["n // z", "n % z", "MOD(n, z)", "DIV(n, z)", "CAST('24:00:' || n || '0' AS TIME)", "n / z", "LN(z)"],
)
def test_what_has_no_value_rejects_its_row(sql: str) -> None:
    """A division by zero, an impossible time and an infinite number are never "no value"."""
    series, problems = read(sql, {"n": pl.Int64(), "z": pl.Int64()}).values(
        pl.DataFrame({"n": [7], "z": [0]}), "v"
    )
    assert series.to_list() == [None]
    assert [problem.rows.to_list() for problem in problems] == [[True]]


def test_characters_are_counted() -> None:
    """STRPOS, POSITION, LEFT and SUBSTR agree on what a character is."""
    frame = pl.DataFrame({"d": ["abc-123", "Müller-123", "漢字-9"]})
    schema = dict(frame.schema)
    assert values(read("LEFT(d, STRPOS(d, '-') - 1)", schema), frame).to_list() == ["abc", "Müller", "漢字"]
    assert values(read("SUBSTR(d, POSITION('-' IN d) + 1)", schema), frame).to_list() == ["123", "123", "9"]
