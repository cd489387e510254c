"""Find the local files of an extract from names, folders, globs and lists.

Rules kept here:

1. The order of files is the order in which they were named. The files of a folder or glob are in natural
   order of their paths.
2. An existing file is never read as a glob.
3. A folder means all extracts in it and in its subfolders, whether it was named or matched by a glob. Files
   and folders that are left out are reported.
4. ``@LIST`` means the files that LIST names, one per line, relative to the folder of LIST.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from loader.command_line import absolute_path
from loader.errors import ExtractError, NothingToLoad, SettingsError
from loader.job.sections import STANDARD_INPUT
from loader.sources.delta_table import can_read_delta, delta_files, is_delta_table
from loader.sources.file_format import FOLDER_SUFFIXES, is_extract_name
from loader.sources.left_out import (
    DELTA_VERSION,
    HIDDEN,
    LINK,
    OTHER_NAME,
    REASONS,
    REASONS_MARK,
    RUN_DIRECTORY,
    RUN_DIRECTORY_MARK,
    LeftOut,
    is_hidden,
    parts_to_hidden,
)
from loader.sources.natural_order import natural_key
from loader.sources.table_formats import refuse_tables

S3_SCHEME = "s3://"

GLOB_CHARACTERS = "*?["


def unlisted(patterns: Sequence[str]) -> Iterator[str]:
    """Yield the patterns, with each list replaced by the patterns that it contains.

    Raises:
        NothingToLoad: A list is empty.
        ExtractError: A list cannot be read, or names another list or standard input.
    """
    for pattern in patterns:
        if pattern.startswith("@"):
            yield from _listed(absolute_path(Path(pattern[1:])))
        else:
            yield pattern


def _listed(path: Path) -> list[str]:
    try:
        lines = [line.strip() for line in path.read_text("utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ExtractError(
            "The list of files cannot be read.",
            where=str(path),
            why=why or "",
            next_step="check the path: a list has one file, folder or glob in each line, in UTF-8",
        ) from error
    named = [(number, line) for number, line in enumerate(lines, start=1) if line and line[0] != "#"]
    if not named:
        raise NothingToLoad(
            "The list of files is empty.",
            where=str(path),
            next_step="write one file, folder or glob in each line",
        )
    for number, line in named:
        if line == STANDARD_INPUT or line.startswith("@"):
            raise ExtractError(
                "A list may only name files, folders and globs.",
                where=f"{path}, line {number}",
                next_step="write the names of files into the line",
            )
    return [line if line.startswith(S3_SCHEME) else str(path.parent / line) for _, line in named]


def local_files(pattern: str, left_out: LeftOut, *, delta_version: int | None = None) -> list[Path]:
    """Return the files on this machine that a pattern names.

    Args:
        pattern: A file, folder or glob.
        left_out: Receives files and folders that are not part of the extract.
        delta_version: The version of a Delta table to read. The default is the newest one.

    Raises:
        NothingToLoad: There are no files.
        ExtractError: The search failed, or the files belong to a table (`table_formats`).
        SettingsError: The pattern is not valid.
    """
    check_name(pattern)
    path = absolute_path(Path(pattern))
    try:
        if is_delta_table(path) and can_read_delta():
            return _files_of_delta_table(path, left_out, delta_version)
        found = _found(path, left_out)
        refuse_tables(_with_targets(found), _LocalStorage(), "")
    except OSError as error:  # for example a name that is too long
        raise ExtractError(
            "A file of the extract cannot be read.",
            where=str(error.filename or path),
            why=error.strerror or str(error),
            next_step="check the path and the permissions of the file",
        ) from error
    return found


def _files_of_delta_table(folder: Path, left_out: LeftOut, version: int | None) -> list[Path]:
    read_version, files = delta_files(folder, version)
    left_out.add(DELTA_VERSION, f"version {read_version} of {folder}")
    if not files:
        raise NothingToLoad(
            "The Delta table has no rows.", where=str(folder), next_step="check whether its writer has ended"
        )
    return files


def is_open_ended(pattern: str) -> bool:
    """Return whether a pattern may match any number of files: a glob or a folder."""
    return any(mark in pattern for mark in GLOB_CHARACTERS) or Path(pattern).is_dir()


def _found(path: Path, left_out: LeftOut) -> list[Path]:
    if path.is_dir():
        found = sorted(_extracts_in(path, left_out), key=lambda each: natural_key(str(each)))
        refuse_tables([f"{path}/", f"{_target(path)}/"], _LocalStorage(), "")
        if not found:
            raise NothingToLoad(
                "The folder contains no extract.",
                where=str(path),
                why=" ".join(left_out.sentences()),
                next_step=f"names of files must end in {' '.join(FOLDER_SUFFIXES)}, and text files may be "
                "compressed; name other files one by one or with a glob",
            )
        return found
    if path.exists():
        return [path]
    # Unlike glob.glob, Path.glob does not follow links to folders under **. Such links may form a cycle.
    try:
        names = sorted(Path(path.anchor).glob(str(path.relative_to(path.anchor))))
    except (ValueError, RecursionError) as error:  # a part such as **x; thousands of parts
        raise SettingsError(
            "The pattern cannot be used.",
            where=str(path),
            why=str(error),
            next_step="write ** as a whole part of the path, such as exports/**/*.csv",
        ) from error
    found = sorted(set(_extracts_among(names, path, left_out)), key=lambda each: natural_key(str(each)))
    if not found:
        raise NothingToLoad(
            "No file matches.",
            where=str(path),
            why=" ".join(left_out.sentences()),
            next_step="check the path and its spelling",
        )
    return found


def _extracts_among(names: Iterable[Path], pattern: Path, left_out: LeftOut) -> Iterator[Path]:
    """Yield the files that a glob matched, and the extracts in the folders that it matched."""
    # A ** at the end matches all folders. It does not mean all files in them.
    takes_folders = pattern.name != "**"
    for name in names:
        if length := parts_to_hidden(name.parts, pattern.parts):
            left_out.add(HIDDEN, Path(*name.parts[:length]))
        elif not name.is_dir():
            if _holds_reasons(name):
                left_out.add(REASONS, name)
            else:
                yield name
        elif takes_folders:
            yield from _extracts_in(name, left_out)


def _extracts_in(folder: Path, left_out: LeftOut) -> Iterator[Path]:
    """Yield the extracts in a folder and its subfolders; also links to nowhere, which are refused later."""
    with os.scandir(folder) as scanned:
        entries = list(scanned)
    for entry in entries:
        path = Path(entry.path)
        if is_hidden(entry.name):
            left_out.add(HIDDEN, path)
        elif not entry.is_dir():
            if _holds_reasons(path):
                left_out.add(REASONS, path)
            elif is_extract_name(entry.name):
                yield path
            else:
                left_out.add(OTHER_NAME, path)
        elif entry.is_symlink():
            left_out.add(LINK, path)
        elif (path / RUN_DIRECTORY_MARK).exists():
            left_out.add(RUN_DIRECTORY, path)
        else:
            yield from _extracts_in(path, left_out)


def _holds_reasons(path: Path) -> bool:
    """Return whether a file has the reasons of the rows beside it, in a folder of a run directory."""
    return path.name == REASONS_MARK and (path.parent.parent / RUN_DIRECTORY_MARK).exists()


def _with_targets(paths: Sequence[Path]) -> Iterator[str]:
    """Yield files, and where links lead to: a link may lead into a table."""
    yield from map(str, paths)
    yield from (f"{_target(folder)}/" for folder in {path.parent for path in paths})
    yield from (_target(path) for path in paths if path.is_symlink())


def _target(path: Path) -> str:
    """Return where a path leads. Unlike ``Path.resolve``, this does not fail on links that form a loop."""
    return os.path.realpath(path)


class _LocalStorage:
    """The files of this machine, for `refuse_tables`."""

    def names(self, prefixes: Sequence[str]) -> Iterator[Sequence[str]]:
        for prefix in prefixes:
            folder, _, start = prefix.rpartition("/")
            try:
                with os.scandir(folder or "/") as entries:
                    yield [each.name for each in entries if each.name.startswith(start) and each.is_file()]
            except (FileNotFoundError, NotADirectoryError, PermissionError):
                yield []

    def content(self, path: str) -> bytes:
        return Path(path).read_bytes()


def check_name(name: str) -> None:
    """Reject a name that polars or SQLite cannot process: both accept only UTF-8.

    Raises:
        ExtractError: The name contains a NUL character, or bytes that are not UTF-8.
    """
    if "\0" in name or any("\ud800" <= character <= "\udfff" for character in name):
        raise ExtractError(
            "The name of a file cannot be used.",
            where=name,
            why="it contains a NUL character, or bytes that are not UTF-8",
            next_step="rename the file or its folder",
        )
