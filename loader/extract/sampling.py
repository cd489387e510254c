"""The first rows of an extract, to draft a job file by."""

from contextlib import closing
from dataclasses import dataclass, field

import polars as pl

from loader.errors import NothingToLoad
from loader.extract.csv_table import CsvTable
from loader.extract.files import find_files
from loader.extract.parquet_table import ParquetTable
from loader.extract.windows import Cut, Table
from loader.job import Job
from loader.model import SourceFile

SAMPLE_ROWS = 20_000
"""Enough to meet words such as "Date Not Captured", little enough to take a second."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The first rows of the first file of an extract.

    Attributes:
        file: The file.
        frame: The rows, with all columns.
    """

    file: SourceFile
    frame: pl.DataFrame = field(repr=False)


def sample_of(job: Job) -> Sample:
    """Read the first rows of a job's extract; other files are not looked at.

    Raises:
        NothingToLoad: No file, or no row.
        ExtractError: The file cannot be read.
    """
    file = find_files(job.extract)[0]
    table: Table = ParquetTable(file) if file.format == "parquet" else CsvTable(file, job.csv)
    cut = Cut(tuple(table.schema), SAMPLE_ROWS, SAMPLE_ROWS)
    with closing(table.windows(cut, 0, lambda number: number == 0)) as windows:
        first = next(windows, None)
    if first is None:
        raise NothingToLoad("The extract has no rows.", where=file.path)
    return Sample(file, first.frame)
