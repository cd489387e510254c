"""The last cause of failed attempts, in words: for progress, summary, ``status`` and log.

Rule kept here: the code and our own description are shown, never the message of an answer, because that may
repeat a payload.
"""

import os
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import orjson

from loader.report import figures

FILE_NAME = "trouble.json"
"""File in the run directory with the last cause of failed attempts of the last run."""

MAX_FILE_BYTES = 10_000


@dataclass(frozen=True, slots=True)
class Trouble:
    """A cause of failed attempts, and how often it occurred.

    Attributes:
        code: The service's error code, or ours (docs/troubleshooting.md lists them).
        means: What a code of ours means; empty for a code of the service.
        count: Number of attempts with this cause.
        since: Epoch seconds of the first of them.
        latest: Epoch seconds of the latest.
        is_over: Whether an event was accepted since.
    """

    code: str
    means: str
    count: int
    since: float
    latest: float
    is_over: bool


def in_one_line(trouble: Trouble) -> str:
    """Return ``HTTP503: an intermediary is not available, 312 times since 02:11:05 UTC``."""
    code = figures.printable(trouble.code)
    cause = f"{code}: {trouble.means}" if trouble.means else code
    times = "once at" if trouble.count == 1 else f"{figures.count(trouble.count)} times since"
    return f"{cause}, {times} {figures.moment(trouble.since)}"


def write_trouble(run_dir: Path, trouble: Trouble) -> None:
    """Write a trouble atomically beside the checkpoint.

    Raises:
        OSError: It cannot be written.
    """
    part = run_dir / f".{FILE_NAME}.{os.getpid()}.part"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        descriptor = os.open(part, flags, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(orjson.dumps(asdict(trouble)))
        part.replace(run_dir / FILE_NAME)
    except OSError:
        with suppress(OSError):
            part.unlink()
        raise


def remove_trouble(run_dir: Path) -> None:
    """Remove the trouble of an earlier run.

    Raises:
        OSError: It cannot be removed.
    """
    (run_dir / FILE_NAME).unlink(missing_ok=True)


def read_trouble(run_dir: Path) -> Trouble | None:
    """Return the trouble that a run wrote, or None if no readable file exists."""
    try:
        descriptor = os.open(run_dir / FILE_NAME, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            values = orjson.loads(file.read(MAX_FILE_BYTES))
        read = Trouble(**{each.name: values[each.name] for each in fields(Trouble)})
        in_one_line(read)
    except (OSError, ValueError, TypeError, KeyError, OverflowError, AttributeError):
        return None
    return read
