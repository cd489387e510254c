"""Find the current files of a Delta table in its log.

The ``deltalake`` package (extra ``delta``) reads the log. The rows are read from the table's Parquet files,
like those of any other Parquet file.

Rules kept here:

1. The files are those of one version of the table, in the order in which they were written.
2. A table is rejected if its files alone do not determine its rows: it has deletion vectors, column mapping,
   or another reader feature that is not in ``SAFE_FEATURES``.
3. Partition columns are read from the folders of a path, as for any partitioned folder. A table is rejected
   if its log has different values, or if a value is a moment in UTC and its text in the path has no zone.
"""

import datetime as dt
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import polars as pl

from loader.errors import ExtractError
from loader.sources.partitions import partitions_of

if TYPE_CHECKING:
    from deltalake import DeltaTable

DELTA_LOG = "_delta_log"

SAFE_FEATURES = frozenset({"deletionVectors", "timestampNtz", "v2Checkpoint", "vacuumProtocolCheck"})
"""Reader features with which each row of a file is a row of the table
(https://github.com/delta-io/delta/blob/master/PROTOCOL.md). ``deletionVectors`` is safe only if no file has a
deletion vector."""

READER_OF_FEATURES = 3
"""Reader version from which the protocol lists features one by one. Version 2 adds column mapping."""


def is_delta_table(folder: Path) -> bool:
    """Return whether a folder is the root folder of a Delta table."""
    return (folder / DELTA_LOG).is_dir()


def can_read_delta() -> bool:
    """Return whether the package that reads the log is installed."""
    return find_spec("deltalake") is not None


def delta_files(folder: Path, version: int | None = None) -> tuple[int, list[Path]]:
    """Return the version that is read, and the paths of its files in the order in which they were written.

    Args:
        folder: The root folder of the table.
        version: The version to read. The default is the newest one.

    Raises:
        ExtractError: The log cannot be read, the version does not exist, or the files alone do not determine
            the rows.
    """
    from deltalake import DeltaTable  # noqa: PLC0415 - an extra that takes 0.1 s to import
    from deltalake.exceptions import DeltaError, TableNotFoundError  # noqa: PLC0415

    try:
        table = DeltaTable(str(folder), version=version)
        _refuse_features(folder, table)
        actions = pl.DataFrame(table.get_add_actions(flatten=False))
        partition_columns = table.metadata().partition_columns
        table_version = table.version()
    except (DeltaError, TableNotFoundError, OSError, ValueError) as error:
        newest = _newest_version(folder)
        is_too_new = version is not None and newest is not None and version > newest
        raise ExtractError(
            f"The Delta table has no version {version}." if is_too_new else "The Delta table cannot be read.",
            where=str(folder),
            why=f"its newest version is {newest}" if is_too_new else str(error).partition("\n")[0],
            next_step="check the folder, or name another version with --delta-version",
        ) from error
    files = []
    for action in actions.sort("modification_time", "path").to_dicts():
        path = folder / unquote(action["path"])
        _check_partitions(path, {name: action["partition"][name] for name in partition_columns})
        files.append(path)
    return table_version, files


def _newest_version(folder: Path) -> int | None:
    """Return the newest version of the log; None if the log cannot be read."""
    from deltalake import DeltaTable  # noqa: PLC0415 - an extra that takes 0.1 s to import
    from deltalake.exceptions import DeltaError  # noqa: PLC0415

    try:
        return DeltaTable(str(folder)).version()
    except (DeltaError, OSError, ValueError):
        return None


def _refuse_features(folder: Path, table: "DeltaTable") -> None:
    protocol = table.protocol()
    features = set(protocol.reader_features or ())
    if protocol.min_reader_version > READER_OF_FEATURES or features - SAFE_FEATURES:
        needed = ", ".join(sorted(features - SAFE_FEATURES)) or "a newer version of the protocol"
        raise _more_than_files(folder, f"its reader must support {needed}")
    if table.metadata().configuration.get("delta.columnMapping.mode", "none") != "none":
        raise _more_than_files(folder, "its columns have different names in its files (column mapping)")
    if "deletionVectors" in features and _has_deletion_vectors(table):
        raise _more_than_files(
            folder,
            "deletion vectors mark rows of its files as deleted",
            "remove them in Spark with REORG TABLE ... APPLY (PURGE), or ",
        )


def _has_deletion_vectors(table: "DeltaTable") -> bool:
    try:
        vectors = pl.DataFrame(table.deletion_vectors())
    except Exception:  # noqa: BLE001 - a deletion vector that cannot be read exists
        return True
    return not vectors.is_empty()


def _more_than_files(folder: Path, why: str, other_step: str = "") -> ExtractError:
    return ExtractError(
        "The Delta table cannot be read from its files alone.",
        where=str(folder),
        why=why,
        next_step=f"{other_step}export its current rows as Parquet, and load the export",
    )


def _check_partitions(path: Path, values: dict[str, Any]) -> None:
    found = partitions_of(str(path))
    for name, value in values.items():
        if name not in found or not _is_text_of(value, found[name]):
            raise ExtractError(
                "A file of the Delta table is not in the folder of its partition.",
                where=str(path),
                why=f"the value of '{name}' in the log differs from the one in the path",
                next_step="export the current rows of the table as Parquet, and load the export",
            )
        if isinstance(value, dt.datetime) and value.tzinfo is not None and not _has_zone(found[name]):
            raise ExtractError(
                "A partition of the Delta table is a time without its zone.",
                where=str(path),
                why=f"'{name}' is in UTC, but the path has no zone: the time zone of the job would apply",
                next_step="export the current rows of the table as Parquet, and load the export",
            )


def _has_zone(text: str | None) -> bool:
    return text is not None and dt.datetime.fromisoformat(text).tzinfo is not None


def _is_text_of(value: object, text: str | None) -> bool:
    """Return whether the text in a path denotes the value in the log."""
    if value is None or text is None:
        return value is None and text is None
    try:
        match value:
            case bool():
                return text.lower() == str(value).lower()
            case int() | float():
                return float(text) == value
            case dt.datetime():
                return dt.datetime.fromisoformat(text).replace(tzinfo=None) == value.replace(tzinfo=None)
    except ValueError:
        return False
    return text == str(value)
