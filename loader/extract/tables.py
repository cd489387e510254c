"""The table of each file, by its format."""

from loader.datasets import NEVER_SEND, Dataset
from loader.extract.csv_table import CsvTable
from loader.extract.ndjson_table import NdjsonTable
from loader.extract.parquet_table import ParquetTable
from loader.extract.windows import Table
from loader.job import Job
from loader.model import SourceFile


def open_table(job: Job, dataset: Dataset | None, file: SourceFile) -> Table:
    """Open one file of an extract.

    Args:
        job: The job.
        dataset: The dataset it fills, or None if its columns are not known.
        file: The file.

    Raises:
        NothingToLoad: It holds nothing, not even columns.
        ExtractError: It cannot be read, or its columns cannot be told.
    """
    if file.format == "parquet":
        return ParquetTable(file)
    if file.format == "csv":
        return CsvTable(file, job.csv)
    # Columns that need a value must be in the first rows, and so must those that the mapping names: a
    # misspelt name is to be refused before anything is sent.
    may_come = [
        column.name
        for column in (dataset.columns if dataset else ())
        if not column.required and column.name not in job.mapping and column.name not in NEVER_SEND
    ]
    # Of a custom dataset nobody knows which keys it lacks, so a late one may be a column of it.
    return NdjsonTable(file, may_come, leaves_out_unknown=job.ignore_unknown and dataset is not None)
