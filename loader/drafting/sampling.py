"""Read the first rows of an extract, as the sample for a drafted job file."""

from contextlib import closing
from dataclasses import dataclass, field

import polars as pl

from loader.errors import NothingToLoad
from loader.extract.tables import files_of, open_table
from loader.formats.unread import Unread
from loader.formats.windows import first_rows
from loader.job import Job, run_dir_of
from loader.model import SourceFile
from loader.sources.stdin import StdinCopy

DRAFT_SAMPLE_ROWS = 20_000
"""Rows of the sample. Words such as "Date Not Captured" probably occur in them, and reading them takes a
second."""


@dataclass(frozen=True, slots=True)
class ExtractSample:
    """The first rows of the first file of an extract.

    Attributes:
        file: The file.
        frame: The rows, with all columns that can be loaded.
        notes: Sentences about the extract that the user should check.
    """

    file: SourceFile
    frame: pl.DataFrame = field(repr=False)
    notes: tuple[str, ...] = ()


def sample_of(job: Job) -> ExtractSample:
    """Read the first rows of the first file of a job's extract.

    Raises:
        NothingToLoad: No file was found, or the file has no row.
        ExtractError: The file cannot be read.
    """
    with closing(StdinCopy(run_dir_of(job))) as kept:
        files, advice = files_of(job, kept)
        file = files[0]
        table = open_table(job, None, file, is_mapped=False)
        columns = tuple(name for name, dtype in table.schema.items() if not isinstance(dtype, Unread))
        first = first_rows(table, columns, DRAFT_SAMPLE_ROWS)
    if first is None:
        raise NothingToLoad("The extract has no rows.", where=file.path)
    return ExtractSample(file, first, (*advice, *table.advice))
