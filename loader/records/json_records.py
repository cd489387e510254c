"""Assemble columns of texts into records: one JSON object per row, escaped as in a request.

Rules kept here:

1. The bytes are those that ``orjson`` writes for the same keys and values (compact, not ASCII-escaped), then
   escaped again as a JSON string. polars does the work column by column; the tests compare it with orjson.
2. Keys are in the order of the columns. A missing value is omitted, or null if the job asks for that.
3. JSON numbers are copied digit by digit, never through a float.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

import polars as pl

NEEDS_ESCAPE = bytes(range(0x20)) + b'"\\'
"""Characters that must be escaped in a JSON text. orjson leaves all others unchanged, also U+2028 and DEL."""

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
    """The form of a column's texts in a record."""

    TEXT = "in quotes, may need escapes"
    PLAIN = "in quotes, needs no escapes"
    BARE = "without quotes: JSON numbers already"


QUOTE = r"\""
"""A quotation mark of a record inside a request: one byte more than in the record."""


@dataclass(frozen=True, slots=True)
class QuotedTexts:
    """The escaped texts of some rows, without the quotes around them.

    Attributes:
        texts: A column of texts for each key; null where there is no value.
        added_bytes: Number of bytes that escaping for the request added to each row.
    """

    texts: pl.DataFrame
    added_bytes: pl.Series


def quoted_texts(texts: pl.DataFrame, forms: Mapping[str, Form]) -> QuotedTexts:
    """Return texts escaped twice: for the record, and for the request that quotes the record.

    Args:
        texts: A column of texts for each key; null where there is no value.
        forms: The form of each column.
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
    """Return whether any text needs an escape: one search of all texts takes a third of the time."""
    joined = texts.str.join().cast(pl.Binary).item()
    return len(joined.translate(None, NEEDS_ESCAPE)) < len(joined)


def quoted_records(quoted: QuotedTexts, forms: Mapping[str, Form], *, nulls: str) -> pl.DataFrame:
    """Return the record of each row: ``quoted``, and its unescaped ``size`` in bytes.

    Args:
        quoted: The result of `quoted_texts`.
        forms: The form of each column.
        nulls: ``omit`` omits missing values, ``null`` writes them.
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
    """Pieces of an escaped record from left to right; adjacent literals are joined.

    Attributes:
        quotes: Number of quotation marks of each record outside its texts.
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
        """Add the texts of a column between two literals, or ``otherwise`` where a text is missing."""
        text = pl.concat_str(pl.lit(before), pl.col(name), pl.lit(after))
        self._parts.append(text if otherwise is None else text.fill_null(otherwise))
        self.quotes += pl.col(name).is_not_null().cast(pl.Int64) * (before + after).count(QUOTE)

    def joined(self, rows: int) -> pl.Expr:
        """Return the whole record. Every member begins with a comma; the first comma is dropped."""
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
