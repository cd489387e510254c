r"""Detect files of tables whose metadata, not their folder, states which files and rows count.

Rules kept here:

1. Such files are rejected, whether a file, a folder or a glob was named. Read as plain files, they would give
   rows that were deleted or replaced, or that a failed job left behind. `delta_table` reads a Delta table
   whose own folder was named.
2. The marks of a format are as narrow as its names permit, so that folders of plain files are not rejected.
3. Databricks writes ``_started_N`` and ``_committed_N`` into folders of plain files too. There the names of
   added and removed files decide: such a folder is rejected only if a file does not count.
"""

import json
import re
import shlex
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from loader.errors import ExtractError
from loader.sources.delta_table import DELTA_LOG, can_read_delta
from loader.sources.partitions import PRIVATE_PREFIXES


class Storage(Protocol):
    """Where the files are: this machine or S3."""

    def names(self, prefixes: Sequence[str]) -> Iterable[Sequence[str]]:
        """Yield for each prefix the names (last parts) of the files whose paths begin with it.

        A prefix without files, or whose folder cannot be listed, has no names.
        """

    def content(self, path: str) -> bytes:
        """Return the content of a small file.

        Raises:
            OSError: The file on this machine cannot be read.
            ExtractError: The object cannot be read.
        """


@dataclass(frozen=True, slots=True)
class TableFormat:
    """The marks of a table format, and how to export its rows.

    Attributes:
        name: The name of the format for messages.
        metadata: What states which rows are current, for messages.
        start: The start of the path of a metadata file, below the table's folder; empty if folders or files
            of the table have names of their own.
        mark: The pattern of the name of a metadata file, or of a folder or file of the table.
        exported: How to export the rows; ``{folder}`` is the folder of the table.
        query: A command that does so, or empty.
    """

    name: str
    metadata: str
    start: str
    mark: str
    exported: str
    query: str = ""


_DUCKDB = "export its current rows, for example with DuckDB, and load the file:"
_COPY = "COPY (FROM {function}('{{folder}}')) TO 'rows.parquet'"

FORMATS_WITH_METADATA = (
    TableFormat("Delta Lake", DELTA_LOG, f"{DELTA_LOG}/", "", _DUCKDB, _COPY.format(function="delta_scan")),
    TableFormat(
        "Apache Iceberg",
        "metadata",
        "metadata/",
        r".*\.metadata\.json",
        _DUCKDB,
        _COPY.format(function="iceberg_scan"),
    ),
    TableFormat(
        "Apache Hudi",
        ".hoodie",
        ".hoodie/",
        "",
        "export its current rows, for example with Spark, and load those files",
    ),
    TableFormat(
        "Spark Structured Streaming",
        "_spark_metadata",
        "_spark_metadata/",
        r"\d+(\.compact)?$",
        "export its rows with Spark, which reads the log of a folder, and load those files; or copy the "
        "files to another folder if each of them counts",
    ),
    TableFormat(
        "Apache Paimon",
        "snapshot",
        "snapshot/snapshot-",
        r"snapshot-\d+$",
        "export its current rows, for example with Spark or Flink, and load those files",
    ),
    TableFormat(
        "Lance",
        "_versions",
        "_versions/",
        r".*\.manifest$",
        "export its current rows, for example as Parquet with pylance, and load the file",
    ),
)
"""Formats with a folder of metadata in the table's folder."""

HIVE_ACID = TableFormat(
    "Hive ACID",
    "the metastore",
    "",
    r"(base|(delete_)?delta_\d{7})_\d{7}(_\d{4})?(_v\d{7})?$",
    "export its current rows with Hive (INSERT OVERWRITE DIRECTORY ... SELECT), and load those files",
)
"""Its folders have names that end in numbers of seven digits; a date has six or eight."""

DUCKLAKE = TableFormat(
    "DuckLake",
    "its catalog",
    "",
    r"ducklake-[0-9a-f]{8}-[0-9a-f-]{27}(-delete)?\.parquet$",
    "export its current rows with DuckDB (ATTACH the catalog, then COPY ... TO 'rows.parquet'), and load "
    "the file",
)
"""Its files have names of their own; the catalog is a database elsewhere."""

