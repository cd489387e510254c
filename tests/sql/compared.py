# ruff: noqa: E501 - a table: one expression a line
"""Expressions of every function and operator, and the values on which they are compared with DuckDB.

``{i}``, ``{f}``, ``{d}``, ``{t}``, ``{p}``, ``{n}``, ``{b}``, ``{day}`` and ``{at}`` stand for columns of values
of one type. A second one of the same type is ``{i2}`` and so on.
"""

import datetime as dt
import math
from dataclasses import dataclass
from decimal import Decimal

POOLS: dict[str, list[object]] = {
    "i": [0, 1, -1, 2, -7, 7, 100, 2**31 - 1, -(2**31), 2**53, 2**53 + 1, 2**63 - 1, -(2**63)],
    "f": [0.0, -0.0, 0.5, -0.5, 2.5, -2.5, 1.005, 0.1, -7.75, 1e-10, 123456.789, 9.007199254740993e15, 1e300, -1e300],
    "d": [Decimal(each) for each in ("0.000", "1.250", "-1.250", "0.005", "-7.500", "2.500", "999999999999999.999")],
    "t": [
        *("", " ", "a", "abc", "ABC", "Müller-123", "漢字-9", "İß", "e\u0301a", "a\nb", "%", "_a", "a%b", "a\\b", "o'neil x"),
        *("0", "-5", "+5", "5.0", "5.5", "1e3", "1E400", " 7 ", "inf", "nan", "9223372036854775808", "0x10", "1_000"),
        *("2024-02-29", "2023-02-29", "0000-01-01", "2024-02-29 12:34:56.5", "24:00:00", "23:59:59", "true", "no"),
        *("123456789012345678901234567890", "-0.005", "😀x", "\u00a0x\u00a0", "a,b,,c", "$1"),
    ],
    "p": ["", "a", "-", "b", "漢", "%", ",", "é", "\u0301", "zz"],
    "n": [-(2**31), -3, -1, 0, 1, 2, 5, 4_000, 2_000_000_000],
    "b": [True, False],
    "day": [
        dt.date(*each) for each in ((1, 1, 1), (1969, 12, 31), (1970, 1, 1), (2000, 2, 29), (2024, 1, 31), (2021, 1, 3), (9999, 12, 31))
    ],
    "at": [
        dt.datetime(*each)  # noqa: DTZ001 - wall clocks
        for each in (
            (1, 1, 1),
            (1969, 12, 31, 23, 59, 59, 999_999),
            (1970, 1, 1),
            (2024, 2, 29, 12, 34, 56, 500_000),
            (9999, 12, 31, 23, 59, 59, 999_999),
        )
    ],
}  # fmt: skip
"""The values of each kind of column; each pool has null too."""


@dataclass(frozen=True, slots=True)
class Compared:
    """An expression to be compared.

    Attributes:
        sql: As it stands in a job.
        duckdb: As DuckDB writes it, if it does so in another way.
        strict: Why we reject rows for which DuckDB has a value, or an empty text if we do not.
        differs: Why our value may be another one, or an empty text if it may not.
        wider: Why we have a value where DuckDB raises an error, or an empty text if we have none.
        near: By what share floats may differ.
    """

    sql: str
    duckdb: str = ""
    strict: str = ""
    differs: str = ""
    wider: str = ""
    near: float = 0.0


DIGITS = "a whole number beyond 2^53 that has no float is rejected"
FINITE = "what is not finite is rejected"
ZERO = "a division by zero is rejected; DuckDB divides floats by it"
FITS = "numbers beyond 38 digits are rejected"
ROUNDS = (
    "a number with a fraction is not a whole number: ROUND, FLOOR or TRUNC say which is meant; DuckDB rounds"
)
SPACES = "blanks around a number are rejected: TRIM takes them off"
UNCLEAR = "engines disagree about it"
PADDED = "LPAD and RPAD make at most 4,000 characters, and need a filling"
CASES = "the full case mappings of Unicode (ß is SS, İ is i with a dot above); DuckDB maps single characters"
TEXT_FORMS = "only the ISO forms are read, of the years 1 to 9999"
MARKS = "code points are reversed; DuckDB keeps combining marks behind their letters"
BLANKS = "TRIM without characters takes off all white space; DuckDB takes off blanks"
ALL = "every match is replaced; DuckDB replaces the first"
LITERAL_FORMS = "number texts are digits, a point and an exponent"


