"""Functions of texts: characters are Unicode code points, never bytes."""

import re
from collections.abc import Callable
from functools import cache

import polars as pl

from loader.sql.casts import text_of
from loader.sql.column import BOOLEAN, EXACT, NULL, TEXT, Column, literal, need, per_row
from loader.sql.exact import where
from loader.sql.fault import SqlFault

MAX_TEXT_BYTES = 2**20
"""Maximum length of a text that an expression makes: the size of an event."""

MAX_PADDED = 4_000
"""Maximum number of characters that LPAD or RPAD make: enough for a field of 4,000 characters, Oracle's
widest VARCHAR. 32,768 such rows take 131 MB."""

MAX_PATTERN = 1_000
"""Maximum number of characters of a regular expression or LIKE pattern."""


def texts(column: Column) -> pl.Series:
    """Return the values of a text column.

    Raises:
        SqlFault: It is not a text column.
    """
    return need(column, TEXT).values.cast(pl.String)


def numbers(column: Column) -> pl.Series:
    """Return the values of a column of whole numbers.

    Raises:
        SqlFault: It is not a column of whole numbers.
    """
    if column.kind != NULL and not column.is_whole:
        raise SqlFault(f"whole numbers expected, not {column.kind}")
    return column.values.cast(pl.Int128)


def text_column(values: pl.Series) -> Column:
    """Return texts as a column."""
    return Column(values, TEXT)


def joined(columns: list[Column], separator: str, *, skip_nulls: bool) -> Column:
    """Return the concatenated texts of the columns."""
    parts = [pl.lit(text_of(each)) for each in columns]
    text = pl.select(pl.concat_str(parts, separator=separator, ignore_nulls=skip_nulls)).to_series()
    return text_column(text).failing(*(each.failed for each in columns))


def of_text(compute: Callable[[pl.Series], pl.Series]) -> Callable[..., Column]:
    """Return a function of one text whose result is a text."""
    return lambda text: text_column(compute(texts(text)))


def counted(compute: Callable[[pl.Series], pl.Series]) -> Callable[..., Column]:
    """Return a function of one text whose result is a whole number."""
    return lambda text: Column(compute(texts(text)).cast(pl.Int128), EXACT)


def stripped(strip: Callable[[pl.Series, str | None], pl.Series]) -> Callable[..., Column]:
    """Return a function that strips characters from a text: blanks, or those of a literal."""

    def compute(text: Column, characters: Column | None = None) -> Column:
        off = None if characters is None else str(literal(characters, "the characters to trim"))
        return text_column(texts(text) if off == "" else strip(texts(text), off))

    return compute


def left(text: Column, count: Column) -> Column:
    """Return the first characters; a negative count leaves out that many at the end."""
    return text_column(per_row(lambda each, n: each[:n], texts(text), numbers(count), dtype=pl.String))


def right(text: Column, count: Column) -> Column:
    """Return the last characters; a negative count leaves out that many at the start."""

    def compute(each: str, n: int) -> str:
        return each[-n:] if n < 0 else each[max(len(each) - n, 0) :]

    return text_column(per_row(compute, texts(text), numbers(count), dtype=pl.String))


def substring(text: Column, start: Column, length: Column | None = None) -> Column:
    """Return characters from a position on. A negative position or length fails, as engines disagree."""

    def compute(each: str, first: int, count: int) -> str | None:
        if first < 0 or count < 0:
            return None
        end = first - 1 + count
        return each[max(first - 1, 0) : max(end, 0)]

    lengths = (
        numbers(length)
        if length is not None
        else pl.Series([2**40], dtype=pl.Int128).new_from_index(0, len(text))
    )
    return text_column(per_row(compute, texts(text), numbers(start), lengths, dtype=pl.String))


