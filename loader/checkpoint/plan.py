"""The stored plan of a load, and its differences from another plan.

Rules kept here:

1. Two files with the same content are the same file. A moved file is not a difference, unless its new path
   gives different columns.
2. Each difference is reported with the stored and the given value, and without row data.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson

from loader.model import Event, SourceFile
from loader.sources.partitions import partitions_of

SHOWN_DIFFERENCES = 12
SHOWN_CHARS = 160

DIGEST_BYTES = 16


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that determines the events of a load.

    Attributes:
        settings: The settings that shape events, as JSON values.
        files: The files of the extract, in order.
        window_rows: Number of rows of a window.
        slice_rows: Number of rows of a slice, the part of a window that is planned at a time.
        command: The command line that runs the load again, without ``--restart``. It is shown to users and
            not compared.
        connection: Settings of the connection to the service, as JSON values. They are not compared.
    """

    settings: Mapping[str, Any]
    files: Sequence[SourceFile]
    window_rows: int
    slice_rows: int
    command: str = ""
    connection: Mapping[str, Any] = field(default_factory=dict)


def differences(stored: Plan, given: Plan) -> list[str]:
    """Return one line for each difference because of which ``given`` has other events than ``stored``.

    The windows follow from the settings and the files, so they are a line of their own only if these agree.
    """
    lines = [*setting_differences(stored, given), *_file_differences(stored, given)]
    return lines or list(_window_differences(stored, given))


def shown(lines: Sequence[str]) -> str:
    """Return differences as text for an error block, at most ``SHOWN_DIFFERENCES`` lines."""
    more = len(lines) - SHOWN_DIFFERENCES
    tail = [f"and {more} more"] if more > 0 else []
    return "\n".join([*lines[:SHOWN_DIFFERENCES], *tail])


def plan_digest(events: Sequence[Event]) -> bytes:
    """Return a digest of the tokens of a slice. A token depends on the whole content of its event."""
    tokens = "".join([event.token for event in events])
    return hashlib.blake2b(tokens.encode(), digest_size=DIGEST_BYTES).digest()


def setting_differences(stored: Plan, given: Plan) -> Iterator[str]:
    """Return one line for each setting in which ``given`` differs from ``stored``."""
    before, now = _as_json(stored.settings), _as_json(given.settings)
    for name in sorted(before.keys() | now.keys()):
        if before.get(name) != now.get(name):
            yield f"setting {name}: the load began with {_text(before.get(name))}, now {_text(now.get(name))}"


def _file_differences(stored: Plan, given: Plan) -> Iterator[str]:
    partitions = bool(given.settings.get("partitions"))
    for before, now in zip(stored.files, given.files, strict=False):
        moved = _other_partitions(before, now) if partitions else ()
        changes = "; ".join([*_changes(before, now), *moved])
        if changes:
            name = now.path if now.path == before.path else f"{now.path} (in place of {before.path})"
            yield f"file {name}: {changes}"
    for gone in stored.files[len(given.files) :]:
        yield f"file {gone.path}: part of the load, not given now"
    for added in given.files[len(stored.files) :]:
        yield f"file {added.path}: not part of the load, given now"


def _window_differences(stored: Plan, given: Plan) -> Iterator[str]:
    if (stored.window_rows, stored.slice_rows) != (given.window_rows, given.slice_rows):
        yield (
            f"windows of {stored.window_rows:,} rows in slices of {stored.slice_rows:,} then, "
            f"of {given.window_rows:,} in slices of {given.slice_rows:,} now"
        )


def _changes(before: SourceFile, now: SourceFile) -> Iterator[str]:
    if before.format != now.format:
        yield f"format {before.format} then, {now.format} now"
    if before.size_bytes != now.size_bytes:
        yield f"{before.size_bytes:,} bytes then, {now.size_bytes:,} now"
    elif before.fingerprint != now.fingerprint:
        yield "other content of the same size"
    elif now.is_sampled and before.modified_ns != now.modified_ns:
        # Only samples of the content were compared, so the times must be equal too.
        yield f"modified {_time(before.modified_ns)} then, {_time(now.modified_ns)} now"
    elif now.is_sampled and _was_touched(before, now):
        yield (
            f"it, or its owner, mode or links, changed {_time(now.changed_ns)}; if its content changed, its "
            "modification time was set back (a copy made with 'cp -p' counts as the original file)"
        )
    if before.copy != now.copy:
        yield f"it was copy {before.copy} of its content in the extract, now it is copy {now.copy}"


def _other_partitions(before: SourceFile, now: SourceFile) -> Iterator[str]:
    """Return the difference between the columns that two paths of a file give. Such columns are content."""
    columns_before, columns_now = partitions_of(before.path), partitions_of(now.path)
    if columns_before != columns_now:
        yield f"its path gave {_text(columns_before)} then, {_text(columns_now)} now"


def _was_touched(before: SourceFile, now: SourceFile) -> bool:
    """Return whether the ctime of a file that was not moved changed. Programs cannot set it."""
    is_in_place = before.path == now.path and before.inode == now.inode != 0
    return is_in_place and before.changed_ns != now.changed_ns


def _as_json(settings: Mapping[str, Any]) -> dict[str, Any]:
    decoded: dict[str, Any] = orjson.loads(orjson.dumps(dict(settings)))
    return decoded


def _text(value: object) -> str:
    text = orjson.dumps(value).decode()
    return text if len(text) <= SHOWN_CHARS else text[: SHOWN_CHARS - 3] + "..."


def _time(modified_ns: int) -> str:
    seconds, nanoseconds = divmod(modified_ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{nanoseconds:09d}Z"