FUNCTIONS: dict[str, list[Compared]] = {
    "abs": [Compared("ABS({i})"), Compared("ABS({f})"), Compared("ABS({d})")],
    "ceil": [Compared("CEIL({i})"), Compared("CEIL({f})"), Compared("CEIL({d})")],
    "ceiling": [Compared("CEILING({f})"), Compared("CEILING({d})")],
    "char_length": [Compared("CHAR_LENGTH({t})", "LENGTH({t})")],
    "character_length": [Compared("CHARACTER_LENGTH({t})", "LENGTH({t})")],
    "coalesce": [
        Compared("COALESCE({t}, {p}, '?')"),
        Compared("COALESCE({i}, {d})"),
        Compared("COALESCE({day}, {at})"),
    ],
    "concat": [
        Compared("CONCAT({t}, '-', {p})"),
        Compared("CONCAT({i}, {b}, {f}, {day}, {d})"),
        Compared("CONCAT({t}, {at})"),
    ],
    "concat_ws": [Compared("CONCAT_WS('-', {t}, {p}, {t2})")],
    "date_part": [
        *(
            Compared(f"DATE_PART('{part}', {{{kind}}})")
            for part in ("year", "quarter", "month", "week", "day", "dow", "isodow", "doy", "isoyear")
            for kind in ("day", "at")
        ),
        *(Compared(f"DATE_PART('{part}', {{at}})") for part in ("hour", "minute", "second")),
        Compared("DATE_PART('epoch', {at})", "EPOCH_US({at})::HUGEINT::DECIMAL(30, 6) / 1000000", near=1e-12),
        Compared("DATE_PART('epoch', {day})", near=1e-12),
    ],
    "div": [Compared("DIV({i}, {i2})", "{i} // {i2}"), Compared("DIV({i}, 0)", "{i} // 0")],
    "ends_with": [Compared("ENDS_WITH({t}, {p})")],
    "exp": [Compared("EXP({f})", strict=FINITE, near=1e-14)],
    "extract": [
        Compared("EXTRACT(MONTH FROM {day})"),
        Compared("EXTRACT(SECOND FROM {at})"),
        Compared("EXTRACT(DOY FROM {at})"),
    ],
    "floor": [Compared("FLOOR({i})"), Compared("FLOOR({f})"), Compared("FLOOR({d})")],
    "greatest": [
        Compared("GREATEST({t}, {p})"),
        Compared("GREATEST({i}, {i2}, {n})"),
        Compared("GREATEST({f}, {f2})"),
        Compared("GREATEST({d}, {n})"),
    ],
    "if": [Compared("IF({b}, {t}, {p})"), Compared("IF({i} > 2, {i}, {d})")],
    "ifnull": [Compared("IFNULL({t}, {p})"), Compared("IFNULL({i}, {n})")],
    "initcap": [
        Compared(
            "INITCAP({t})",
            # DuckDB has none: each word by itself.
            "ARRAY_TO_STRING(LIST_TRANSFORM(STRING_SPLIT({t}, ' '), lambda w: UPPER(w[1]) || LOWER(w[2:])), ' ')",
            differs="a word is a run of letters and digits; DuckDB has no INITCAP, its words here end at blanks",
        )
    ],
    "least": [
        Compared("LEAST({t}, {p})"),
        Compared("LEAST({i}, {n})"),
        Compared("LEAST({f}, {f2})"),
        Compared("LEAST({day}, {day2})"),
    ],
    "left": [Compared("LEFT({t}, {n})")],
    "length": [Compared("LENGTH({t})")],
    "ln": [Compared("LN({f})", strict=FINITE, near=1e-14)],
    "lower": [Compared("LOWER({t})", differs=CASES)],
    "lpad": [
        Compared("LPAD({t}, {n}, {p})", "CASE WHEN {n} <= 4000 THEN LPAD({t}, {n}, {p}) END", strict=PADDED),
        Compared("LPAD({t}, 6, '0')"),
    ],
    "ltrim": [
        Compared("LTRIM({t})", differs=BLANKS),
        Compared("LTRIM({t}, '0a')"),
        Compared("TRIM(LEADING ' ' FROM {t})", "LTRIM({t}, ' ')"),
    ],
    "mod": [
        Compared("MOD({i}, {i2})"),
        Compared("MOD({f}, {f2})", strict=FINITE),
        Compared("MOD({d}, {d2})"),
    ],
    "normalize": [Compared("NORMALIZE({t})", "NFC_NORMALIZE({t})")],
    "nullif": [Compared("NULLIF({t}, {p})"), Compared("NULLIF({i}, {n})"), Compared("NULLIF({f}, 0.5)")],
    "octet_length": [Compared("OCTET_LENGTH({t})", "OCTET_LENGTH(ENCODE({t}))")],
    "position": [Compared("POSITION({p} IN {t})"), Compared("POSITION('-' IN {t})")],
    "pow": [
        Compared("POW({f}, {n})", strict=FINITE, near=1e-14),
        Compared("POW({i}, -1)", strict=DIGITS, near=1e-14),
    ],
    "power": [
        Compared(
            "POWER({i}, {n})", strict=f"{FITS}; a negative power of a whole number needs a DOUBLE", near=1e-14
        ),
        Compared("POWER({d}, 2)", near=1e-14),
    ],
    "regexp_like": [
        Compared("REGEXP_LIKE({t}, '^[0-9.]+$')", "REGEXP_MATCHES({t}, '^[0-9.]+$')"),
        Compared("REGEXP_LIKE({t}, 'a|漢')", "REGEXP_MATCHES({t}, 'a|漢')"),
    ],
    "regexp_replace": [
        Compared("REGEXP_REPLACE({t}, '[0-9]+', '#')", "REGEXP_REPLACE({t}, '[0-9]+', '#', 'g')", differs=""),
        Compared("REGEXP_REPLACE({t}, '([a-z])', '<$1>')", "REGEXP_REPLACE({t}, '([a-z])', '<\\1>', 'g')"),
    ],
    "replace": [Compared("REPLACE({t}, {p}, 'é')"), Compared("REPLACE({t}, {p}, '')")],
    "reverse": [Compared("REVERSE({t})", differs=MARKS)],
    "right": [Compared("RIGHT({t}, {n})")],
    "round": [
        Compared("ROUND({i})"),
        Compared("ROUND({i}, -2)", strict=FITS),
        Compared("ROUND({f})"),
        Compared(
            "ROUND({f}, 2)",
            differs="the exact value of the float is rounded; DuckDB multiplies it first",
            near=1e-15,
        ),
        Compared("ROUND({d})"),
        Compared("ROUND({d}, 2)"),
    ],
    "rpad": [
        Compared("RPAD({t}, {n}, {p})", "CASE WHEN {n} <= 4000 THEN RPAD({t}, {n}, {p}) END", strict=PADDED)
    ],
    "rtrim": [Compared("RTRIM({t})", differs=BLANKS), Compared("RTRIM({t}, 'b9')")],
    "sign": [Compared("SIGN({i})"), Compared("SIGN({f})"), Compared("SIGN({d})")],
    "split_part": [
        Compared("SPLIT_PART({t}, {p}, {n})", strict=f"{UNCLEAR}: part 0, and an empty separator")
    ],
    "sqrt": [Compared("SQRT({f})", strict=FINITE), Compared("SQRT({i})", strict=f"{FINITE}; {DIGITS}")],
    "starts_with": [Compared("STARTS_WITH({t}, {p})")],
    "strftime": [
        Compared("STRFTIME({day}, '%Y-%m-%d %j %y %b %B %a %A %u %%')"),
        Compared("STRFTIME({at}, '%d.%m.%Y %H:%M:%S %I %p')"),
    ],
    "strpos": [Compared("STRPOS({t}, {p})"), Compared("STRPOS({t}, '-')")],
    "strptime": [
        Compared("STRPTIME({t}, '%Y-%m-%d')", strict=TEXT_FORMS),
        Compared("STRPTIME(STRFTIME({day}, '%d-%b-%y'), '%d-%b-%y')"),
        Compared("STRPTIME(STRFTIME({at}, '%Y%m%d%H%M%S'), '%Y%m%d%H%M%S')"),
    ],
    "substr": [
        Compared("SUBSTR({t}, {n})", strict=f"{UNCLEAR}: a negative position"),
        Compared("SUBSTR({t}, 2)"),
    ],
    "substring": [
        Compared("SUBSTRING({t}, {n}, {n2})", strict=f"{UNCLEAR}: a negative position or length"),
        Compared("SUBSTRING({t} FROM 2 FOR 2)"),
    ],
    "trim": [
        Compared("TRIM({t})", differs=BLANKS),
        Compared("TRIM({t}, 'a9')"),
        Compared("TRIM(BOTH 'a' FROM {t})", "TRIM({t}, 'a')"),
    ],
    "trunc": [Compared("TRUNC({i})"), Compared("TRUNC({f})"), Compared("TRUNC({d})")],
    "upper": [Compared("UPPER({t})", differs=CASES)],
}
"""The functions that may be called, by name."""

