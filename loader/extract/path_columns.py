"""The columns that the path of a file gives, if an extract takes columns from paths.

Rows to correct are in a folder of a run directory, below which the folders ``key=value`` of their own file
are repeated. The folders above it belong to the run directory, so they give no columns.
"""

from collections.abc import Collection, Mapping
from pathlib import Path

from loader.checkpoint.file_names import NOT_LOADED_NAME, REJECTED_NAME
from loader.checkpoint.start.correction_folders import REASONS_NAME
from loader.errors import ExtractError
from loader.sources.local_paths import S3_SCHEME
from loader.sources.partitions import contradicted, is_partition, partition_folders, partitions_of


def column_folders(path: str) -> list[str]:
    """Return the names of the folders that give columns to the rows of a file, from the outside in."""
    return partition_folders(path, _correction_folder(path))


def columns_of_path(path: str) -> Mapping[str, str | None]:
    """Return the columns that the path of a file gives, by name. The value is a text, or None for no value.

    Raises:
        ExtractError: The name of a folder cannot be read.
    """
    return partitions_of(path, _correction_folder(path))


def refuse_contradictions(path: str, used: Collection[str]) -> None:
    """Check that the path of a file gives one value for each column.

    Args:
        path: The file.
        used: The columns that a load takes from the path.

    Raises:
        ExtractError: Several folders give different values for one of them.
    """
    names = [name for name in contradicted(path, _correction_folder(path)) if name in used]
    if names:
        raise ExtractError(
            "The path of a file gives a column two values.",
            where=path,
            why=f"several folders name {', '.join(map(repr, names))}, and their values differ",
            next_step="rename the folder that does not count; or take no columns from paths with "
            "--no-partitions, and give the value as a constant in [mapping]",
        )


def _correction_folder(path: str) -> str:
    """Return the folder of a run directory with this file of rows to correct; empty for any other file."""
    if path.startswith(S3_SCHEME) or not partition_folders(path):
        return ""
    folder = Path(path).parent
    while is_partition(folder.name):
        folder = folder.parent
    is_one = folder.name.startswith((REJECTED_NAME, NOT_LOADED_NAME)) and (folder / REASONS_NAME).is_file()
    return str(folder) if is_one else ""