_TRANSACTION = re.compile(r"-tid-(\d+)-")
"""The transaction of a file that Databricks wrote."""


def refuse_tables(paths: Iterable[str], storage: Storage, top: str) -> None:
    """Raise an error if a file belongs to a table.

    Args:
        paths: The files. A path that ends with a slash is a folder.
        storage: Where the files are.
        top: The folder above which no table is searched: a prefix of all paths.

    Raises:
        ExtractError: A folder above a file is a table of such a format, or a file is a part of one.
    """
    folders: dict[str, None] = {}
    transactions: defaultdict[str, list[str]] = defaultdict(list)
    for path in paths:
        folder, _, name = path.rpartition("/")
        if re.match(DUCKLAKE.mark, name):
            raise _table(folder, DUCKLAKE)
        if _TRANSACTION.search(name):
            transactions[folder].append(name)
        while len(folder) > len(top) and folder not in folders:
            above, _, last = folder.rpartition("/")
            if re.match(HIVE_ACID.mark, last):
                raise _table(above, HIVE_ACID)
            if not last.startswith(PRIVATE_PREFIXES):
                folders[folder] = None
            folder = above
    _refuse_folders_with_metadata(folders, storage)
    _refuse_uncommitted(transactions, storage)


def _refuse_folders_with_metadata(folders: Iterable[str], storage: Storage) -> None:
    pairs = [(folder, each) for folder in folders for each in FORMATS_WITH_METADATA]
    listed = storage.names([f"{folder}/{each.start}" for folder, each in pairs])
    for (folder, each), names in zip(pairs, listed, strict=True):
        if any(re.match(each.mark, name) for name in names):
            raise _table(folder, each)


def _refuse_uncommitted(files_in: Mapping[str, Sequence[str]], storage: Storage) -> None:
    """Raise an error if a file of a folder was never committed, or was removed later."""
    folders = list(files_in)
    started = storage.names([f"{folder}/_started_" for folder in folders])
    committed = storage.names([f"{folder}/_committed_" for folder in folders])
    for folder, starts, commits in zip(folders, started, committed, strict=True):
        removed: set[str] = set()
        for commit in commits:
            removed |= _removed(storage.content(f"{folder}/{commit}"))
        for name in files_in[folder]:
            transaction = _TRANSACTION.findall(name)[-1]
            is_open = f"_started_{transaction}" in starts and f"_committed_{transaction}" not in commits
            if is_open or name in removed:
                raise _does_not_count(f"{folder}/{name}", transaction, is_open=is_open)


def _removed(commit: bytes) -> set[str]:
    """Return the names of the files that a commit removed; none if it is not in the known form."""
    try:
        removed = json.loads(commit)["removed"]
    except (ValueError, KeyError, TypeError):
        return set()
    return {str(name) for name in removed} if isinstance(removed, list) else set()


def _does_not_count(path: str, transaction: str, *, is_open: bool) -> ExtractError:
    why = (
        f"_started_{transaction} is there and _committed_{transaction} is not: the job that wrote the file "
        "failed, or runs"
        if is_open
        else "a file _committed_... beside it lists it as removed"
    )
    return ExtractError(
        "A file of the extract does not count, by the files that Databricks wrote beside it.",
        where=path,
        why=why,
        next_step="read the folder on Databricks and write its rows to another folder; or copy the files "
        "that count to another folder, and load that",
    )


def _table(folder: str, table_format: TableFormat) -> ExtractError:
    step = ""
    if table_format.metadata == DELTA_LOG and not folder.startswith("s3://"):
        extra = "" if can_read_delta() else "install the extra scn-loader[delta] and "
        step = f"{extra}name the folder of the table to load its current rows; or "
    step += table_format.exported
    if table_format.query:
        step += f"\n  duckdb -c {shlex.quote(table_format.query.format(folder=folder))}"
    return ExtractError(
        f"The extract is part of a table of {table_format.name}.",
        where=folder,
        why=f"only {table_format.metadata} states which rows are current; read as plain files, the table "
        "would give rows that were deleted or replaced",
        next_step=step,
    )