COMPARISONS = [
    Compared(f"{{{a}}} {sign} {{{b}}}", strict=DIGITS if {a, b} == {"i", "f"} else "")
    for sign in ("=", "<>", "<", "<=", ">", ">=")
    for a, b in (
        ("i", "i2"),
        ("i", "f"),
        ("d", "i"),
        ("f", "d"),
        ("t", "p"),
        ("day", "at"),
        ("at", "at2"),
        ("b", "b2"),
    )
]

OPERATORS: list[Compared] = [
    *(Compared(f"{{i}} {sign} {{i2}}") for sign in "+-*"),
    *(Compared(f"{{d}} {sign} {{d2}}") for sign in "+-"),
    Compared("{d} * {d2}", wider="DuckDB keeps 18 digits of a product of decimals"),
    *(Compared(f"{{d}} {sign} {{n}}") for sign in "+-"),
    Compared("{d} * {n}", wider="DuckDB keeps 18 digits of a product of decimals"),
    *(Compared(f"{{f}} {sign} {{f2}}", strict=FINITE) for sign in "+-*/"),
    *(Compared(f"{{f}} {sign} {{n}}", strict=FINITE) for sign in "+-*/"),
    *(Compared(f"{{n}} {sign} {{i}} * {{i2}}", strict=FITS) for sign in "+-"),
    Compared("{i} / {n}", strict=ZERO, near=1e-15),
    Compared("{d} / {d2}", strict=ZERO, near=1e-15),
    Compared("{i} // {n}"),
    Compared("{i} % {n}"),
    Compared("{d} % {d2}"),
    Compared("{n} ** 2", near=1e-15),
    Compared("-{i}"),
    Compared("-{f}"),
    Compared("-{d}"),
    Compared("{t} || {p}"),
    Compared("{t} || {i} || {d} || {f} || {b} || {day}"),
    *COMPARISONS,
    Compared("{b} AND {b2}"),
    Compared("{b} OR {b2}"),
    Compared("NOT {b}"),
    Compared("{b} IS TRUE"),
    Compared("{b} IS NOT FALSE"),
    Compared("{t} IS NULL"),
    Compared("{t} IS NOT NULL"),
    Compared("{t} IS DISTINCT FROM {p}"),
    Compared("{i} IS NOT DISTINCT FROM {n}"),
    Compared("{i} <=> {n}", "{i} IS NOT DISTINCT FROM {n}"),
    Compared("{i} BETWEEN {n} AND {i2}"),
    Compared("{t} NOT BETWEEN 'a' AND {p}"),
    Compared("{t} IN ('a', {p})"),
    Compared("{t} NOT IN ('a', NULL)"),
    *(Compared(f"{{t}} LIKE '{pattern}'") for pattern in ("a%", "_b_", "%", "", "%漢%", "a.c", "[a]", "(a", "%\n%")),
    Compared("{t} NOT LIKE '%a%'"),
    Compared("{t} LIKE '%!%%' ESCAPE '!'"),
    Compared("{t} ILIKE 'A%'"),
    Compared("{t} REGEXP '^a'", "REGEXP_MATCHES({t}, '^a')"),
    Compared("CASE WHEN {i} > 2 THEN {t} WHEN {i} < 0 THEN {p} END"),
    Compared("CASE {t} WHEN 'a' THEN 1 WHEN {p} THEN 2 ELSE {n} END"),
    Compared("CASE WHEN {n} <> 0 THEN {i} % {n} ELSE 0 END"),
    *(
        Compared(f"{{{kind}}} {sign} INTERVAL '{count}' {unit}", strict="years beyond 1 to 9999 are rejected")
        for kind in ("day", "at")
        for sign in "+-"
        for count, unit in ((1, "DAY"), (1, "MONTH"), (400, "YEAR"), (3, "WEEK"), (5, "HOUR"), (90, "SECOND"))
    ),
    Compared("{day} - {day2}", "TO_DAYS(({day} - {day2})::INT)"),
    Compared("{at} - {at2}"),
]  # fmt: skip
"""Operators, CASE and the like."""

