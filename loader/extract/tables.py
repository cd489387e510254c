"""The files of a job's extract, and the table of each file by its format."""

from collections.abc import Collection

import polars as pl

from loader.datasets import NEVER_SEND, Dataset
from loader.errors import ExtractError
from loader.extract.find_files import find_files
from loader.formats.csv.table import CsvTable
from loader.formats.excel.table import ExcelTable
from loader.formats.ndjson.table import NdjsonTable
from loader.formats.parquet.table import ParquetTable
from loader.formats.partitioned import PartitionedTable
from loader.formats.windows import Table
from loader.job import CsvSettings, ExcelSettings, Job
from loader.job.sections import STANDARD_INPUT
from loader.mapping.mapping import map_file
from loader.model import SourceFile
from loader.sources.files import check_unchanged
from loader.sources.left_out import LeftOut
from loader.sources.local_paths import S3_SCHEME
from loader.sources.partitions import partitions_of
from loader.sources.s3_client import S3Client
from loader.sources.stdin import StdinCopy


def files_of(job: Job, kept: StdinCopy) -> tuple[tuple[SourceFile, ...], list[str]]:
    """Return the files of a job's extract, and notes for the user.

    Args:
        job: The job.
        kept: Stores standard input, if the extract names it.

    Raises:
        NothingToLoad: A pattern matches no file, or every file is empty.
        ExtractError: A file, S3 or standard input cannot be read.
    """
    patterns = list(dict.fromkeys(job.extract))
    advice: list[str] = []
    if STANDARD_INPUT in patterns:
        path = str(kept.read())
        patterns[patterns.index(STANDARD_INPUT)] = path
        advice.append(f"Standard input is stored in {path} until the load ends.")
    s3 = S3Client(job.extract_profile or job.profile, job.region)
    left_out = LeftOut()
    files = find_files(
        patterns,
        named_format=job.format,
        s3=s3,
        left_out=left_out,
        counts_rows=False,
        delta_version=job.delta_version,
    )
    return files, [*advice, *left_out.sentences()]


def open_table(job: Job, dataset: Dataset | None, file: SourceFile, *, is_mapped: bool = True) -> Table:
    """Open one file of an extract.

    Args:
        job: The job.
        dataset: The dataset, or None if its columns are unknown.
        file: The file.
        is_mapped: Whether the job maps its columns; a job that is being drafted does not.

    Raises:
        NothingToLoad: The file is empty; it has not even columns.
        ExtractError: The file cannot be read, or its columns cannot be determined.
    """
    values = partitions_of(file.path) if job.partitions else {}
    table = _open_file(job, dataset, file, values)
    if is_mapped and isinstance(table, ExcelTable):
        table.feed_text(_text_sources(job, dataset, table, values))
    return PartitionedTable(table, values) if values else table


def _open_file(job: Job, dataset: Dataset | None, file: SourceFile, path_columns: Collection[str]) -> Table:
    if file.format == "parquet":
        return ParquetTable(file)
    if file.format == "csv":
        return CsvTable(file, job.csv)
    if file.format == "xlsx":
        return ExcelTable(file, job.excel)
    # Required columns and columns that the mapping names must be in the first rows: a misspelt name is
    # rejected before anything is sent.
    may_come = [
        column.name
        for column in (dataset.columns if dataset else ())
        if not column.required
        and column.name not in job.mapping
        and column.name not in NEVER_SEND
        and column.name not in path_columns
    ]
    # The columns of a custom dataset are unknown, so a key that appears late may be one of them.
    return NdjsonTable(file, may_come, leaves_out_unknown=job.ignore_unknown and dataset is not None)


def _text_sources(
    job: Job, dataset: Dataset | None, table: ExcelTable, path_columns: Collection[str]
) -> frozenset[str]:
    """Return the columns of a sheet that are sources of texts."""
    schema = {**table.schema, **dict.fromkeys(path_columns, pl.String())}
    mapping = map_file(job, dataset, table.file, schema, tuple(path_columns))
    texts = [column for column in mapping.columns if column.type == "string"]
    return frozenset(name for column in texts for name in column.source_columns)


def reopen_table(file: SourceFile, csv: CsvSettings, excel: ExcelSettings) -> Table:
    """Open a file of an earlier load to copy rows from it.

    Args:
        file: The file as stored in the checkpoint.
        csv: The CSV settings, if it is CSV.
        excel: The settings of its sheet, if it is a workbook.

    Raises:
        ExtractError: The file cannot be read, changed, or is not on this machine.
    """
    if file.path.startswith(S3_SCHEME):
        raise ExtractError(
            "The file is not on this machine.",
            where=file.path,
            next_step="run the load again as before: it writes these rows, and sends nothing twice",
        )
    check_unchanged(file)
    if file.format == "parquet":
        return ParquetTable(file)
    if file.format == "xlsx":
        return ExcelTable(file, excel)
    return CsvTable(file, csv) if file.format == "csv" else NdjsonTable(file)
