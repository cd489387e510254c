"""The identity of a load: id, destination, files, times, command."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from loader.report.figures import printable
from loader.report.log_lines import iso


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadIdentity:
    """The identity of a load. The summary file and ``status --json`` use the same names.

    Attributes:
        load_id: Its id; empty without a checkpoint: a refused load, a dry run.
        rehearsal: Whether it went to an emulator on this machine; None if unknown.
        instance_id: UUID of the instance.
        event_type: Event type of its records.
        files: Paths of its files, in order.
        command: The command line that runs it again; empty if unknown.
        began_at: When its first run began, in epoch seconds, or None.
        ended_at: When its last run ended, in epoch seconds, or None.
        parent: Run directory, or kept checkpoint, of the load whose rejected rows it corrects; or None.
        child: Run directory of the load of its own corrected rows, or None.
    """

    load_id: str = ""
    rehearsal: bool | None = None
    instance_id: str = ""
    event_type: str = ""
    files: Sequence[str] = ()
    command: str = ""
    began_at: float | None = None
    ended_at: float | None = None
    parent: str | None = None
    child: str | None = None

    def as_json(self) -> Mapping[str, Any]:
        """Return the values by name; times are ISO 8601 in UTC."""
        return {
            "load_id": self.load_id or None,
            "rehearsal": self.rehearsal,
            "instance_id": self.instance_id or None,
            "event_type": self.event_type or None,
            "files": list(self.files),
            "command": self.command or None,
            "began_at": None if self.began_at is None else iso(self.began_at),
            "ended_at": None if self.ended_at is None else iso(self.ended_at),
            "parent": self.parent,
            "child": self.child,
        }


UNKNOWN_LOAD = LoadIdentity()


def service_words(*, is_rehearsal: bool, instance_id: str) -> str:
    """Return the service that a load goes to, in words.

    Args:
        is_rehearsal: Whether it is an emulator on this machine.
        instance_id: UUID of the instance.
    """
    kind = "rehearsal on this machine" if is_rehearsal else "AWS Supply Chain"
    return f"{kind}, instance {printable(instance_id)}"
