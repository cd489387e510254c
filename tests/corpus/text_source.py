"""CSV and NDJSON files as Python's own csv and json modules read them."""

import bz2
import csv
import gzip
import json
import lzma
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.corpus.expected import Digits, Nested, OneOf, Reject
from tests.corpus.source import Row

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

UNPACK = (
    (b"\x1f\x8b", gzip.decompress),
    (b"\x28\xb5\x2f\xfd", zstd.decompress),
    (b"BZh", bz2.decompress),
    (b"\xfd7zXZ\x00", lzma.decompress),
)

CODECS = {
    "UTF-8": "utf-8",
    "UTF-16 LE": "utf-16-le",
    "UTF-16 BE": "utf-16-be",
    "UTF-32 LE": "utf-32-le",
    "UTF-32 BE": "utf-32-be",
    "Windows-1252": "cp1252",
    "Latin-1": "latin-1",
}
SEPARATORS = {"tab": "\t"}
SEPARATOR_LINE = re.compile(r'"?sep=(.)"?(\r\n|\r|\n)', re.IGNORECASE)

HEAD_CHARS = 1_000_000
"""How much of an NDJSON file the loader certainly looks at for its keys: it says 2 MiB."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a CSV file is written, as the loader says."""

    separator: str
    quote: str
    line_end: str
    codec: str
    doubled_return: bool

    @classmethod
    def of(cls, words: str) -> "Dialect":
        """Read the loader's words, such as ``CSV, ',' between fields, '"' around them, CRLF, UTF-8``.

        Raises:
            ValueError: They are not of this form.
        """
        match = re.match(
            r"CSV, (?:'(?P<sign>.)'|(?P<word>\w+)) between fields, (?:'(?P<quote>.)' around them|no quotes), "
            r"(?P<end>CR CR LF|CRLF|CR|LF), (?P<codec>[^,]+)",
            words,
        )
        if match is None:
            raise ValueError(f"no dialect: {words}")
        return cls(
            match["sign"] or SEPARATORS[match["word"]],
            match["quote"] or "",
            "\r" if match["end"] == "CR" else "\n",
            CODECS.get(match["codec"], match["codec"]),
            match["end"] == "CR CR LF",
        )


def unpacked(path: Path) -> bytes:
    """Return a file's content, without its compression."""
    content = path.read_bytes()
    unpack = next((unpack for magic, unpack in UNPACK if content.startswith(magic)), None)
    return unpack(content) if unpack else content


def read_csv(content: bytes, dialect: Dialect) -> Iterator[list[str] | None]:
    """Yield the records of a CSV file, header first; None for one that the csv module refuses."""
    text = content.decode(dialect.codec, errors="replace" if "16" in dialect.codec else "surrogateescape")
    text = text.removeprefix("\ufeff").replace("\r\r\n", "\n" if dialect.doubled_return else "\r\r\n")
    if told := SEPARATOR_LINE.match(text):
        text = text[told.end() :]
    csv.field_size_limit(2**30)
    reader = csv.reader(
        iter(re.findall(rf"[^{dialect.line_end}]*{dialect.line_end}|[^{dialect.line_end}]+\Z", text)),
        delimiter=dialect.separator,
        quotechar=dialect.quote or None,
        quoting=csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
        strict=True,
    )
    quoted = re.compile(r'[ \t]+"((?:[^"]|"")*)"[ \t]*') if dialect.quote == '"' else None
    while True:
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield None
        else:
            if record and quoted:  # the module keeps blanks before a quote, and takes the quote for a letter
                record = [_without_blanks(field, quoted, text) for field in record]
            if record:
                yield record


def _without_blanks(field: str, quoted: re.Pattern[str], text: str) -> str:
    """Return the text of a quoted field with blanks around its quotes, unless these are quoted too."""
    match = quoted.fullmatch(field)
    is_quoted = match and '"{}"'.format(field.replace('"', '""')) in text
    return match[1].replace('""', '"') if match and not is_quoted else field


def csv_row(record: list[str] | None, header: list[str]) -> Row:
    """Return a record of a CSV file as a row."""
    columns = len(header)
    if record is None:
        return Row(None, "broken quotes")
    if any("\udc80" <= sign <= "\udcff" for field in record for sign in field):
        return Row(None, "not in the encoding")
    values = [field or None for field in record]
    if len(record) == columns:
        why = "the header again" if record == header else ""
        return Row(values, why if any(record) else "separators only")
    padded = [*values, *[None] * columns][:columns]
    may_be_padded = not any(values[columns:])
    return Row(padded if may_be_padded else None, "another number of fields")


def read_ndjson(content: bytes) -> tuple[tuple[str, ...], list[tuple[tuple[str, Any], ...] | None]]:
    """Return the keys of an NDJSON file's first rows, and each row as pairs (None if it is not an object)."""
    keys: dict[str, None] = {}
    rows: list[tuple[tuple[str, Any], ...] | None] = []
    chars = 0
    for line in content.removeprefix(b"\xef\xbb\xbf").split(b"\n"):
        if not line.strip():
            continue
        row = _object(line)
        chars += len(line)
        if row is not None and chars < HEAD_CHARS:
            keys |= dict.fromkeys(name for name, _ in row)
        rows.append(row)
    return tuple(keys), rows


def _object(line: bytes) -> tuple[tuple[str, Any], ...] | None:
    try:
        row = json.loads(
            line.decode(), parse_int=Digits, parse_float=Digits, parse_constant=_none, object_pairs_hook=tuple
        )
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, tuple) else None


def _none(word: str) -> Any:
    raise ValueError(word)


def ndjson_row(row: tuple[tuple[str, Any], ...] | None, names: tuple[str, ...]) -> Row:
    """Return a row of an NDJSON file."""
    if row is None:
        return Row(None, "no JSON object")
    values = dict(row)
    if len(values) < len(row):
        return Row(None, "a repeated key")
    return Row([_form(values.get(name)) for name in names])


def _form(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return OneOf((Reject("a nested value"), Nested(value)))
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            return Reject("half a surrogate pair")
    return str(value) if isinstance(value, Digits) else value
