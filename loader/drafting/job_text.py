"""A drafted job file as TOML with comments. Pure text; of values, only null words and formats appear."""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from loader.datasets import NO_VALUE, Column, Dataset
from loader.drafting.guesses import Guess
from loader.drafting.matching import suggestion
from loader.job import CsvSettings, ExcelSettings, Job
from loader.job.sections import STANDARD_INPUT
from loader.mapping.errors import nearest
from loader.sources.local_paths import S3_SCHEME

_PLAIN_MARKS = (("decimal", "."),)
"""What numbers without any setting are written with."""


@dataclass(frozen=True, slots=True)
class ColumnDraft:
    """A dataset column, its source, and how that is probably to be read.

    Attributes:
        name: The dataset column; empty if the source feeds none.
        type: Its type.
        source: The source column.
        guess: How its texts are probably to be read.
        is_guess: Whether the names differ.
        reason: Why the source was taken, where the names do not show it.
    """

    name: str
    type: str
    source: str
    guess: Guess
    is_guess: bool
    reason: str = ""

    @property
    def rule(self) -> str:
        """The source and how it is read, as the value of a mapping entry."""
        parts = {"formats": self.guess.formats, "null_words": self.guess.null_words}
        entries = [f"{name} = {_one_or_many(texts)}" for name, texts in parts.items() if texts]
        entries += [f"{name} = {_quoted(mark)}" for name, mark in self.guess.marks]
        entries += ["trim = true"] if self.guess.trim else []
        source = _quoted(self.source)
        return f"{{ {', '.join([f'column = {source}', *entries])} }}" if entries else source


def job_text(
    job: Job,
    folder: Path,
    dataset: Dataset,
    *,
    columns: Sequence[ColumnDraft],
    unused: Sequence[ColumnDraft],
    notes: Sequence[str] = (),
) -> str:
    """Return the job file.

    Args:
        job: Extract and event type.
        folder: Folder of the file.
        dataset: The dataset that is filled.
        columns: The columns that have a source.
        unused: Source columns that feed nothing.
        notes: What the user should check about the extract.
    """
    lines = (
        *_head(job, folder),
        *_notes(notes),
        *_group(dataset, columns),
        *_ignore(unused),
        *_file_table("csv", job.csv),
        *_file_table("excel", job.excel),
        "",
        "[mapping]",
        *(line for column in columns for line in _mapped(column)),
        *_without_source(dataset, {column.name for column in columns}, unused),
        *_unused(unused),
    )
    return "\n".join(lines) + "\n"


def _head(job: Job, folder: Path) -> Iterator[str]:
    yield "# A job file for scn-loader, drafted by `scn-loader init` from names and a sample of values:"
    yield '# check every line marked "guess" and fill in what is marked NEEDED. The command "plan" then shows'
    yield "# what a load with this file does, and sends nothing."
    yield ""
    yield f"extract = {_one_or_many([_named_from(folder, name) for name in job.extract])}"
    yield f"event_type = {_quoted(job.event_type)}"
    if job.dataset_arn is not None and job.operation is not None:
        yield f"dataset_arn = {_quoted(job.dataset_arn)}"
        yield f"operation = {_quoted(job.operation)}"
        yield f"instance_id = {_quoted(job.instance_id)}"
    else:
        yield '# instance_id = "..."'
    yield '# region = "..."'


def _notes(notes: Sequence[str]) -> Iterator[str]:
    if notes:
        yield ""
        yield "# What was found in the extract; settings csv.NAME go into a table [csv] of this file."
        # A path may hold a line end: it must not end the comment.
        yield from (f"# - {' '.join(note.split())}" for note in notes)


def _named_from(folder: Path, name: str) -> str:
    """Return what names an extract in a job file of a folder; ``located`` reads it back."""
    if name == STANDARD_INPUT or name.startswith(S3_SCHEME):
        return name
    mark = "@" if name.startswith("@") else ""
    return mark + os.path.relpath(Path(name.removeprefix(mark)).absolute(), folder.absolute())


