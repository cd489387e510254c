"""Where the files of an extract lie: names, folders, globs and lists of them, to paths.

Rules kept here:

1. The order of files is the order in which they were named; inside a folder or glob, by name.
2. A file that exists is never taken for a glob.
3. ``@LIST`` stands for what the file LIST names, one per line, relative to the folder it lies in.
"""

import glob
from collections.abc import Iterator, Sequence
from pathlib import Path

from loader.errors import ExtractError, NothingToLoad
from loader.extract.file_format import FOLDER_SUFFIXES, is_extract_name

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
    path = Path(pattern).absolute()
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
    names = glob.glob(str(path), recursive=True)  # noqa: PTH207 - Path.glob takes no absolute pattern
    found = sorted(Path(name) for name in names if Path(name).is_file())
    if not found:
        raise NothingToLoad("No file matches.", where=str(path), next_step="Check the path and its spelling.")
    return found
