"""How a CSV file is written: separator, quote, line end, and the names in its header.

Rules kept here:

1. Nothing about values is guessed: every field is text. Only the line end is looked for, in the head.
2. Lines ended by LF and CRLF are one dialect (a file may mix them); lines ended by a lone CR another.
"""

from collections import Counter
from dataclasses import dataclass

from loader.errors import ExtractError, SettingsError
from loader.extract.csv_records import read_records
from loader.extract.files import opened
from loader.job import CsvSettings

HEAD_BYTES = 2**20
"""How much of a file is looked at to find its line end and its header."""

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Dialect:
    r"""How one CSV file is written.

    Attributes:
        separator: One ASCII character.
        quote: One ASCII character.
        line_end: ``\n`` (LF or CRLF) or ``\r`` (a lone CR).
        columns: The names in the header, all different.
        data_offset: Where the first record after the header begins, in bytes.
    """

    separator: str
    quote: str
    line_end: str
    columns: tuple[str, ...]
    data_offset: int


def read_dialect(path: str, settings: CsvSettings) -> Dialect:
    """Look at the head of a CSV file.

    Raises:
        SettingsError: The separator and the quote cannot be told apart.
        ExtractError: The file cannot be read, or has no usable header.
    """
    _check(settings)
    with opened(path) as handle:
        head = handle.read(HEAD_BYTES)
    mark_bytes = len(BYTE_ORDER_MARK) if head.startswith(BYTE_ORDER_MARK) else 0
    text = head[mark_bytes:]
    line_end = _line_end(text, settings)
    read = read_records(
        text,
        settings.separator,
        settings.quote,
        line_end,
        columns=None,
        at_end=len(head) < HEAD_BYTES,
        most=1,
    )
    header = read.records[0] if read.records else "no line end was found in its first MiB"
    if isinstance(header, str):
        raise _bad_header(path, header)
    return Dialect(
        settings.separator, settings.quote, line_end, _names(path, header), mark_bytes + read.used_bytes
    )


def _check(settings: CsvSettings) -> None:
    for name in ("separator", "quote"):
        character = getattr(settings, name)
        if not character.isascii() or character in "\r\n":
            raise SettingsError(
                f"csv.{name} must be one ASCII character and no line end.", where=f"csv.{name}"
            )
    if settings.separator == settings.quote:
        raise SettingsError("csv.separator and csv.quote must be different characters.", where="csv")


def _line_end(head: bytes, settings: CsvSettings) -> str:
    if settings.line_end != "auto":
        return "\r" if settings.line_end == "cr" else "\n"
    outside_quotes = b"".join(head.split(settings.quote.encode())[::2])
    text = outside_quotes if b"\n" in outside_quotes or b"\r" in outside_quotes else head
    carriage_return, line_feed = text.find(b"\r"), text.find(b"\n")
    if carriage_return < 0 or (0 <= line_feed <= carriage_return + 1):
        return "\n"
    return "\r"


def _names(path: str, header: list[str]) -> tuple[str, ...]:
    names = [name.strip() or f"(column {number})" for number, name in enumerate(header, start=1)]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise _bad_header(path, f"it names more than one column {', '.join(map(repr, twice[:5]))}")
    return tuple(names)


def _bad_header(path: str, why: str) -> ExtractError:
    return ExtractError(
        "The header of the CSV file cannot be used.",
        where=path,
        why=why,
        next_step="The first line must name the columns; see csv.separator, csv.quote and csv.line_end.",
    )
