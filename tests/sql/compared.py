# ruff: noqa: E501 - a table: one expression a line
"""Expressions of every function and operator, and the values on which they are compared with DuckDB.

``{i}``, ``{f}``, ``{d}``, ``{t}``, ``{p}``, ``{n}``, ``{b}``, ``{day}`` and ``{at}`` stand for columns of values
of one type. A second one of the same type is ``{i2}`` and so on.
"""

import datetime as dt
import math
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

POOLS: dict[str, list[object]] = {
    "i": [0, 1, -1, 2, -7, 7, 100, 2**31 - 1, -(2**31), 2**53, 2**53 + 1, 2**63 - 1, -(2**63)],
    "f": [0.0, -0.0, 0.5, -0.5, 2.5, -2.5, 1.005, 0.1, -7.75, 1e-10, 123456.789, 9.007199254740993e15, 1e300, -1e300],
    "d": [Decimal(each) for each in ("0.000", "1.250", "-1.250", "0.005", "-7.500", "2.500", "999999999999999.999")],
    "t": [
        *("", " ", "a", "abc", "ABC", "Müller-123", "漢字-9", "İß", "e\u0301a", "a\nb", "%", "_a", "a%b", "a\\b", "o'neil x"),
        *("0", "-5", "+5", "5.0", "5.5", "1e3", "1E400", " 7 ", "inf", "nan", "9223372036854775808", "0x10", "1_000"),
        *("2024-02-29", "2023-02-29", "0000-01-01", "2024-02-29 12:34:56.5", "24:00:00", "23:59:59", "true", "no"),
        *("123456789012345678901234567890", "-0.005", "😀x", "\u00a0x\u00a0", "\t x\n", "a,b,,c", "$1"),
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


Row = Mapping[str, Any]
"""The values of a row by column, such as ``{"t": "abc", "n": 5}``."""


@dataclass(frozen=True, slots=True)
class Excuse:
    """A known difference between the engines, and the values for which it holds.

    Attributes:
        why: The rule by which we differ.
        holds: Whether it explains a difference, given the row, our value (None if the row is rejected) and DuckDB's.
    """

    why: str
    holds: Callable[[Row, Any, Any], bool]


@dataclass(frozen=True, slots=True)
class Compared:
    """An expression to be compared.

    Attributes:
        sql: As it stands in a job.
        duckdb: As DuckDB writes it, if it does so in another way.
        strict: Which rows we reject though DuckDB has a value.
        differs: For which rows our value is another one.
        wider: For which rows we have a value where DuckDB raises an error.
        near: By what share floats may differ.
    """

    sql: str
    duckdb: str = ""
    strict: tuple[Excuse, ...] = ()
    differs: tuple[Excuse, ...] = ()
    wider: tuple[Excuse, ...] = ()
    near: float = 0.0


def _has_no_float(number: object) -> bool:
    return isinstance(number, int) and int(float(number)) != number


DIGITS = Excuse(
    "a whole number beyond 2^53 that has no float is rejected",
    lambda row, _, __: any(map(_has_no_float, row.values())),
)
DIGITS_IN_TEXT = Excuse(DIGITS.why, lambda row, _, __: row["t"].isdecimal() and _has_no_float(int(row["t"])))
FINITE = Excuse(
    "what is not finite is rejected",
    lambda _, __, theirs: isinstance(theirs, float) and not math.isfinite(theirs),
)
UNDERFLOW = Excuse(
    "a power that a float has no digits for is rejected; DuckDB gives zero",
    lambda row, _, theirs: (
        theirs == 0 and row["f"] != 0 and abs(row["n"]) * abs(math.log2(abs(row["f"]))) > 1_074
    ),
)
ZERO = Excuse(
    "a division by zero is rejected; DuckDB divides floats by it",
    lambda row, _, __: list(row.values())[-1] == 0,
)
FITS = Excuse("numbers beyond 38 digits are rejected", lambda _, __, theirs: abs(theirs) >= 1e38)
NEGATIVE_POWER = Excuse("a negative power of a whole number needs a DOUBLE", lambda row, _, __: row["n"] < 0)
ROUNDS = Excuse(
    "a number with a fraction is not a whole number: ROUND, FLOOR or TRUNC say which is meant; DuckDB rounds",
    lambda row, _, __: next(iter(row.values())) % 1 != 0,
)
ROUNDS_TEXT = Excuse(
    ROUNDS.why, lambda row, _, __: re.fullmatch(r"[+-]?\d*\.\d*[1-9]\d*", row["t"]) is not None
)
SPACES = Excuse(
    "blanks around a number are rejected: TRIM takes them off",
    lambda row, _, __: row["t"] != row["t"].strip(),
)
LITERAL_FORMS = Excuse(
    "number texts are digits, a point and an exponent",
    lambda row, _, __: re.fullmatch(r"0x[0-9a-f]+|\d+(_\d+)+", row["t"]) is not None,
)
EXPONENT = Excuse(
    "the text of a whole number has no exponent",
    lambda row, _, __: re.fullmatch(r"\d+e\d+", row["t"]) is not None,
)
SPLIT_PARTS = Excuse(
    "engines disagree about part 0, and about an empty separator",
    lambda row, _, __: row["n"] == 0 or not row["p"],
)
NEGATIVE = Excuse(
    "engines disagree about a negative position or length",
    lambda row, _, __: row["n"] < 0 or row.get("n2", 0) < 0,
)
UPPER_CASES = Excuse(
    "the full case mappings of Unicode (ß is SS); DuckDB maps single characters",
    lambda row, ours, _: ours == row["t"].upper() and any(len(each.upper()) > 1 for each in row["t"]),
)
LOWER_CASES = Excuse(
    "the full case mappings of Unicode (İ is i with a dot above); DuckDB maps single characters",
    lambda row, ours, _: ours == row["t"].lower() and any(len(each.lower()) > 1 for each in row["t"]),
)
WORDS = Excuse(
    "a word is a run of letters and digits; DuckDB has no INITCAP, its words here end at blanks",
    lambda row, ours, theirs: (
        ours.lower() == theirs.lower() and re.search(r"([^\w ]|_)[^\W\d_]", row["t"]) is not None
    ),
)
YEARS = Excuse(
    "years beyond 1 to 9999 are rejected; DuckDB's Python hands them over as text",
    lambda _, __, theirs: isinstance(theirs, str),
)
INFINITY = Excuse("infinity is no date", lambda row, _, __: row["t"] == "inf")
DATE_AND_TIME = Excuse(
    "a date with a time is rejected where one of them would be dropped",
    lambda row, _, __: re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d", row["t"]) is not None,
)
DATE_ALONE = Excuse(
    "a date is no time of day; DuckDB takes midnight",
    lambda row, _, theirs: theirs == dt.time() and re.fullmatch(r"\d{4}-\d\d-\d\d", row["t"]) is not None,
)
HOUR_24 = Excuse("there is no hour 24", lambda row, _, __: row["t"] == "24:00:00")
TOO_LONG = Excuse("a text that is longer is rejected; DuckDB keeps it", lambda row, _, __: len(row["t"]) > 3)
MARKS = Excuse(
    "code points are reversed; DuckDB keeps combining marks behind their letters",
    lambda row, ours, _: ours == row["t"][::-1] and any(map(unicodedata.combining, row["t"])),
)
WHITE_SPACE = Excuse(
    "TRIM without characters takes off all white space; DuckDB takes off blanks",
    lambda row, ours, theirs: theirs.strip() == ours.strip() and row["t"].strip() != row["t"].strip(" "),
)
PRODUCT_DIGITS = Excuse(
    "DuckDB keeps 18 digits of a product of decimals",
    lambda _, ours, __: len(ours.as_tuple().digits) > 18,
)

NUMBER_TEXTS = (ROUNDS_TEXT, SPACES, LITERAL_FORMS, EXPONENT)


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
    "exp": [Compared("EXP({f})", strict=(FINITE,), near=1e-14)],
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
            differs=(WORDS,),
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
    "ln": [Compared("LN({f})", strict=(FINITE,), near=1e-14)],
    "lower": [Compared("LOWER({t})", differs=(LOWER_CASES,))],
    "lpad": [
        Compared(
            "LPAD({t}, {n}, {p})", "CASE WHEN {n} <= 4000 THEN LPAD({t}, {n}, {p}) END"
        ),  # we pad no further
        Compared("LPAD({t}, 6, '0')"),
    ],
    "ltrim": [
        Compared("LTRIM({t})", differs=(WHITE_SPACE,)),
        Compared("LTRIM({t}, '0a')"),
        Compared("TRIM(LEADING ' ' FROM {t})", "LTRIM({t}, ' ')"),
    ],
    "mod": [
        Compared("MOD({i}, {i2})"),
        Compared("MOD({f}, {f2})", strict=(FINITE,)),
        Compared("MOD({d}, {d2})"),
    ],
    "normalize": [Compared("NORMALIZE({t})", "NFC_NORMALIZE({t})")],
    "nullif": [Compared("NULLIF({t}, {p})"), Compared("NULLIF({i}, {n})"), Compared("NULLIF({f}, 0.5)")],
    "octet_length": [Compared("OCTET_LENGTH({t})", "OCTET_LENGTH(ENCODE({t}))")],
    "position": [Compared("POSITION({p} IN {t})"), Compared("POSITION('-' IN {t})")],
    "pow": [
        Compared("POW({f}, {n})", strict=(FINITE, UNDERFLOW), near=1e-14),
        Compared("POW({i}, -1)", strict=(DIGITS, FINITE), near=1e-14),
    ],
    "power": [
        Compared("POWER({i}, {n})", strict=(FITS, NEGATIVE_POWER), near=1e-14),
        Compared("POWER({d}, 2)", near=1e-14),
    ],
    "regexp_like": [
        Compared("REGEXP_LIKE({t}, '^[0-9.]+$')", "REGEXP_MATCHES({t}, '^[0-9.]+$')"),
        Compared("REGEXP_LIKE({t}, 'a|漢')", "REGEXP_MATCHES({t}, 'a|漢')"),
    ],
    "regexp_replace": [
        Compared("REGEXP_REPLACE({t}, '[0-9]+', '#')", "REGEXP_REPLACE({t}, '[0-9]+', '#', 'g')"),
        Compared("REGEXP_REPLACE({t}, '([a-z])', '<$1>')", "REGEXP_REPLACE({t}, '([a-z])', '<\\1>', 'g')"),
    ],
    "replace": [Compared("REPLACE({t}, {p}, 'é')"), Compared("REPLACE({t}, {p}, '')")],
    "reverse": [Compared("REVERSE({t})", differs=(MARKS,))],
    "right": [Compared("RIGHT({t}, {n})")],
    "round": [
        Compared("ROUND({i})"),
        Compared("ROUND({i}, -2)"),
        Compared("ROUND({f})"),
        Compared("ROUND({f}, 2)", near=1e-15),
        Compared("ROUND({d})"),
        Compared("ROUND({d}, 2)"),
    ],
    "rpad": [Compared("RPAD({t}, {n}, {p})", "CASE WHEN {n} <= 4000 THEN RPAD({t}, {n}, {p}) END")],
    "rtrim": [Compared("RTRIM({t})", differs=(WHITE_SPACE,)), Compared("RTRIM({t}, 'b9')")],
    "sign": [Compared("SIGN({i})"), Compared("SIGN({f})"), Compared("SIGN({d})")],
    "split_part": [Compared("SPLIT_PART({t}, {p}, {n})", strict=(SPLIT_PARTS,))],
    "sqrt": [Compared("SQRT({f})", strict=(FINITE,)), Compared("SQRT({i})", strict=(FINITE, DIGITS))],
    "starts_with": [Compared("STARTS_WITH({t}, {p})")],
    "strftime": [
        Compared("STRFTIME({day}, '%Y-%m-%d %j %y %b %B %a %A %u %%')"),
        Compared("STRFTIME({at}, '%d.%m.%Y %H:%M:%S %I %p')"),
    ],
    "strpos": [Compared("STRPOS({t}, {p})"), Compared("STRPOS({t}, '-')")],
    "strptime": [
        Compared("STRPTIME({t}, '%Y-%m-%d')", strict=(YEARS,)),
        Compared("STRPTIME(STRFTIME({day}, '%d-%b-%y'), '%d-%b-%y')"),
        Compared("STRPTIME(STRFTIME({at}, '%Y%m%d%H%M%S'), '%Y%m%d%H%M%S')"),
    ],
    "substr": [
        Compared("SUBSTR({t}, {n})", strict=(NEGATIVE,)),
        Compared("SUBSTR({t}, 2)"),
    ],
    "substring": [
        Compared("SUBSTRING({t}, {n}, {n2})", strict=(NEGATIVE,)),
        Compared("SUBSTRING({t} FROM 2 FOR 2)"),
    ],
    "trim": [
        Compared("TRIM({t})", differs=(WHITE_SPACE,)),
        Compared("TRIM({t}, 'a9')"),
        Compared("TRIM(BOTH 'a' FROM {t})", "TRIM({t}, 'a')"),
    ],
    "trunc": [Compared("TRUNC({i})"), Compared("TRUNC({f})"), Compared("TRUNC({d})")],
    "upper": [Compared("UPPER({t})", differs=(UPPER_CASES,))],
}
"""The functions that may be called, by name."""

COMPARISONS = [
    Compared(f"{{{a}}} {sign} {{{b}}}", strict=(DIGITS,) if {a, b} == {"i", "f"} else ())
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
    Compared("{d} * {d2}", wider=(PRODUCT_DIGITS,)),
    *(Compared(f"{{d}} {sign} {{n}}") for sign in "+-"),
    Compared("{d} * {n}", wider=(PRODUCT_DIGITS,)),
    *(Compared(f"{{f}} {sign} {{{other}}}") for sign in "+-" for other in ("f2", "n")),
    *(Compared(f"{{f}} {sign} {{{other}}}", strict=(FINITE,)) for sign in "*/" for other in ("f2", "n")),
    *(Compared(f"{{n}} {sign} {{i}} * {{i2}}") for sign in "+-"),
    Compared("{i} / {n}", strict=(ZERO,), near=1e-15),
    Compared("{d} / {d2}", strict=(ZERO,), near=1e-15),
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
        Compared(
            f"{{{kind}}} {sign} INTERVAL '{count}' {unit}",
            # The last day has room for some hours.
            strict=() if (kind, sign) == ("day", "+") and unit in {"HOUR", "SECOND"} else (YEARS,),
        )
        for kind in ("day", "at")
        for sign in "+-"
        for count, unit in ((1, "DAY"), (1, "MONTH"), (400, "YEAR"), (3, "WEEK"), (5, "HOUR"), (90, "SECOND"))
    ),
    Compared("{day} - {day2}"),
    Compared("{at} - {at2}"),
]  # fmt: skip
"""Operators, CASE and the like."""

