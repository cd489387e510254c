"""Where the files of an extract lie: names, folders, globs and lists of them, to paths.

Rules kept here:

1. The order of files is the order in which they were named; inside a folder or glob, by name.
2. A file that exists is never taken for a glob.
3. ``@LIST`` stands for what the file LIST names, one per line, relative to the folder it lies in.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from loader.errors import ExtractError, NothingToLoad, SettingsError
from loader.sources.file_format import FOLDER_SUFFIXES, is_extract_name

S3_SCHEME = "s3://"

STANDARD_INPUT = "-"


def unlisted(patterns: Sequence[str]) -> Iterator[str]:
    """Yield the patterns, those of lists in their place.

    Raises:
        NothingToLoad: A list names nothing.
        ExtractError: A list cannot be read, or names another list or standard input.
    """
    for pattern in patterns:
        if pattern.startswith("@"):
            yield from _listed(Path(pattern[1:]).absolute())
        else:
            yield pattern


def _listed(path: Path) -> list[str]:
    try:
        lines = [line.strip() for line in path.read_text("utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ExtractError("The list of files cannot be read.", where=str(path), why=why or "") from error
    named = [(number, line) for number, line in enumerate(lines, start=1) if line and line[0] != "#"]
    if not named:
        raise NothingToLoad("The list of files names none.", where=str(path))
    for number, line in named:
        if line == STANDARD_INPUT or line.startswith("@"):
            raise ExtractError(
                "A list may name files, folders and globs only.", where=f"{path}, line {number}"
            )
    return [line if line.startswith(S3_SCHEME) else str(path.parent / line) for _, line in named]


def local_files(pattern: str) -> list[Path]:
    """Return the files on this machine that a pattern names.

    Raises:
        NothingToLoad: There is none.
    """
    check_name(pattern)
    path = Path(pattern).absolute()
    try:
        return _found(path)
    except OSError as error:  # a name that no file can have: pathlib asks the system, which refuses
        raise ExtractError(
            "A file of the extract cannot be read.", where=str(path), why=error.strerror or str(error)
        ) from error


def _found(path: Path) -> list[Path]:
    if path.is_dir():
        found = sorted(
            entry
            for entry in path.iterdir()
            if is_extract_name(entry.name) and not entry.name.startswith(".") and entry.is_file()
        )
        if not found:
            raise NothingToLoad(
                "The folder holds no extract.",
                where=str(path),
                next_step=f"Files must end in {' '.join(FOLDER_SUFFIXES)}, text perhaps compressed; name "
                "others one by one or with a glob.",
            )
        return found
    if path.exists():
        return [path]
    # Path.glob: unlike glob.glob it does not follow links to folders under **, which may go round for ever.
    try:
        names = list(Path(path.anchor).glob(str(path.relative_to(path.anchor))))
    except (ValueError, RecursionError) as error:  # a part such as **x; thousands of parts
        raise SettingsError("The pattern cannot be used.", where=str(path), why=str(error)) from error
    found = sorted({name for name in names if not _is_hidden(name, path) and name.is_file()})
    if not found:
        raise NothingToLoad("No file matches.", where=str(path), next_step="Check the path and its spelling.")
    return found


def check_name(name: str) -> None:
    """Refuse a name that nothing can be opened by everywhere: polars and SQLite take UTF-8 only.

    Raises:
        ExtractError: It holds a NUL character, or bytes that are not UTF-8.
    """
    if "\0" in name or any("\ud800" <= character <= "\udfff" for character in name):
        raise ExtractError(
            "The name of a file cannot be used.",
            where=name,
            why="it holds a NUL character, or bytes that are not UTF-8",
            next_step="Rename the file.",
        )


def _is_hidden(path: Path, pattern: Path) -> bool:
    """Return whether a wildcard stands for a name that begins with a dot; as in a shell, it must not."""
    dotted = {part for part in path.parts if part.startswith(".")} - set(pattern.parts)
    return bool(dotted) and not any(part.startswith((".*", ".?", ".[")) for part in pattern.parts)
