"""Read columns from the path of a file: ``site_id=A/dt=2024-01-02/part-0.parquet``. Pure.

Rules kept here:

1. Each folder ``key=value`` on the absolute path of a file is a column of its rows. So a value does not
   depend on the working directory or the pattern. If several folders have the same key, the innermost one
   counts. If their values differ, `contradicted` names the column, and a load that uses it is refused.
2. Keys and values are ``%``-decoded, because Hive and Spark encode them. ``__HIVE_DEFAULT_PARTITION__`` and
   an empty value mean that there is no value.
"""

from collections import Counter
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

from loader.errors import ExtractError

_HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"

STANDARD_INPUT_PREFIX = "standard-input-"
FRAME_PREFIX = "frame-"

PRIVATE_PREFIXES = (STANDARD_INPUT_PREFIX, FRAME_PREFIX)
"""Start of the names of folders that contain a private copy (`private_copy`). Such a path gives no columns,
because it depends on the machine and not on the rows."""

PRIVATE_FILE_NAME = "extract"
"""Name of the file in such a folder."""


def is_partition(folder: str) -> bool:
    """Return whether a folder with this name gives a column."""
    return folder.find("=") > 0


def is_private_copy(path: str) -> bool:
    """Return whether a path is that of a private copy of standard input or of a frame."""
    *_, folder, name = ("", *path.split("/"))
    return name == PRIVATE_FILE_NAME and folder.startswith(PRIVATE_PREFIXES)


def partition_folders(path: str, below: str = "") -> list[str]:
    """Return the names of the folders ``key=value`` on the path of a file, from the outside in.

    Args:
        path: The file.
        below: A folder on the path; only the folders in it count.
    """
    folders = path.removeprefix(below).split("/")[:-1]
    if is_private_copy(path):
        return []
    return [folder for folder in folders if is_partition(folder)]


def partitions_of(path: str, below: str = "") -> dict[str, str | None]:
    """Return the columns that the path of a file gives, by name. The value is a text, or None for no value.

    Args:
        path: The file.
        below: A folder on the path; only the folders in it count.

    Raises:
        ExtractError: A decoded key or value is not UTF-8.
    """
    columns: dict[str, str | None] = {}
    for name, text in _columns(path, below):
        columns.pop(name, None)
        columns[name] = text
    return columns


def contradicted(path: str, below: str = "") -> list[str]:
    """Return the columns for which several folders on the path of a file give different values.

    Args:
        path: The file.
        below: A folder on the path; only the folders in it count.

    Raises:
        ExtractError: A decoded key or value is not UTF-8.
    """
    values = Counter(name for name, _ in set(_columns(path, below)))
    return sorted(name for name, count in values.items() if count > 1)


def _columns(path: str, below: str) -> Iterator[tuple[str, str | None]]:
    for folder in partition_folders(path, below):
        key, _, value = folder.partition("=")
        try:
            name, text = (unquote_to_bytes(part).decode() for part in (key, value))
        except UnicodeDecodeError as error:
            raise ExtractError(
                "The name of a partition folder cannot be read.",
                where=path,
                why=f"{folder} is not UTF-8 after its %XX are decoded",
                next_step="rename the folder, or use --no-partitions to take no columns from paths",
            ) from error
        yield name, text if text not in ("", _HIVE_NULL) else None
