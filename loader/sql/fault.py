"""Errors for an SQL expression that cannot be used, or for a function with the wrong types."""

from collections.abc import Collection
from difflib import get_close_matches

MOST_TEXT_BYTES = 256 * 2**20
"""Maximum bytes of text that one step may produce from the rows evaluated at a time (at most 32,768)."""


class SqlFault(Exception):
    """An expression that cannot be used. The user sees its text, which contains no value of a row.

    Args:
        why: The fault.
        cure: The remedy.
    """

    def __init__(self, why: str, cure: str = "") -> None:
        super().__init__(why)
        self.why, self.cure = why, cure


class TooMuchText(SqlFault):
    """The texts of a step are too large in total. Fewer rows may still fit."""


_BEYOND_A_ROW = frozenset(
    [
        "any_value",
        "array_agg",
        "avg",
        "count",
        "currval",
        "dense_rank",
        "first",
        "first_value",
        "gen_random_uuid",
        "getdate",
        "lag",
        "last",
        "last_value",
        "lead",
        "listagg",
        "max",
        "median",
        "min",
        "mode",
        "nextval",
        "now",
        "ntile",
        "percent_rank",
        "percentile_cont",
        "rand",
        "random",
        "rank",
        "row_number",
        "string_agg",
        "stddev",
        "sum",
        "sysdate",
        "today",
        "uuid",
        "variance",
    ]
)
"""Functions of several rows, of the time or of chance."""

_SAME_AS = {
    **dict.fromkeys(("nvl", "isnull"), "COALESCE"),
    **dict.fromkeys(("len", "datalength"), "LENGTH"),
    **dict.fromkeys(("instr", "charindex", "locate"), "STRPOS"),
    **dict.fromkeys(("to_date", "to_timestamp", "str_to_date", "parse_date", "parse_datetime"), "STRPTIME"),
    **dict.fromkeys(("to_char", "date_format", "format_date"), "STRFTIME"),
    **dict.fromkeys(("year", "quarter", "month", "week", "day", "hour", "minute", "second"), "EXTRACT"),
    **dict.fromkeys(("datepart", "epoch", "unix_timestamp"), "EXTRACT"),
    **dict.fromkeys(("iif", "decode"), "IF"),
    "ucase": "UPPER",
    "lcase": "LOWER",
    "mid": "SUBSTRING",
    **dict.fromkeys(("regexp_matches", "regexp_contains", "rlike"), "REGEXP_LIKE"),
    **dict.fromkeys(("startswith", "endswith"), "STARTS_WITH or ENDS_WITH"),
    "truncate": "TRUNC",
    **dict.fromkeys(("to_number", "to_decimal", "convert", "try_convert", "int", "str"), "CAST"),
    "max": "GREATEST",
    "min": "LEAST",
}
"""Names of functions in other engines, and what is available instead."""


def unknown_function(name: str, functions: Collection[str]) -> SqlFault:
    """Return the fault for an unknown function: its reason, and the function to use instead."""
    known = name.lower()
    why = f"'{name}' is not a function of expressions"
    if known in _BEYOND_A_ROW:
        why = f"'{name}' depends on more than the values of its row"
    instead = (
        _SAME_AS.get(known) or next(iter(get_close_matches(known, functions, 1, cutoff=0.75)), "").upper()
    )
    cure = f"Use {instead}. " if instead else ""
    listed = ", ".join(each.upper() for each in sorted(functions))
    return SqlFault(why, f"{cure}Available functions: {listed}.")
