"""The folders of a run directory with rows to correct: rows that the service refused or did not load."""

import re
from collections.abc import Sequence
from pathlib import Path

from loader.checkpoint.file_names import NOT_LOADED_NAME

REASONS_NAME = "reasons.jsonl"
"""The file with a line for each row to correct: its file, row and reason, without its values."""

_LATER = re.compile(rf"{NOT_LOADED_NAME}-([0-9]{{1,4}})", re.ASCII)


def not_loaded_folders(run_dir: Path, load_id: str = "") -> Sequence[Path]:
    """Return the folders with rows that were refused or not loaded, the oldest first.

    The user may have corrected the rows of a folder, so a folder is never written again. Rows that are found
    later are written to a new folder: ``not-loaded``, ``not-loaded-2``, ``not-loaded-3``.

    Args:
        run_dir: The run directory.
        load_id: Name of an earlier load, or empty for the present load.
    """
    suffix = f"-{load_id}" if load_id else ""
    first = run_dir / f"{NOT_LOADED_NAME}{suffix}"
    beside = [
        (_LATER.fullmatch(path.name.removesuffix(suffix)), path)
        for path in run_dir.glob(f"{NOT_LOADED_NAME}-*{suffix}")
    ]
    later = {int(match[1]): path for match, path in beside if match is not None}
    return [*([first] if first.exists() else []), *(later[number] for number in sorted(later))]


def next_not_loaded_folder(run_dir: Path) -> Path:
    """Return the path of the next folder for rows that were refused or not loaded."""
    written = not_loaded_folders(run_dir)
    if not written:
        return run_dir / NOT_LOADED_NAME
    match = _LATER.fullmatch(written[-1].name)
    return run_dir / f"{NOT_LOADED_NAME}-{int(match[1]) + 1 if match else 2}"
