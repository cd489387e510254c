"""What must never leak: payloads and secrets, looked for in everything a run writes."""

import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.faults.extracts import MARKER

SECRET = "SECRET-MARKER+never/in-a-file"
"""The secret access key of the trials."""

SESSION_TOKEN = "SESSION-MARKER-never-in-a-file"
"""The session token of trials that use one."""

DATA_FILES = ("checkpoint", "load.lock", "load.log")
"""Files of the run directory, by the start of their names: all are for their owner alone."""


def leaks(folder: Path, run_dirs: Iterable[Path]) -> list[str]:
    """Return where a payload or a secret lies open, as sentences.

    Args:
        folder: Holds what the runs said (``*.out``, ``*.err``, ``*.json``).
        run_dirs: Run directories.
    """
    words = [path for path in folder.iterdir() if path.suffix in {".out", ".err", ".json"}]
    found = []
    for run_dir in run_dirs:
        files = [path for path in run_dir.rglob("*") if path.is_file()] if run_dir.exists() else []
        words += [path for path in files if path.name == "load.log"]
        found += [
            f"{path.name} has mode {_mode(path):o}"
            for path in files
            if path.name.startswith(DATA_FILES) and _mode(path) & 0o077
        ]
        found += [f"{path.name} holds a secret" for path in files if _holds(path, (SECRET, SESSION_TOKEN))]
        if run_dir.exists() and _mode(run_dir) & 0o077:
            found.append(f"the run directory has mode {_mode(run_dir):o}")
    found += [f"{path.name} holds payload" for path in words if _holds(path, (MARKER,))]
    found += [f"{path.name} holds a secret" for path in words if _holds(path, (SECRET, SESSION_TOKEN))]
    return found


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _holds(path: Path, texts: Iterable[str]) -> bool:
    content = path.read_bytes()
    return any(form in content for text in texts for form in _forms(text))


def _forms(text: str) -> Iterator[bytes]:
    yield text.encode()
    yield text.encode().hex().encode()
