"""Write a drafted job file as TOML with comments. Pure. The only values in it are words for "no value"."""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from loader.datasets import NO_VALUE, Column, Dataset
from loader.drafting.guesses import Guess
from loader.drafting.matching import suggestion
from loader.extract.settings import FileSettings
from loader.job import CsvSettings, ExcelSettings
from loader.job.sections import STANDARD_INPUT
from loader.mapping.errors import nearest
from loader.model import Destination
from loader.report.figures import counted
from loader.sources.local_paths import S3_SCHEME

_PLAIN_MARKS = (("decimal", "."),)
"""The default notation of numbers, for comments."""


@dataclass(frozen=True, slots=True)
class ColumnDraft:
    """A dataset column, its source, and the probable notation of the source.

    Attributes:
        name: The dataset column; empty if the source is not mapped.
        type: Type of the dataset column; the guessed type if the source is not mapped.
        source: The source column.
        guess: Probable notation of its texts.
        is_guess: Whether the names differ.
        reason: Why the source was taken, if the names differ.
    """

    name: str
    type: str
    source: str
    guess: Guess
    is_guess: bool
    reason: str = ""

    @property
    def rule(self) -> str:
        """The source and its notation, as the value of a mapping entry in TOML."""
        parts = {"formats": self.guess.formats, "null_words": self.guess.null_words}
        entries = [f"{name} = {_one_or_many(texts)}" for name, texts in parts.items() if texts]
        entries += [f"{name} = {_quoted(mark)}" for name, mark in self.guess.marks]
        entries += ["trim = true"] if self.guess.trim else []
        source = _quoted(self.source)
        return f"{{ {', '.join([f'column = {source}', *entries])} }}" if entries else source


@dataclass(frozen=True, slots=True)
class ExtractDraft:
    """What a job file states about its extract.

    Attributes:
        files: The extract, and how it is read.
        destination: The target of its records.
        notes: Sentences about the extract that the user should check.
    """

    files: FileSettings
    destination: Destination
    notes: Sequence[str] = ()


def job_text(
    extract: ExtractDraft,
    dataset: Dataset,
    folder: Path,
    *,
    columns: Sequence[ColumnDraft],
    unused: Sequence[ColumnDraft],
) -> str:
    """Return the job file.

    Args:
        extract: What it states about its extract.
        dataset: The dataset of the records.
        folder: Folder of the file.
        columns: The dataset columns that have a source.
        unused: Source columns that are not mapped.
    """
    files = extract.files
    lines = (
        *_head(files.names, extract.destination, folder),
        *_notes(extract.notes),
        *_group(dataset, columns),
        *_ignore(unused),
        *_file_table("csv", files.csv),
        *_file_table("excel", files.excel),
        "",
        "[mapping]",
        *(line for column in columns for line in _mapped(column)),
        *_without_source(dataset, {column.name for column in columns}, unused),
        *_unused(unused),
    )
    return "\n".join(lines) + "\n"


def _head(names: Sequence[str], destination: Destination, folder: Path) -> Iterator[str]:
    yield "# A job file for scn-loader, drafted by `scn-loader init` from names and a sample of values:"
    yield '# check each line marked "guess", fill in each line marked NEEDED. The command "plan" then shows'
    yield "# what a load with this file would do. It sends nothing."
    yield ""
    yield f"extract = {_one_or_many([_named_from(folder, name) for name in names])}"
    yield f"event_type = {_quoted(destination.event_type)}"
    if destination.dataset_arn is not None and destination.operation is not None:
        yield f"dataset_arn = {_quoted(destination.dataset_arn)}"
        yield f"operation = {_quoted(destination.operation)}"
        yield f"instance_id = {_quoted(destination.instance_id)}"
    else:
        yield '# instance_id = "..."'
    yield '# region = "..."'


def _notes(notes: Sequence[str]) -> Iterator[str]:
    if notes:
        yield ""
        yield "# Notes about the extract. Settings csv.NAME belong to the table [csv] of this file."
        # A path may contain a line end, which must not end the comment.
        yield from (f"# - {' '.join(note.split())}" for note in notes)


def _named_from(folder: Path, name: str) -> str:
    """Return the name of an extract in a job file. A local path is relative to the folder of the file."""
    if name == STANDARD_INPUT or name.startswith(S3_SCHEME):
        return name
    mark = "@" if name.startswith("@") else ""
    return mark + os.path.relpath(Path(name.removeprefix(mark)).absolute(), folder.absolute())


def _group(dataset: Dataset, columns: Sequence[ColumnDraft]) -> Iterator[str]:
    yield ""
    yield "# Rows of one group are sent in order, groups in parallel. Without group_by, each primary key is"
    yield f"# a group: {', '.join(dataset.primary_key)}."
    # The order of a line is a better group than "id", which is often unique in each row.
    keys = [each.name for each in columns if each.name in dataset.primary_key]
    yield from (f"# group_by = {_quoted(name)}" for name in sorted(keys, key=lambda name: name == "id")[:1])


def _ignore(unused: Sequence[ColumnDraft]) -> Iterator[str]:
    if unused:
        yield ""
        yield "# Source columns that are not mapped are left out. They are listed at the end."
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
        rivals = ", ".join(map(_quoted, guess.rivals))
        yield f"# guess: these formats fit equally well, choose one: {rivals}"
    if guess.unread:
        invalid = counted(guess.unread, "invalid value")
        yield f"# guess: the sample has {invalid} for a {column.type}; a load rejects such rows"
    if guess.rival_marks:
        yield "# guess: these marks fit equally well but give different numbers, choose one:"
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
        yield "# Required, and no source was found. Name a column. If a string has no source, AWS requires"
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
    """Return an entry for a column without a source. It names a source with a similar name, if any."""
    by_name = {draft.source: draft for draft in unused if column.type in (draft.type, "string")}
    near = find(column.name, by_name)
    if near is None:
        return f'{column.name} = ""  # {column.type}'
    # A string column accepts each text, so the guessed notation of numbers and dates is left out.
    rule = by_name[near].rule if column.type != "string" else _quoted(near)
    return f"{column.name} = {rule}  # {column.type}; a similar name"


def _unused(unused: Sequence[ColumnDraft]) -> Iterator[str]:
    if unused:
        yield ""
        yield "# Source columns that are not mapped, with a rule for a dataset column of the type at the end."
        yield from (f"#   {draft.rule}  # {draft.type}" for draft in unused)


def _one_or_many(texts: Sequence[str]) -> str:
    return _quoted(texts[0]) if len(texts) == 1 else _array([_quoted(text) for text in texts])


def _array(texts: Sequence[str]) -> str:
    return f"[{', '.join(texts)}]"


def _quoted(text: str) -> str:
    """Return a TOML basic string: a JSON string in which DEL is escaped, as TOML requires."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