CASTS = [
    *(Compared(f"CAST({{i}} AS {name})") for name in ("SMALLINT", "INT", "BIGINT", "VARCHAR", "BOOLEAN", "TINYINT")),
    Compared("CAST({i} AS DOUBLE)", strict=DIGITS),
    Compared("CAST({i} AS DECIMAL(20, 2))"),
    *(Compared(f"CAST({{f}} AS {name})", strict=ROUNDS) for name in ("INT", "BIGINT")),
    Compared("CAST({f} AS VARCHAR)"),
    Compared("CAST({f} AS DECIMAL(18, 2))", differs="the exact value of the float is rounded; DuckDB multiplies it first"),
    *(Compared(f"CAST({{d}} AS {name})", strict=ROUNDS) for name in ("INT", "BIGINT")),
    Compared("CAST({d} AS DOUBLE)"),
    Compared("CAST({d} AS VARCHAR)"),
    Compared("CAST({d} AS DECIMAL(6, 1))"),
    *(Compared(f"CAST({{t}} AS {name})", strict=f"{ROUNDS}; {SPACES}; {LITERAL_FORMS}") for name in ("INT", "BIGINT")),
    Compared("CAST({t} AS DOUBLE)", strict=f"{FINITE}; {SPACES}; {DIGITS}; {LITERAL_FORMS}"),
    Compared("CAST({t} AS DECIMAL(18, 2))", strict=f"{SPACES}; {LITERAL_FORMS}"),
    Compared("CAST({t} AS BOOLEAN)", strict=SPACES),
    Compared("CAST({t} AS DATE)", strict=TEXT_FORMS),
    Compared("CAST({t} AS TIMESTAMP)", strict=TEXT_FORMS),
    Compared("CAST({t} AS TIME)", strict=TEXT_FORMS),
    Compared("CAST({t} AS VARCHAR)"),
    Compared("CAST({t} AS VARCHAR(3))", strict="a text that is longer is rejected; DuckDB keeps it"),
    Compared("TRY_CAST({t} AS INT)", strict="", differs=f"{ROUNDS}; {SPACES}; {LITERAL_FORMS}"),
    Compared("{t}::BIGINT", strict=f"{ROUNDS}; {SPACES}; {LITERAL_FORMS}"),
    *(Compared(f"CAST({{b}} AS {name})") for name in ("INT", "VARCHAR", "DOUBLE")),
    *(Compared(f"CAST({{day}} AS {name})") for name in ("TIMESTAMP", "VARCHAR")),
    *(Compared(f"CAST({{at}} AS {name})") for name in ("DATE", "TIME", "VARCHAR")),
    Compared("{day} >= DATE '2024-01-31'"),
    Compared("{at} < TIMESTAMP '2024-02-29 12:34:56.5'"),
    Compared("{day} = '2000-02-29'"),
]  # fmt: skip
"""Each pair of types."""

ALL_COMPARED = [
    *((name, each) for name, listed in FUNCTIONS.items() for each in listed),
    *(("operator", each) for each in OPERATORS),
    *(("cast", each) for each in CASTS),
]


def same(ours: object, theirs: object, near: float) -> bool:
    """Return whether two values are the same; numbers of different types by their exact values."""
    if isinstance(ours, bool) or isinstance(theirs, bool) or ours is None or theirs is None:
        return ours is theirs
    if isinstance(ours, dt.date) and isinstance(theirs, dt.date):
        return _moment(ours) == _moment(theirs)
    if not isinstance(ours, int | float | Decimal) or not isinstance(theirs, int | float | Decimal):
        return type(ours) is type(theirs) and ours == theirs
    if isinstance(theirs, float) and isinstance(ours, int | Decimal):
        ours = float(ours)
    return ours == theirs or (near > 0 and math.isclose(float(ours), float(theirs), rel_tol=near))


def _moment(day: dt.date) -> dt.datetime:
    return day if isinstance(day, dt.datetime) else dt.datetime(day.year, day.month, day.day)  # noqa: DTZ001
