"""Collect the files and folders that are left out of an extract. They are reported once for each reason.

Rules kept here:

1. Names that begin with ``.`` or ``_`` are hidden, as in Hive and Spark (``_SUCCESS``, ``.part.crc``,
   ``_temporary/``). A folder ``_day=1`` is a partition, so it is not hidden.
2. A run directory of the loader contains rejected rows and copies, which are not part of the extract. If a
   folder of such rows is named itself, the file of the reasons beside them is not part of it.
"""

from collections import defaultdict
from collections.abc import Sequence

from loader.sources.partitions import is_partition

_SHOWN = 3
"""Maximum number of paths that a sentence names."""

RUN_DIRECTORY_MARK = "checkpoint.sqlite"
"""A folder that contains this file is a run directory (`loader.checkpoint.file_names`)."""

REASONS_MARK = "reasons.jsonl"
"""The file with the reasons of rejected rows (`loader.checkpoint.start.correction_folders`)."""

HIDDEN = "Hidden files and folders (names that begin with '.' or '_') are left out"
OTHER_NAME = "Files with other endings are left out (a glob includes them; unpack archives)"
RUN_DIRECTORY = "Run directories of scn-loader are left out"
REASONS = "The reasons of rejected rows are left out"
DELTA_VERSION = "A Delta table is read as it was at one version (--delta-version names another)"
LINK = "Links to folders are not followed (name them too if they belong to the extract)"


class LeftOut:
    """Collects the files and folders that are left out of an extract."""

    def __init__(self) -> None:
        self._paths: defaultdict[str, dict[str, None]] = defaultdict(dict)
        self._without_extract: list[str] = []

    def add(self, why: str, path: object) -> None:
        """Note a file or folder that is left out. A path is noted once for each reason."""
        self._paths[why][str(path)] = None

    def add_without_extract(self, pattern: str) -> None:
        """Note a glob or folder in which no extract was found, although others have some."""
        self._without_extract.append(pattern)

    def sentences(self) -> list[str]:
        """Return one sentence for each reason."""
        left_out = [f"{why}: {_listed(sorted(paths))}." for why, paths in sorted(self._paths.items())]
        empty = self._without_extract
        return left_out + ([f"No extract was found in: {_listed(empty)}."] if empty else [])


def is_hidden(name: str) -> bool:
    """Return whether a file or folder with this name is hidden."""
    return name.startswith(".") or (name.startswith("_") and not is_partition(name))


def parts_to_hidden(parts: Sequence[str], pattern: Sequence[str]) -> int:
    """Return the length of a path up to its first hidden part that only a wildcard matches; 0 without one.

    A wildcard after a dot or underscore (``.*``) matches hidden names on purpose.

    Args:
        parts: The folders and the file of a path.
        pattern: The same of the pattern that matches it.
    """
    if any(part.startswith((".*", ".?", ".[", "_*", "_?", "_[")) for part in pattern):
        return 0
    named = frozenset(pattern)
    hidden = (number for number, part in enumerate(parts, 1) if is_hidden(part) and part not in named)
    return next(hidden, 0)


def _listed(paths: list[str]) -> str:
    shown, more = ", ".join(paths[:_SHOWN]), len(paths) - _SHOWN
    return f"{shown} and {more:,} more" if more > 0 else shown
