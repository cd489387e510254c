"""Notes for users about the files of an extract, once per fact instead of once per file."""

from collections.abc import Iterable, Sequence

from loader.mapping.mapping import FileMapping
from loader.model import SourceFile
from loader.model.source_file import common_folder

_SHOWN = 3
"""Maximum number of files that a sentence lists."""

_SHOWN_CHARS = 160
"""Fewer files are listed if their paths are longer: a log line is clipped, and the fact is at its end."""

_PLACE = "\0"
"""Represents the file's path while sentences are compared; a path cannot contain it."""


def folded(notes: Iterable[tuple[SourceFile, str]]) -> list[str]:
    """Return each sentence once, with all files to which it applies."""
    files: dict[str, list[str]] = {}
    for file, text in notes:
        paths = files.setdefault(text.replace(file.path, _PLACE), [])
        if file.path not in paths[-1:]:
            paths.append(file.path)
    return [text.replace(_PLACE, _listed(paths)) for text, paths in files.items()]


def lacking(files: Sequence[SourceFile], mappings: Sequence[FileMapping]) -> list[str]:
    """Return one sentence for each set of columns that some files fill and others do not."""
    filled = [{column.name: None for column in mapping.columns} for mapping in mappings]
    every = list(dict.fromkeys(name for columns in filled for name in columns))
    without: dict[tuple[str, ...], list[str]] = {}
    for file, columns in zip(files, filled, strict=True):
        if len(columns) < len(every):
            names = tuple(name for name in every if name not in columns)
            without.setdefault(names, []).append(file.path)
    return [
        f"{_listed(paths)} {'lacks' if len(paths) == 1 else 'lack'} a source of "
        f"{', '.join(map(repr, names))}, which other files have. Their records do not have these columns."
        for names, paths in without.items()
    ]


def _listed(paths: Sequence[str]) -> str:
    """Return the first path, and others below the folder that all share."""
    folder = common_folder(paths)
    shown = [paths[0]]
    for path in paths[1:_SHOWN]:
        name = path.removeprefix(folder)
        if len(", ".join([*shown, name])) > _SHOWN_CHARS:
            break
        shown.append(name)
    more = len(paths) - len(shown)
    text = ", ".join(shown)
    return f"{text} and {more:,} more {'file' if more == 1 else 'files'}" if more > 0 else text
