"""Find what separates the fields of a CSV file: it must be the only character that makes sense.

Rules kept here:

1. A separator makes sense if it splits the first record, and the following ones into as many fields.
2. If a second one makes nearly as much sense the user is asked. Taking the wrong one could make records
   that look right and hold two values in one field.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from loader.errors import ExtractError
from loader.formats.csv.records import Syntax, read_records

SEPARATORS = (",", ";", "\t", "|")

SAMPLE_RECORDS = 200
"""How many records are looked at."""

NEARLY = 0.9
"""A second separator that fits this much of what the first fits is too good to be chance."""

WORDS = {"\t": "tab"}


@dataclass(frozen=True, slots=True)
class _Trial:
    """What records are like if they are split by one separator.

    Attributes:
        separator: The separator.
        reads_first: Whether the first record can be read at all.
        splits_first: Whether the first record has more than one field.
        share: How many of the others (0..1) have as many fields as the first; 1 if there are no others.
        splits_others: Whether the others all have the same number of fields, more than one.
    """

    separator: str
    reads_first: bool
    splits_first: bool
    share: float
    splits_others: bool


def find_separator(path: str, text: bytes, syntax: Syntax, *, at_end: bool) -> str:
    """Return the separator of CSV in UTF-8.

    Args:
        path: The file, for errors.
        text: The head of the file, from its header on.
        syntax: What its other characters mean.
        at_end: Whether the file ends with ``text``.

    Raises:
        ExtractError: More than one is possible, or the first line is not like the others.
    """
    others = (syntax.quote, syntax.escape, syntax.comment[:1])
    trials = [
        _try(text, replace(syntax, separator=separator), at_end=at_end)
        for separator in SEPARATORS
        if separator not in others
    ]
    if not any(trial.reads_first for trial in trials):
        return ","  # whoever reads the header tells what is wrong with it
    trials.sort(key=lambda trial: (trial.splits_first, trial.share), reverse=True)
    best, next_best = trials[0], trials[1:2]
    if not best.splits_first or not best.share:
        if any(trial.splits_others for trial in trials):
            raise _unclear(path, "the first line does not have as many fields as the lines after it")
        if not best.splits_first:
            return ","
    for second in next_best:
        if second.splits_first and second.share >= NEARLY * best.share:
            both = f"{in_words(best.separator)} and {in_words(second.separator)}"
            raise _unclear(path, f"{both} would both fit")
    return best.separator


def in_words(separator: str) -> str:
    """Return how people call a separator."""
    return WORDS.get(separator, f"'{separator}'")


def _try(text: bytes, syntax: Syntax, *, at_end: bool) -> _Trial:
    read = read_records(text, syntax, columns=None, at_end=at_end, most=1 + SAMPLE_RECORDS)
    lengths = [len(record) if isinstance(record, list) else 0 for record in read.records]
    if read.unclosed and at_end:
        lengths.append(0)
    first, others = (lengths[0], lengths[1:]) if lengths else (0, [])
    return _Trial(
        separator=syntax.separator,
        reads_first=first > 0,
        splits_first=first > 1,
        share=others.count(first) / len(others) if others else 1.0,
        splits_others=_are_split(others),
    )


def _are_split(lengths: Sequence[int]) -> bool:
    return len(set(lengths)) == 1 and lengths[0] > 1


def _unclear(path: str, why: str) -> ExtractError:
    return ExtractError(
        "What separates the fields of the CSV file is not clear.",
        where=path,
        why=why,
        next_step='Tell it: separator = ";" in the [csv] table of the job file, or --csv-separator; '
        "if lines come before the header, csv.skip_rows.",
    )