def _group(dataset: Dataset, columns: Sequence[ColumnDraft]) -> Iterator[str]:
    yield ""
    yield "# Rows of one group arrive in order, groups in parallel. Without group_by, a group is one primary"
    yield f"# key: {', '.join(dataset.primary_key)}."
    # "id" alone would be no better than the key; what it belongs to (an order) is what people group by.
    keys = [each.name for each in columns if each.name in dataset.primary_key]
    yield from (f"# group_by = {_quoted(name)}" for name in sorted(keys, key=lambda name: name == "id")[:1])


def _ignore(unused: Sequence[ColumnDraft]) -> Iterator[str]:
    if unused:
        yield ""
        yield "# Source columns that feed nothing are left out; they are listed at the end."
        yield "ignore_unknown = true"


def _file_table(table: str, settings: CsvSettings | ExcelSettings) -> Iterator[str]:
    """Yield the table of the user's settings for CSV files or workbooks."""
    given = {
        name: getattr(settings, name)
        for name in type(settings).model_fields
        if name in settings.model_fields_set
    }
    if given:
        yield ""
        yield f"[{table}]"
        for name, value in given.items():
            yield f"{name} = {json.dumps(value, ensure_ascii=False)}"


def _mapped(column: ColumnDraft) -> Iterator[str]:
    guess = column.guess
    guessed_parts = {
        "name": column.is_guess,
        "formats": guess.formats,
        "words for no value": guess.null_words,
        "number marks": guess.marks,
        "padding": guess.trim,
    }
    if guess.rivals:
        yield f"# guess: these fit as well, please decide: {', '.join(map(_quoted, guess.rivals))}"
    if guess.unread:
        yield f"# guess: {guess.unread:,} values in the sample are not a valid {column.type}: rejected rows"
    if guess.rival_marks:
        yield "# guess: these marks fit as well and give other numbers, please decide:"
        yield from (
            f"#   {', '.join(f'{name} = {_quoted(mark)}' for name, mark in rival or _PLAIN_MARKS)}"
            for rival in guess.rival_marks
        )
    guesses = [name for name, is_guessed in guessed_parts.items() if is_guessed]
    why = f" ({column.reason})" if column.reason else ""
    comment = f"  # guess: {', '.join(guesses)}{why}" if guesses else ""
    yield f"{column.name} = {column.rule}{comment}"


def _without_source(dataset: Dataset, mapped: set[str], unused: Sequence[ColumnDraft]) -> Iterator[str]:
    left = [column for column in dataset.columns if column.name not in mapped]
    needed = [column for column in left if column.required]
    if needed:
        yield ""
        yield "# Required, and no source was found. Name a column; for a text without any, AWS asks for"
        yield f"# {{ constant = {_quoted(NO_VALUE)} }}."
        yield from (f"# NEEDED: {_suggested(column, unused, suggestion)}" for column in needed)
    if len(left) > len(needed):
        yield ""
        yield "# Optional, and no source was found."
        optional = [column for column in left if not column.required]
        yield from (f"# {_suggested(column, unused, nearest)}" for column in optional)


def _suggested(
    column: Column, unused: Sequence[ColumnDraft], find: Callable[[str, Iterable[str]], str | None]
) -> str:
    """Return an entry for a column without a source, with the source whose name is near, if one is."""
    by_name = {draft.source: draft for draft in unused if column.type in (draft.type, "string")}
    near = find(column.name, by_name)
    if near is None:
        return f'{column.name} = ""  # {column.type}'
    # A text column takes every text: what would be no number, or no date, may be a code.
    rule = by_name[near].rule if column.type != "string" else _quoted(near)
    return f"{column.name} = {rule}  # {column.type}; a name that is near"


def _unused(unused: Sequence[ColumnDraft]) -> Iterator[str]:
    if unused:
        yield ""
        yield "# Source columns that feed nothing, and how they would be read in a column of their type."
        yield from (f"#   {draft.rule}  # {draft.type}" for draft in unused)


def _one_or_many(texts: Sequence[str]) -> str:
    return _quoted(texts[0]) if len(texts) == 1 else _array([_quoted(text) for text in texts])


def _array(texts: Sequence[str]) -> str:
    return f"[{', '.join(texts)}]"


def _quoted(text: str) -> str:
    """Return a TOML basic string: a JSON string in which DEL is escaped, as TOML requires."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