def padded(*, at_left: bool) -> Callable[..., Column]:
    """Return LPAD or RPAD."""

    def one(each: str, count: int, fill: str) -> str | None:
        if count <= len(each):
            return each[: max(count, 0)]
        if not fill or count > MAX_PADDED:
            return None
        missing = count - len(each)
        filling = (fill * (missing // len(fill) + 1))[:missing]
        return filling + each if at_left else each + filling

    def compute(text: Column, count: Column, fill: Column | None = None) -> Column:
        if isinstance(count.literal, int) and count.literal > MAX_PADDED:
            raise SqlFault(f"LPAD and RPAD make at most {MAX_PADDED:,} characters")
        filling = texts(fill) if fill is not None else pl.Series([" "]).new_from_index(0, len(text))
        return text_column(per_row(one, texts(text), numbers(count), filling, dtype=pl.String))

    return compute


def position(text: Column, part: Column) -> Column:
    """Return the position of a text in another, in characters from 1; 0 if it is not found."""
    found = per_row(lambda each, sought: each.find(sought) + 1, texts(text), texts(part), dtype=pl.Int128)
    return Column(found, EXACT)


def replaced(text: Column, old: Column, new: Column) -> Column:
    """Return texts with every occurrence of a text replaced; an empty text is never found."""

    def compute(each: str, sought: str, instead: str) -> str | None:
        if not sought:
            return each
        size = len(each.encode()) + each.count(sought) * (len(instead.encode()) - len(sought.encode()))
        return each.replace(sought, instead) if size <= MAX_TEXT_BYTES else None

    return text_column(per_row(compute, texts(text), texts(old), texts(new), dtype=pl.String))


def split_part(text: Column, separator: Column, index: Column) -> Column:
    """Return the n-th part of a text, from the end if n is negative; an empty text beyond the last part."""

    def compute(each: str, mark: str, n: int) -> str | None:
        if not n or not mark:
            return None
        parts = each.split(mark)
        return parts[n - 1 if n > 0 else n] if abs(n) <= len(parts) else ""

    return text_column(per_row(compute, texts(text), texts(separator), numbers(index), dtype=pl.String))


def answered(compute: Callable[[str, str], bool]) -> Callable[..., Column]:
    """Return a function that answers a question about two texts."""
    return lambda text, part: Column(per_row(compute, texts(text), texts(part), dtype=pl.Boolean), BOOLEAN)


def _pattern(column: Column, what: str) -> str:
    pattern = str(literal(need(column, TEXT), what))
    if len(pattern) > MAX_PATTERN:
        raise SqlFault(f"{what} may have at most {MAX_PATTERN:,} characters")
    return pattern


def _regular_expression(column: Column) -> str:
    pattern = _pattern(column, "a regular expression")
    try:
        pl.Series([""]).str.contains(pattern)
    except pl.exceptions.PolarsError as error:
        raise SqlFault(
            "its regular expression is not supported (look-around and back-references are not)"
        ) from error
    return pattern


def regexp_like(text: Column, pattern: Column) -> Column:
    """Return whether a regular expression matches any part of a text."""
    return Column(texts(text).str.contains(_regular_expression(pattern)), BOOLEAN)


def regexp_replace(text: Column, pattern: Column, new: Column) -> Column:
    """Return texts with every match replaced; ``$1`` is the first group."""
    instead = str(literal(need(new, TEXT), "the replacement"))
    if re.search(r"\\[0-9]", instead):
        raise SqlFault(r"write a group as $1 or ${1}, not \1")
    values = texts(text).str.replace_all(_regular_expression(pattern), instead)
    return text_column(where(values.str.len_bytes() <= MAX_TEXT_BYTES, values))


def like(text: Column, pattern: Column, escape: Column | None = None, *, any_case: bool = False) -> Column:
    """Return whether a whole text matches a LIKE pattern."""
    mark = str(literal(escape, "the ESCAPE character")) if escape is not None else ""
    if len(mark) > 1:
        raise SqlFault("ESCAPE takes one character")
    expression = like_expression(_pattern(pattern, "a LIKE pattern"), mark)
    return Column(texts(text).str.contains(("(?i)" if any_case else "") + expression), BOOLEAN)


@cache
def like_expression(pattern: str, escape: str) -> str:
    """Return a LIKE pattern as a regular expression.

    Raises:
        SqlFault: The pattern ends with the escape character.
    """
    pieces, characters = [], iter(pattern)
    for each in characters:
        if escape and each == escape:
            following = next(characters, None)
            if following is None:
                raise SqlFault("a LIKE pattern ends with its ESCAPE character")
            pieces.append(re.escape(following))
        else:
            pieces.append({"%": ".*", "_": "."}.get(each) or _escaped(each))
    return r"(?s)\A" + "".join(pieces) + r"\z"


def _escaped(character: str) -> str:
    return re.escape(character) if character.isascii() else character


def capitalized(values: pl.Series) -> pl.Series:
    """Return texts with the first letter of each word in upper case. A word is letters and digits."""
    return per_row(
        lambda text: re.sub(r"[^\W_]+", lambda word: word[0].capitalize(), text), values, dtype=pl.String
    )


def reversed_text(values: pl.Series) -> pl.Series:
    """Return reversed texts, character by character."""
    return per_row(lambda text: text[::-1], values, dtype=pl.String)


def normalized(text: Column, form: Column | None = None) -> Column:
    """Return texts in a Unicode normal form."""
    name = str(form.literal).upper() if form is not None else "NFC"
    if name not in ("NFC", "NFD", "NFKC", "NFKD"):
        raise SqlFault(f"the normal form '{name}' does not exist")
    return text_column(texts(text).str.normalize(name))  # type: ignore[arg-type] # narrowed above
