"""Find the separator of a CSV file: it must be the only plausible character.

Rules kept here:

1. A separator is plausible if it splits the first record, and the following records into the same number of
   fields.
2. If a second character is nearly as plausible, the loader asks the user. The wrong separator could give
   records that look right but have two values in one field.
"""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace

from loader.errors import ExtractError
from loader.formats.bad_record import RecordFault
from loader.formats.csv.records import read_records
from loader.formats.csv.syntax import Syntax
from loader.formats.titles import TITLE_FACTOR, rows_above_table

SEPARATORS = (",", ";", "\t", "|")

SAMPLE_RECORDS = 200
"""Number of records that are examined."""

NEARLY = 0.9
"""A second separator is plausible if it fits at least this share of the records that the first fits."""

COMMENT = b"#"
"""Usual start of comments in CSV files."""

_WORDS = {"\t": "tab"}


@dataclass(frozen=True, slots=True)
class _Trial:
    """The records as split by one separator.

    Attributes:
        separator: The separator.
        reads_first: Whether the first record can be read.
        splits_first: Whether the first record has more than one field.
        share: Share of the other records (0..1) with as many fields as the first; 1 without other records.
        title_bytes: Length of the records above a table; 0 without such a table.
        pads_title: Whether the first record is a title with empty fields up to the width of the table.
    """

    separator: str
    reads_first: bool
    splits_first: bool
    share: float
    title_bytes: int
    pads_title: bool


def find_separator(
    path: str, text: bytes, syntax: Syntax, *, at_end: bool, has_header: bool = True, skipped_lines: int = 0
) -> str:
    """Return the separator of CSV in UTF-8.

    Args:
        path: The file, for errors.
        text: The head of the file, from its header on.
        syntax: The meaning of the other characters.
        at_end: Whether the file ends with ``text``.
        has_header: Whether the first record names the columns. Without a header, it may lack values.
        skipped_lines: Number of lines of the file before ``text``.

    Raises:
        ExtractError: More than one separator is possible, or the first line differs from the others.
    """
    others = (syntax.quote, syntax.escape, syntax.comment[:1])
    possible = [
        replace(syntax, separator=separator, skips_empty_rows=False)
        for separator in SEPARATORS
        if separator not in others
    ]
    obvious = _obvious(text, possible, at_end=at_end, has_header=has_header)
    if obvious is not None:
        return obvious
    trials = [_try(text, each, at_end=at_end) for each in possible]
    if not any(trial.reads_first for trial in trials):
        return ","  # reading the header will report its fault
    trials.sort(key=lambda trial: (trial.splits_first, trial.share), reverse=True)
    best, next_best = trials[0], trials[1:2]
    if (has_header and best.pads_title) or not best.splits_first or not best.share:
        with_table = next((trial for trial in trials if trial.title_bytes), None)
        if with_table is not None:
            raise _below_titles(path, text, with_table, syntax.line_end, skipped_lines)
        if not best.splits_first:
            return ","
    for second in next_best:
        if second.splits_first and second.share >= NEARLY * best.share:
            both = f"{in_words(best.separator)} and {in_words(second.separator)}"
            raise _unclear(path, f"{both} would both fit")
    return best.separator


def refuse_title(path: str, text: bytes, syntax: Syntax, *, at_end: bool, skipped_lines: int) -> None:
    """Check that CSV whose separator is known begins with its header. The arguments are as above.

    Raises:
        ExtractError: The first line seems to be a title.
    """
    trial = _try(text, replace(syntax, skips_empty_rows=False), at_end=at_end)
    if trial.title_bytes:
        raise _below_titles(path, text, trial, syntax.line_end, skipped_lines)


def in_words(separator: str) -> str:
    """Return the name of a separator for users."""
    return _WORDS.get(separator, f"'{separator}'")


def _obvious(text: bytes, possible: Sequence[Syntax], *, at_end: bool, has_header: bool) -> str | None:
    """Return the separator if two records decide it, or None if more must be examined.

    It is the only candidate in the first record, it splits the second record into as many fields, and most
    fields of the first record have a value. With any other separator, the first record has one field at most,
    so a comparison of all would give the same result.
    """
    first_line = text[: text.find(possible[0].line_end.encode(), 1) + 1] if possible else b""
    for syntax in possible:
        if syntax.separator.encode() not in first_line:
            continue
        read = read_records(text, syntax, columns=None, at_end=at_end, most=2)
        lengths = [len(record) if isinstance(record, list) else 0 for record in read.records]
        if len(lengths) < 2 or lengths[0] < 2 or lengths[0] != lengths[1]:  # noqa: PLR2004 - two of each
            return None
        if has_header and TITLE_FACTOR * _used_fields(read.records[0]) <= lengths[0]:  # perhaps a title
            return None
        start, end = read.places[0]
        found = [each.separator for each in possible if each.separator.encode() in text[start:end]]
        return syntax.separator if found == [syntax.separator] else None
    return None


def _try(text: bytes, syntax: Syntax, *, at_end: bool) -> _Trial:
    read = read_records(text, syntax, columns=None, at_end=at_end, most=1 + SAMPLE_RECORDS)
    lengths = [len(record) if isinstance(record, list) else 0 for record in read.records]
    if read.unclosed and at_end:
        lengths.append(0)
    used = [_used_fields(record) for record in read.records]
    titles = rows_above_table(used)
    first, others = (lengths[0], lengths[1:]) if lengths else (0, [])
    return _Trial(
        separator=syntax.separator,
        reads_first=first > 0,
        splits_first=first > 1,
        share=others.count(first) / len(others) if others else 1.0,
        title_bytes=read.places[titles][0] if titles else 0,
        pads_title=titles > 0 and first > 1 and used[0] < first,
    )


def _used_fields(record: list[str] | RecordFault) -> int:
    """Return the number of fields without the empty ones at the end; 1 if the record cannot be read."""
    if isinstance(record, RecordFault):
        return 1
    return max((number for number, field in enumerate(record, start=1) if field), default=0)


def _below_titles(path: str, text: bytes, table: _Trial, line_end: str, skipped_lines: int) -> ExtractError:
    separator, titles = table.separator, text[: table.title_bytes].split(line_end.encode())[:-1]
    lines = "the first line is a title" if len(titles) == 1 else f"the first {len(titles)} lines are a title"
    choices = [
        (f"--csv-skip-rows {skipped_lines + len(titles)}", lines),
        (
            f"--csv-separator {_WORDS.get(separator) or shlex.quote(separator)}",
            "the first line is the header",
        ),
    ]
    if all(line.startswith(COMMENT) for line in titles if line.strip()):
        mark = COMMENT.decode()
        choices.insert(0, (f"--csv-comment '{mark}'", f"lines that begin with {mark} are comments"))
    return ExtractError(
        "The first line of the CSV file does not seem to be its header.",
        where=path,
        why=f"read with {in_words(separator)} between fields, the first line does not have values in as "
        "many fields as the lines after it",
        next_step="\n  ".join(
            [
                "choose the one that applies (in a job file: skip_rows, comment, separator of [csv]):",
                *(f"{flag:<20}  {reason}" for flag, reason in choices),
            ]
        ),
    )


def _unclear(path: str, why: str) -> ExtractError:
    return ExtractError(
        "The separator of the CSV file is not clear.",
        where=path,
        why=why,
        next_step='set it: separator = ";" in the [csv] table of the job file, or --csv-separator; '
        "if lines come before the header, csv.skip_rows",
    )
