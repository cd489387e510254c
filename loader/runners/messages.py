"""The messages between a worker and its parent: one JSON object per line.

The parent writes the job to the worker's standard input, and later the worker's share of the maximum rate.
The worker writes to its standard output: a message when its checkpoint is open, snapshots, warnings, and its
end.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from loader.aws.signing import Credentials
from loader.errors import ExitCode, LoaderError
from loader.job import Job, Shard
from loader.latency import Percentiles
from loader.report import LoadSummary, Snapshot
from loader.report.trouble import Trouble


class WorkerError(LoaderError):
    """The error that ended a worker, as its parent shows it.

    Args:
        code: The exit code.
        what: The error in one sentence.
        texts: The other texts of the error block.
    """

    def __init__(self, code: ExitCode, what: str, **texts: str) -> None:
        super().__init__(what, **texts)
        self.exit_code = code


@dataclass(frozen=True, slots=True)
class WorkerEnd:
    """The end of a worker.

    Attributes:
        summary: The counts of its shard; None if it was refused before it began.
        error: The error that stopped it, or None.
    """

    summary: LoadSummary | None
    error: LoaderError | None

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of an equivalent command."""
        if self.summary is not None:
            return self.summary.exit_code
        return ExitCode.BUG if self.error is None else ExitCode(self.error.exit_code)

    def as_error(self, shard: Shard) -> WorkerError:
        """Return the error for the load, if this end of a shard stops the load."""
        because = self.summary.stopped_because if self.summary is not None else ""
        return WorkerError(
            self.exit_code, because or f"Shard {shard} ended with exit code {int(self.exit_code)}."
        )


COUNTED = {each.name for each in fields(LoadSummary) if each.type is int}
ALSO_SENT = {
    *("rows_expected", "resumed", "learned_rate", "nothing_new", "stopped_because", "refused_as"),
    *("rejected_because", "seconds", "stopped_by"),
}


def job_line(job: Job, *, command: str, key: Credentials | None, errors_of_files: bool = False) -> bytes:
    """Return the first line for a worker.

    Args:
        job: Its settings.
        command: The command line that runs the load again.
        key: The key used for signing, or None if the worker looks it up.
        errors_of_files: Whether the parent compares the errors of each file with a limit.
    """
    key_texts = None if key is None else [key.access_key, key.secret_key]
    settings = job.model_dump(mode="json", exclude_unset=True, exclude=set(_NAMES))
    names = {name: getattr(job, name) for name in _NAMES if name in job.model_fields_set}
    values = {"job": settings | names, "command": command, "key": key_texts}
    return line(values | {"errors_of_files": errors_of_files})


_NAMES = ("extract", "run_dir")
"""Settings that name files. pydantic cannot write them as JSON if they have bytes that are not UTF-8."""


def line(values: Mapping[str, Any]) -> bytes:
    """Return a message. Python reads a byte that is not UTF-8 as half a surrogate pair, which is escaped."""
    return json.dumps(values, default=os.fspath).encode() + b"\n"


def read_line(message: bytes) -> Any:
    """Return the values of a message of ``line``."""
    return json.loads(message)


def end_values(summary: LoadSummary | None, error: LoaderError | None) -> dict[str, Any]:
    """Return the end of a worker as JSON values."""
    values: dict[str, Any] = {"summary": _summary_values(summary), "error": None}
    if error is not None:
        texts = {name: getattr(error, name) for name in ("what", "where", "why", "next_step")}
        values["error"] = {"code": int(error.exit_code), **texts}
    return values


def read_end(values: Mapping[str, Any]) -> WorkerEnd:
    """Return the end from the result of ``end_values``."""
    error = values["error"]
    if error is not None:
        error = WorkerError(ExitCode(error.pop("code")), error.pop("what"), **error)
    return WorkerEnd(_read_summary(values["summary"]), error)


def _summary_values(summary: LoadSummary | None) -> dict[str, Any] | None:
    if summary is None:
        return None
    values = {name: getattr(summary, name) for name in COUNTED | ALSO_SENT}
    trouble = summary.last_trouble
    return values | {
        "limited_by": dict(summary.limited_by),
        "latency": asdict(summary.latency),
        "delivery_latency": asdict(summary.delivery_latency),
        "last_trouble": None if trouble is None else asdict(trouble),
        "before": _summary_values(summary.before),
    }


def _read_summary(values: Mapping[str, Any] | None) -> LoadSummary | None:
    if values is None:
        return None
    code, trouble = values["stopped_by"], values["last_trouble"]
    read = {
        "latency": Percentiles(**values["latency"]),
        "delivery_latency": Percentiles(**values["delivery_latency"]),
        "stopped_by": None if code is None else ExitCode(code),
        "last_trouble": None if trouble is None else Trouble(**trouble),
        "before": _read_summary(values["before"]),
    }
    return LoadSummary(run_dir="", **{**values, **read})


def snapshot_values(snapshot: Snapshot) -> dict[str, Any]:
    """Return a snapshot as JSON values."""
    return asdict(snapshot)


def read_snapshot(values: Mapping[str, Any]) -> Snapshot:
    """Return the snapshot from the result of ``snapshot_values``."""
    trouble = values["trouble"]
    return Snapshot(
        **{
            **values,
            "latency": Percentiles(**values["latency"]),
            "delivery_latency": Percentiles(**values["delivery_latency"]),
            "trouble": None if trouble is None else Trouble(**trouble),
        }
    )
