"""Columns of texts to records: one JSON object per row, quoted as a request carries it.

Rules kept here:

1. The bytes are those ``orjson`` writes for the same keys and values: compact, not ASCII-escaped; and then
   for the whole as a string. The work is done column by column in polars; orjson stays the reference in
   the tests.
2. Keys come in the order of the columns. A value that is missing is left out, or null if so asked.
3. Numbers that must be JSON numbers go in digit by digit, never through a float.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

import polars as pl

NEEDS_ESCAPE = bytes(range(0x20)) + b'"\\'
"""What JSON does not allow in a text. orjson leaves everything else, U+2028 and DEL included, as it is."""

ESCAPES = {chr(code): f"\\u{code:04x}" for code in range(0x20)} | {
    "\b": r"\b",
    "\t": r"\t",
    "\n": r"\n",
    "\f": r"\f",
    "\r": r"\r",
    '"': r"\"",
    "\\": r"\\",
}


class Form(Enum):
    """How the texts of a column stand in a record."""

    TEXT = "in quotes, any character possible"
    PLAIN = "in quotes, known to need no escape"
    BARE = "without quotes: JSON numbers already"


QUOTE = r"\""
"""A quotation mark of a record that is quoted itself: one byte more than the record has."""


@dataclass(frozen=True, slots=True)
class QuotedTexts:
    """The texts of some rows as they stand in quoted records, without the quotes around them.

    Attributes:
        texts: A column of texts for each key, null where there is no value.
        added_bytes: By how much the quoting of a row's texts made them longer.
    """

    texts: pl.DataFrame
    added_bytes: pl.Series


def quoted_texts(texts: pl.DataFrame, forms: Mapping[str, Form]) -> QuotedTexts:
    """Return texts as they stand in quoted records: escaped for the record, and once more for its quoting.

    Args:
        texts: A column of texts for each key, null where there is no value.
        forms: How the texts of each column stand in a record.
    """
    needing = [name for name in texts.columns if forms[name] is Form.TEXT and _needs_escape(texts[name])]
    if not needing:
        return QuotedTexts(texts, pl.repeat(0, texts.height, dtype=pl.Int64, eager=True))
    once = texts.select(_escaped(pl.col(needing)))
    twice = once.select(_escaped(pl.all()))
    added = [(twice[name].str.len_bytes() - once[name].str.len_bytes()).cast(pl.Int64) for name in needing]
    return QuotedTexts(texts.with_columns(twice), pl.select(pl.sum_horizontal(added)).to_series())


def _escaped(texts: pl.Expr) -> pl.Expr:
    return texts.str.replace_many(list(ESCAPES), list(ESCAPES.values()))


def _needs_escape(texts: pl.Series) -> bool:
    """Return whether any text does: one look at all of them is three times as fast as one at each."""
    joined = texts.str.join().cast(pl.Binary).item()
    return len(joined.translate(None, NEEDS_ESCAPE)) < len(joined)


def quoted_records(quoted: QuotedTexts, forms: Mapping[str, Form], *, nulls: str) -> pl.DataFrame:
    """Return the record of each row: ``quoted``, and its ``size`` in bytes before it was.

    Args:
        quoted: What `quoted_texts` gives.
        forms: How the texts of each column stand in a record.
        nulls: ``omit`` leaves missing values out, ``null`` writes them.
    """
    texts, parts = quoted.texts, _Parts()
    for name in texts.columns:
        quote = "" if forms[name] is Form.BARE else QUOTE
        key, missing = f",{QUOTE}{name}{QUOTE}:", texts[name].null_count()
        if not missing:
            parts.literal(key + quote)
            parts.column(pl.col(name))
            parts.literal(quote)
        elif nulls == "omit":
            if missing < texts.height:
                parts.member(name, key + quote, quote)
        elif missing == texts.height:
            parts.literal(key + "null")
        else:
            parts.literal(key)
            parts.member(name, quote, quote, otherwise="null")
    records = texts.select(parts.joined(texts.height).alias("quoted"), parts.quotes.alias("quotes"))
    size = pl.col("quoted").str.len_bytes().cast(pl.Int64) - pl.col("quotes") - quoted.added_bytes
    return records.select(pl.col("quoted").cast(pl.Binary), size.alias("size"))


def json_texts(texts: pl.Series) -> pl.Series:
    """Return each text as a JSON string; null stays null."""
    name = pl.col(texts.name)
    return texts.to_frame().select(pl.concat_str(pl.lit('"'), _escaped(name), pl.lit('"'))).to_series()


class _Parts:
    """Pieces of a quoted record from left to right: literals that meet are one piece.

    Attributes:
        quotes: How many quotation marks each record has, outside its texts.
    """

    def __init__(self) -> None:
        self.quotes = pl.lit(0, pl.Int64)
        self._parts: list[pl.Expr | str] = []

    def literal(self, text: str) -> None:
        self.quotes += text.count(QUOTE)
        if self._parts and isinstance(self._parts[-1], str):
            self._parts[-1] += text
        elif text:
            self._parts.append(text)

    def column(self, texts: pl.Expr) -> None:
        self._parts.append(texts)

    def member(self, name: str, before: str, after: str, *, otherwise: str | None = None) -> None:
        """Add the texts of a column between two literals, or the replacement for a missing one."""
        text = pl.concat_str(pl.lit(before), pl.col(name), pl.lit(after))
        self._parts.append(text if otherwise is None else text.fill_null(otherwise))
        self.quotes += pl.col(name).is_not_null().cast(pl.Int64) * (before + after).count(QUOTE)

    def joined(self, rows: int) -> pl.Expr:
        """Return the whole record: every member begins with a comma, and the first one is dropped."""
        if all(isinstance(part, str) for part in self._parts):
            members = self._parts[0] if self._parts else ","
            return pl.repeat("{" + str(members)[1:] + "}", rows)
        first = self._parts[0]
        if isinstance(first, str):
            self._parts[0] = "{" + first[1:]
            self.literal("}")
            return self._concatenated()
        return pl.concat_str(pl.lit("{"), self._concatenated().str.slice(1), pl.lit("}"))

    def _concatenated(self) -> pl.Expr:
        pieces = [pl.lit(part) if isinstance(part, str) else part for part in self._parts]
        return pl.concat_str(pieces, ignore_nulls=True)
