"""Read the first rows of an extract, as the sample for a drafted job file."""

from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import polars as pl

from loader.errors import NothingToLoad
from loader.extract.settings import FileSettings
from loader.extract.tables import files_of, nameless_of, open_table
from loader.formats.nameless import filled_column_note, with_value
from loader.formats.unread import Unread
from loader.formats.windows import first_rows
from loader.model import SourceFile
from loader.sources.stdin import StdinCopy

DRAFT_SAMPLE_ROWS = 20_000
"""Rows of the sample. Words such as "Date Not Captured" probably occur in them, and reading them takes a
second."""


@dataclass(frozen=True, slots=True)
class ExtractSample:
    """The first rows of an extract, from its first file with rows.

    Attributes:
        frame: The rows, with all columns that can be loaded.
        notes: Sentences about the extract that the user should check.
    """

    frame: pl.DataFrame = field(repr=False)
    notes: tuple[str, ...] = ()


def sample_of(settings: FileSettings, run_dir: Path) -> ExtractSample:
    """Read the first rows of an extract, from the first file that has any.

    Args:
        settings: Which files it has, and how they are read.
        run_dir: Folder for a copy of standard input.

    Raises:
        NothingToLoad: No file was found, or no file has a row.
        ExtractError: A file cannot be read.
    """
    with closing(StdinCopy(run_dir)) as kept:
        files, advice = files_of(settings, kept)
        for file in files:
            sample = _sample_of_file(settings, file)
            if sample is not None:
                return replace(sample, notes=(*advice, *sample.notes))
    raise NothingToLoad("The extract has no rows.", where=files[0].path, next_step="name a file with rows")


def _sample_of_file(settings: FileSettings, file: SourceFile) -> ExtractSample | None:
    """Return the first rows of a file, or None if it has none."""
    try:
        table = open_table(settings, None, None, file)
    except NothingToLoad:
        return None
    nameless = nameless_of(table)
    empty = {name for name, row in nameless.items() if row is None}
    notes = (filled_column_note(file.path, *each) for each in with_value(nameless).items())
    columns = tuple(
        name for name, dtype in table.schema.items() if name not in empty and not isinstance(dtype, Unread)
    )
    first = first_rows(table, columns, DRAFT_SAMPLE_ROWS)
    return None if first is None else ExtractSample(first, (*table.advice, *notes))
