"""The files of an extract, and the table of each file by its format."""

from collections.abc import Collection, Iterable, Mapping

import polars as pl

from loader.datasets import NEVER_SEND, Dataset
from loader.errors import ExtractError
from loader.extract.find_files import find_files
from loader.extract.path_columns import columns_of_path
from loader.extract.settings import FileSettings
from loader.formats.comma_columns import CommaColumns
from loader.formats.csv.table import CsvTable
from loader.formats.excel.table import ExcelTable
from loader.formats.ndjson.table import NdjsonTable
from loader.formats.parquet.table import ParquetTable
from loader.formats.partitioned import PartitionedTable
from loader.formats.windows import Table
from loader.job import CsvSettings, ExcelSettings
from loader.job.column_rule import FOR_TYPES
from loader.job.sections import STANDARD_INPUT
from loader.mapping.column_sources import MappedColumn
from loader.mapping.mapping import FileMapping, map_file
from loader.mapping.settings import MappingSettings
from loader.model import SourceFile
from loader.sources.files import check_unchanged
from loader.sources.left_out import LeftOut
from loader.sources.local_paths import S3_SCHEME
from loader.sources.stdin import StdinCopy


def files_of(settings: FileSettings, kept: StdinCopy) -> tuple[tuple[SourceFile, ...], list[str]]:
    """Return the files of an extract, and notes for the user.

    Args:
        settings: Which files it has, and how they are read.
        kept: Stores standard input, if the extract names it.

    Raises:
        NothingToLoad: A pattern matches no file, or every file is empty.
        ExtractError: A file, S3 or standard input cannot be read.
    """
    patterns = list(dict.fromkeys(settings.names))
    advice: list[str] = []
    if STANDARD_INPUT in patterns:
        path = str(kept.read())
        patterns[patterns.index(STANDARD_INPUT)] = path
        advice.append(f"Standard input is stored in {path} until the load ends.")
    left_out = LeftOut()
    files = find_files(
        patterns,
        named_format=settings.format,
        s3=settings.s3.client(),
        left_out=left_out,
        delta_version=settings.delta_version,
    )
    return files, [*advice, *left_out.sentences()]


def open_table(
    settings: FileSettings, mapping: MappingSettings | None, dataset: Dataset | None, file: SourceFile
) -> Table:
    """Open one file of an extract.

    Args:
        settings: How it is read.
        mapping: The mapping of its columns, or None if it is still to be drafted.
        dataset: The dataset, or None if its columns are unknown.
        file: The file.

    Raises:
        NothingToLoad: The file is empty; it has not even columns.
        ExtractError: The file cannot be read, or its columns cannot be determined.
    """
    values = columns_of_path(file.path) if settings.partitions else {}
    table: Table
    if file.format == "parquet":
        table = ParquetTable(file)
    elif file.format == "csv":
        table = CsvTable(file, settings.csv)
    elif file.format == "xlsx":
        table = ExcelTable(file, settings.excel)
    else:
        table = _open_ndjson(mapping, dataset, file, values)
    if mapping is not None:
        _tell_uses(mapping, dataset, table, values)
    return PartitionedTable(table, values) if values else table


def _open_ndjson(
    mapping: MappingSettings | None,
    dataset: Dataset | None,
    file: SourceFile,
    path_columns: Collection[str],
) -> NdjsonTable:
    if mapping is None or dataset is None:
        # The columns of a custom dataset are unknown, so a key that appears late may be one of them.
        return NdjsonTable(file)
    # Required columns and columns that the mapping names must be in the first rows: a misspelt name is
    # rejected before anything is sent.
    may_come = [
        column.name
        for column in dataset.columns
        if not column.required
        and column.name not in mapping.rules
        and column.name not in NEVER_SEND
        and column.name not in path_columns
    ]
    return NdjsonTable(file, may_come, leaves_out_unknown=mapping.ignore_unknown)


def _tell_uses(
    settings: MappingSettings, dataset: Dataset | None, table: Table, path_columns: Collection[str]
) -> None:
    """Tell a file with numbers beside texts, or with columns without a name, the use of its columns."""
    has_commas = any(rule.decimal == "," for rule in (settings.defaults, *settings.rules.values()))
    nameless = nameless_of(table)
    may_have_commas = isinstance(table, ExcelTable) or (isinstance(table, NdjsonTable) and has_commas)
    if not may_have_commas and None not in nameless.values():
        return
    schema = {**table.schema, **dict.fromkeys(path_columns, pl.String())}
    mapping = map_file(settings, dataset, table.file, schema, path_columns=path_columns, nameless=nameless)
    if isinstance(table, CsvTable | ExcelTable):
        table.require_empty(mapping.must_be_empty)
    if isinstance(table, ExcelTable | NdjsonTable):
        table.feed_commas(_comma_columns(mapping))
    if isinstance(table, ExcelTable):
        table.feed_text(_sources(column for column in mapping.columns if column.type == "string"))


def nameless_of(table: Table) -> Mapping[str, int | None]:
    """Return the columns of a file that nothing names: row of the first value of each, from 1, or None."""
    inner = table.table if isinstance(table, PartitionedTable) else table
    return inner.nameless if isinstance(inner, CsvTable | ExcelTable) else {}


def _comma_columns(mapping: FileMapping) -> CommaColumns:
    dated = () if mapping.timestamp is None else (mapping.timestamp,)
    every = (*mapping.columns, *mapping.group, *dated)
    commas = _sources(column for column in every if _reads_commas(column))
    others = _sources(column for column in every if not _reads_commas(column))
    filtered = () if mapping.filter is None else mapping.filter.columns
    return CommaColumns(commas, commas & others.union(filtered))


def _reads_commas(column: MappedColumn) -> bool:
    is_number = column.type in FOR_TYPES["decimal"]
    return is_number and column.rule.decimal == "," and column.expression is None


def _sources(columns: Iterable[MappedColumn]) -> frozenset[str]:
    return frozenset(name for column in columns for name in column.source_columns)


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
