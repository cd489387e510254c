"""Files and folders beside the extract that are not part of it: reported once for each reason.

Rules kept here:

1. Names that begin with ``.`` or ``_`` are hidden, as Hive and Spark have it (``_SUCCESS``, ``.part.crc``,
   ``_temporary/``). A folder ``_day=1`` is not: it is a partition.
2. A run directory of the loader holds rejected rows and copies; none of them is an extract of its folder.
"""

from collections import defaultdict

from loader.sources.partitions import is_partition

_SHOWN = 3
"""How many paths a sentence shows."""

RUN_DIRECTORY_MARK = "checkpoint.sqlite"
"""A folder that holds this file is a run directory (`loader.checkpoint.file_names`)."""

HIDDEN = "Hidden files and folders (names that begin with '.' or '_') are left out"
OTHER_NAME = "Files not named like an extract are left out (a glob takes them; unpack archives)"
RUN_DIRECTORY = "Run directories of scn-loader are left out"
DELTA_VERSION = "A Delta table is read as it was at one version (--delta-version names another)"
LINK = "Links to folders are not followed (name them too if they belong to the extract)"


class LeftOut:
    """Collects what is left out of an extract."""

    def __init__(self) -> None:
        self._paths: defaultdict[str, dict[str, None]] = defaultdict(dict)
        self._vain: list[str] = []

    def add(self, why: str, path: object) -> None:
        """Note a file or folder that is left out, once however often it is met."""
        self._paths[why][str(path)] = None

    def add_vain(self, pattern: str) -> None:
        """Note a glob or folder that holds no extract, beside others that do."""
        self._vain.append(pattern)

    def sentences(self) -> list[str]:
        """Return one sentence for each reason."""
        left_out = [f"{why}: {_listed(sorted(paths))}." for why, paths in sorted(self._paths.items())]
        vain = [f"No extract was found in: {_listed(self._vain)}."] if self._vain else []
        return left_out + vain


def is_hidden(name: str) -> bool:
    """Return whether a file or folder of this name is hidden."""
    return name.startswith(".") or (name.startswith("_") and not is_partition(name))


def _listed(paths: list[str]) -> str:
    shown, more = ", ".join(paths[:_SHOWN]), len(paths) - _SHOWN
    return f"{shown} and {more:,} more" if more > 0 else shown
