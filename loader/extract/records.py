"""Columns of texts to records: one JSON object per row, as UTF-8 bytes.

Rules kept here:

1. The bytes are those ``orjson`` writes for the same keys and values: compact, not ASCII-escaped. The
   work is done column by column in polars; orjson stays the reference in the tests.
2. Keys come in the order of the columns. A value that is missing is left out, or null if so asked.
3. Numbers that must be JSON numbers go in digit by digit, never through a float.
"""

from collections.abc import Mapping
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


def escaped(texts: pl.DataFrame, forms: Mapping[str, Form]) -> pl.DataFrame:
    """Return texts as they stand in JSON, without the quotes around them.

    Args:
        texts: A column of texts for each key, null where there is no value.
        forms: How the texts of each column stand in a record.
    """
    needing = [name for name in texts.columns if forms[name] is Form.TEXT and _needs_escape(texts[name])]
    return texts.with_columns(
        pl.col(name).str.replace_many(list(ESCAPES), list(ESCAPES.values())) for name in needing
    )


def _needs_escape(texts: pl.Series) -> bool:
    """Return whether any text does: one look at all of them is three times as fast as one at each."""
    joined = texts.str.join().cast(pl.Binary).item()
    return len(joined.translate(None, NEEDS_ESCAPE)) < len(joined)


def json_records(texts: pl.DataFrame, forms: Mapping[str, Form], *, nulls: str) -> pl.Series:
    """Return the record of each row as JSON text.

    Args:
        texts: What `escaped` gives.
        forms: How the texts of each column stand in a record.
        nulls: ``omit`` leaves missing values out, ``null`` writes them.
    """
    parts = _Parts()
    for name in texts.columns:
        quote = "" if forms[name] is Form.BARE else '"'
        key, missing = f',"{name}":', texts[name].null_count()
        if not missing:
            parts.literal(key + quote)
            parts.column(pl.col(name))
            parts.literal(quote)
        elif nulls == "omit":
            if missing < texts.height:
                parts.column(pl.concat_str(pl.lit(key + quote), pl.col(name), pl.lit(quote)))
        elif missing == texts.height:
            parts.literal(key + "null")
        else:
            member = pl.concat_str(pl.lit(key + quote), pl.col(name), pl.lit(quote))
            parts.column(member.fill_null(key + "null"))
    return texts.select(parts.joined(texts.height).alias("record")).to_series()


def json_texts(texts: pl.Series) -> pl.Series:
    """Return each text as a JSON string; null stays null."""
    frame = escaped(texts.alias("text").to_frame(), {"text": Form.TEXT})
    return frame.select(pl.concat_str(pl.lit('"'), pl.col("text"), pl.lit('"'))).to_series()


class _Parts:
    """Pieces of a record from left to right: literals that meet are one piece."""

    def __init__(self) -> None:
        self._parts: list[pl.Expr | str] = []

    def literal(self, text: str) -> None:
        if self._parts and isinstance(self._parts[-1], str):
            self._parts[-1] += text
        elif text:
            self._parts.append(text)

    def column(self, texts: pl.Expr) -> None:
        self._parts.append(texts)

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
