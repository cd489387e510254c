"""The identity of a load, for its summary."""

from collections.abc import Sequence
from dataclasses import replace

from loader.checkpoint import Checkpoint
from loader.checkpoint.file_names import CHECKPOINT_NAME
from loader.model import Destination, SourceFile
from loader.report.identity import LoadIdentity
from loader.status.relatives import child_of, parent_of


def identity_of(
    destination: Destination,
    files: Sequence[SourceFile] = (),
    *,
    is_rehearsal: bool,
    command: str = "",
    checkpoint: Checkpoint | None = None,
    ended_at: float | None = None,
) -> LoadIdentity:
    """Return the known identity of a load.

    Args:
        destination: The destination of the events.
        files: The files of the load.
        is_rehearsal: Whether the service is an emulator on this machine.
        command: The command line that runs the load again.
        checkpoint: The checkpoint of the load, or None if it has none.
        ended_at: End of this run in epoch seconds, or None.
    """
    known = LoadIdentity(
        rehearsal=is_rehearsal,
        instance_id=destination.instance_id,
        event_type=destination.event_type,
        files=[file.path for file in files],
        command=command,
        ended_at=ended_at,
    )
    if checkpoint is None:
        return known
    parent = parent_of(checkpoint.run_dir)
    child = child_of(checkpoint.run_dir / CHECKPOINT_NAME, checkpoint.load_id, checkpoint.began_at)
    return replace(
        known,
        load_id=checkpoint.load_id,
        began_at=checkpoint.began_at,
        parent=None if parent is None else str(parent),
        child=None if child is None else str(child),
    )
