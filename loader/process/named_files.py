"""Output files that a command line names, found even if the command line cannot be parsed.

Rules kept here:

1. An output never replaces a file that another word of the command line names, or one that looks like an
   extract, a job file or a checkpoint. Otherwise a forgotten value would destroy the extract, as in
   ``--summary-json orders.csv``.
2. A file of the same kind, such as the summary of last night, is replaced.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from loader.errors import SettingsError

INPUT_SUFFIXES = frozenset(
    {
        *(".csv", ".tsv", ".txt", ".dat", ".parquet", ".pq", ".ndjson", ".jsonl", ".xlsx"),
        *(".gz", ".gzip", ".zst", ".bz2", ".xz", ".zip", ".toml", ".sqlite"),
    }
)
"""Ends of the names of extracts, job files and checkpoints."""

_LOOKED_AT_BYTES = 64 * 1024
"""A summary has its exit code within its first bytes."""


@dataclass(frozen=True, slots=True)
class OutputFlag:
    """A flag of ``load`` that names an output file.

    Attributes:
        name: The flag.
        variable: The environment variable that has the same meaning.
        marks: Texts that each file of this kind contains.
    """

    name: str
    variable: str
    marks: Sequence[bytes]

    def requested(self, arguments: Sequence[str], environment: Mapping[str, str]) -> Path | None:
        """Return the file that a command line names, even an invalid command line, or None.

        Args:
            arguments: The command line without the program's name.
            environment: The environment variables.
        """
        if "load" not in arguments[:1] or {"--help", "-h"} & set(arguments):
            return None
        value = environment.get(self.variable, "")
        for number, argument in enumerate(arguments):
            if argument == "--":
                break
            if argument == self.name and number + 1 < len(arguments):
                value = arguments[number + 1]
            elif argument.startswith(f"{self.name}="):
                value = argument.removeprefix(f"{self.name}=")
        return Path(value) if value else None

    def is_input(self, path: Path, arguments: Sequence[str]) -> bool:
        """Return whether a file exists that an output of this kind must not replace.

        Args:
            path: The file.
            arguments: The command line without the program's name.
        """
        if not os.path.isfile(path):  # noqa: PTH113 - of a name too long: False
            return False
        if any(_is_same(path, word) for word in self._other_words(arguments)):
            return True
        return path.suffix.lower() in INPUT_SUFFIXES and not self._has_marks(path)

    def _has_marks(self, path: Path) -> bool:
        """Return whether a file is empty or of this kind."""
        with suppress(OSError), path.open("rb") as file:
            content = file.read(_LOOKED_AT_BYTES)
            return not content or all(mark in content for mark in self.marks)
        return True

    def _other_words(self, arguments: Sequence[str]) -> Iterator[str]:
        remaining = iter(arguments)
        for argument in remaining:
            if argument == self.name:
                next(remaining, None)
            elif not argument.startswith(f"{self.name}="):
                yield argument.removeprefix("@")
                yield argument.partition("=")[2]


def check_replaceable(path: Path, start: bytes) -> None:
    """Refuse to replace a file that looks like an extract, a job file or a checkpoint.

    Args:
        path: The output file; it need not exist, and a device may be written to.
        start: Start of such outputs, in lower case.

    Raises:
        SettingsError: The file exists, has the name of an input, and does not begin as the output does.
    """
    if path.suffix.lower() not in INPUT_SUFFIXES or not os.path.isfile(path):  # noqa: PTH113 - of a name too long: False
        return
    with suppress(OSError), path.open("rb") as file:
        content = file.read(len(start)).lower()
        if content and content != start:
            raise not_replaced(path)


def not_replaced(path: Path) -> SettingsError:
    """Return the error for an output file that must not replace another file."""
    return SettingsError(
        "The file is not the output of an earlier command, so it is not replaced.",
        where=str(path.absolute()),
        next_step="name another file",
    )


def _is_same(path: Path, word: str) -> bool:
    with suppress(OSError, ValueError):
        return bool(word) and os.path.samefile(path, word)  # noqa: PTH121 - a word need not be a path
    return False


SUMMARY_FLAG = OutputFlag("--summary-json", "SCN_LOADER_SUMMARY_JSON", (b'"exit_code"', b'"rows_read"'))
METRICS_FLAG = OutputFlag("--metrics-file", "SCN_LOADER_METRICS_FILE", (b"# HELP scn_loader",))