CASTS = [
    *(Compared(f"CAST({{i}} AS {name})") for name in ("SMALLINT", "INT", "BIGINT", "VARCHAR", "BOOLEAN", "TINYINT")),
    Compared("CAST({i} AS DOUBLE)", strict=(DIGITS,)),
    Compared("CAST({i} AS DECIMAL(20, 2))"),
    *(Compared(f"CAST({{f}} AS {name})", strict=(ROUNDS,)) for name in ("INT", "BIGINT")),
    Compared("CAST({f} AS VARCHAR)"),
    Compared("CAST({f} AS DECIMAL(18, 2))"),
    *(Compared(f"CAST({{d}} AS {name})", strict=(ROUNDS,)) for name in ("INT", "BIGINT")),
    Compared("CAST({d} AS DOUBLE)"),
    Compared("CAST({d} AS VARCHAR)"),
    Compared("CAST({d} AS DECIMAL(6, 1))"),
    *(Compared(f"CAST({{t}} AS {name})", strict=NUMBER_TEXTS) for name in ("INT", "BIGINT")),
    Compared("CAST({t} AS DOUBLE)", strict=(FINITE, SPACES, DIGITS_IN_TEXT, LITERAL_FORMS)),
    Compared("CAST({t} AS DECIMAL(18, 2))", strict=(SPACES, LITERAL_FORMS)),
    Compared("CAST({t} AS BOOLEAN)"),
    Compared("CAST({t} AS DATE)", strict=(INFINITY, YEARS, DATE_AND_TIME)),
    Compared("CAST({t} AS TIMESTAMP)", strict=(INFINITY, YEARS)),
    Compared("CAST({t} AS TIME)", strict=(DATE_AND_TIME, DATE_ALONE, HOUR_24)),
    Compared("CAST({t} AS VARCHAR)"),
    Compared("CAST({t} AS VARCHAR(3))", strict=(TOO_LONG,)),
    Compared("TRY_CAST({t} AS INT)", differs=NUMBER_TEXTS),
    Compared("{t}::BIGINT", strict=NUMBER_TEXTS),
    *(Compared(f"CAST({{b}} AS {name})") for name in ("INT", "VARCHAR", "DOUBLE")),
    *(Compared(f"CAST({{day}} AS {name})") for name in ("TIMESTAMP", "VARCHAR")),
    *(Compared(f"CAST({{at}} AS {name})") for name in ("DATE", "TIME", "VARCHAR")),
    *(Compared(f"CAST({{at}} AS TIMESTAMP({digits}))", strict=(YEARS,)) for digits in (0, 3)),
    Compared("CAST({at} AS TIMESTAMP(6))"),
    *(Compared(f"CAST({{i}} AS {name})") for name in ("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")),
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
