"""The list of loads whose checkpoints were removed: their destinations and the files that they delivered.

The list is in the run directory and has one line of JSON per load. It is replaced as a whole, so a crash
leaves either the old or the new list. Without the list, the files of removed loads would be sent again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from loader.atomic import write_whole
from loader.errors import CheckpointCorrupt

LIST_NAME = "delivered.jsonl"


@dataclass(frozen=True, slots=True)
class RemovedLoad:
    """A load whose checkpoint was removed.

    Attributes:
        load_id: Its name.
        generation: Number of earlier loads of the run directory that it replaced.
        destination: Its destination: the values of the settings that `delivered` lists.
        files: Size in bytes, fingerprint, modification time in nanoseconds (0 if the fingerprint covers the
            whole content) and path of each file that it delivered.
    """

    load_id: str
    generation: int
    destination: Sequence[Any]
    files: Sequence[tuple[int, str, int, str]]


def removed_loads(run_dir: Path) -> list[RemovedLoad]:
    """Return the removed loads of a run directory, in the order of removal.

    Raises:
        CheckpointCorrupt: The list is damaged.
        OSError: The list cannot be read.
    """
    path = run_dir / LIST_NAME
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return []
    try:
        return [_load_of(orjson.loads(line)) for line in lines]
    except (orjson.JSONDecodeError, TypeError, ValueError, KeyError) as error:
        raise CheckpointCorrupt(
            "The list of delivered files is damaged; nothing was sent and nothing was changed.",
            where=str(path),
            why="it is not the list that --keep writes",
            next_step="restore a copy of it, or remove it: then the files that only it names are sent again",
        ) from error


def add_removed_loads(run_dir: Path, loads: Iterable[RemovedLoad]) -> None:
    """Add loads to the list. The list is on the disk on return.

    Raises:
        CheckpointCorrupt: The present list is damaged.
        OSError: The list cannot be read or written.
    """
    known = {load.load_id: load for load in removed_loads(run_dir)}
    known |= {load.load_id: load for load in loads}
    lines = [orjson.dumps(asdict(load), option=orjson.OPT_APPEND_NEWLINE) for load in known.values()]
    write_whole(run_dir / LIST_NAME, b"".join(lines))


def _load_of(values: Any) -> RemovedLoad:
    files = [
        (int(size_bytes), str(fingerprint), int(modified_ns), str(path))
        for size_bytes, fingerprint, modified_ns, path in values["files"]
    ]
    return RemovedLoad(str(values["load_id"]), int(values["generation"]), list(values["destination"]), files)
