"""The SQL that may stand in a job: words whose value is a function of the row alone.

Rules kept here:

1. The words are listed, not guessed: polars' own ``is_row_separable`` says yes to ``q - MIN(q)`` and to
   ``NOW()``. The tests hold each listed function to its promise on whole and split frames.
2. Functions that infer a format from the column's first value (``DATE(text)``, ``TIMESTAMP(text)``) are not
   listed: what they give for a row depends on other rows. ``STRPTIME(text, format)`` is.
"""

import re
from collections.abc import Collection


def _words(listed: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", listed))


FUNCTIONS = _words("""
    char_length character_length concat concat_ws ends_with initcap left length lower lpad ltrim normalize
    octet_length position regexp_like regexp_replace replace reverse right rpad rtrim split_part starts_with
    strpos substr substring trim upper
    abs ceil ceiling div exp floor ln mod pow power round sign sqrt trunc
    date_part extract strftime strptime
    coalesce greatest if ifnull least nullif
""")

CALLABLE_KEYWORDS = _words("""
    and between case cast char decimal else from for ilike in is like not numeric or regexp rlike then
    try_cast varchar when
""")
"""Words that are no functions although a parenthesis may follow."""

KEYWORDS = CALLABLE_KEYWORDS | _words("""
    as both distinct end false interval leading null trailing true
    bigint boolean date double float int integer real smallint string text time timestamp tinyint unsigned
    day dow doy hour minute month quarter second week year
""")

TOKENS = re.compile(
    r"""
    (?P<text>'(?:[^']|'')*')
  | (?P<comment>--[^\n]*|/\*.*?\*/)
  | (?P<quoted>"(?:[^"]|"")*"|`[^`]*`)(?P<quoted_call>\s*\()?
  | (?P<number>[0-9][0-9.]*(?:[eE][+-]?[0-9]+)?)
  | (?P<word>\w+)(?P<call>\s*\()?
    """,
    re.VERBOSE | re.DOTALL,
)


def unknown_word(sql: str, columns: Collection[str]) -> str | None:
    """Return the first word that may not stand in a job's SQL, or None.

    Args:
        sql: The expression.
        columns: The source columns it reads.
    """
    for token in TOKENS.finditer(sql):
        after_dot = sql[: token.start()].rstrip().endswith(".")
        if token["comment"] is not None:
            return "--"
        if token["quoted_call"] is not None:
            return token["quoted"]
        word = token["word"]
        if word is not None and not _known(word, columns, called=token["call"] is not None, field=after_dot):
            return word
    return None


def _known(word: str, columns: Collection[str], *, called: bool, field: bool) -> bool:
    lower = word.lower()
    if called:
        return lower in FUNCTIONS or lower in CALLABLE_KEYWORDS
    return word in columns or field or lower in KEYWORDS
