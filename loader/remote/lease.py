"""The lease on a part of a run directory in S3: one runner at a time, until the lease is stale.

Rules kept here:

1. A lease is an object, and the runner that wrote it last holds it. Each write has the condition that the
   object has not changed since it was read.
2. Its age is the difference of two times of S3: when it was written and when it is read. No clock of a
   machine that runs the loader decides who holds it.
3. A lease that was not renewed for the time it states is stale, and another runner may take it. By its own
   clock the holder stops earlier.
4. A lease states the *horizon* of its holder: events of windows from this number on are not sent before the
   next renewal.
"""

import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import inf
from typing import ClassVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from loader.command_line import scn_loader
from loader.errors import CheckpointCorrupt, CheckpointLocked
from loader.remote.answers import ConditionFailed
from loader.remote.objects import WRITER, Objects, Stored
from loader.remote.pace import LEASE_SECONDS

LEASE_NAME = "lease.json"

MARGIN_SECONDS = 2.0
"""Allowance for rounding: S3 gives both times in whole seconds."""

LOOK_SECONDS = 1.0
"""Interval at which a waiting runner checks whether the lease was renewed."""

EVERY_WINDOW = 2**62
"""The horizon of a writer whose lease is missing."""


@dataclass(frozen=True, slots=True)
class LeaseBody:
    """The content of a lease.

    Attributes:
        holder: Id of the working copy that holds it.
        host: Name of the machine.
        pid: Its process.
        since: Time at which the holder took it, in epoch seconds of its machine. Only shown to people.
        seconds: Its duration after each renewal.
        horizon: Events of windows from this number on were not sent since the last copy was taken.
        is_released: Whether its holder has ended after it had copied everything.
    """

    holder: str
    host: str
    pid: int
    since: float
    seconds: float
    horizon: int
    is_released: bool = False

    __pydantic_config__: ClassVar = ConfigDict(extra="forbid", allow_inf_nan=False, strict=True)


_BODIES = TypeAdapter(LeaseBody)


@dataclass(frozen=True, slots=True)
class SeenLease:
    """A lease as it was read.

    Attributes:
        body: Its content.
        etag: ETag of the object.
        age_seconds: Time since its renewal.
        writer: Id of the process that wrote it.
    """

    body: LeaseBody
    etag: str
    age_seconds: float
    writer: str = ""

    @property
    def is_live(self) -> bool:
        """Whether its holder may still be working."""
        return not self.body.is_released and self.age_seconds <= self.body.seconds + MARGIN_SECONDS

    @property
    def words(self) -> str:
        """The holder and the age of the lease, as a sentence."""
        return f"process {self.body.pid} on {self.body.host} renewed its lease {self.age_seconds:.0f} s ago"


def read_lease(objects: Objects, folder: str) -> SeenLease | None:
    """Return the lease on a part, or None if it has none.

    Args:
        objects: The run directory.
        folder: The part's folder below the address, empty or with a slash at its end.

    Raises:
        CheckpointCorrupt: The object is not a lease.
        Unreachable: S3 gave no usable response.
        CheckpointError: S3 refuses.
    """
    stored = objects.read(folder + LEASE_NAME)
    return None if stored is None else _seen(objects, folder, stored)


class Lease:
    """A lease that this process takes, renews and releases.

    Args:
        objects: The run directory.
        folder: The part's folder below the address, empty or with a slash at its end.
        holder: Id of the working copy of this machine.
        writer: Id of this process.
        seconds: Its duration after each renewal.
    """

    def __init__(
        self, objects: Objects, folder: str, *, holder: str, writer: str, seconds: float = LEASE_SECONDS
    ) -> None:
        self._objects = objects
        self._folder = folder
        self._holder = holder
        self.writer = writer
        self.seconds = seconds
        self._etag: str | None = None
        self._since = 0.0
        self.horizon = 0

    def take(
        self, tell: Callable[[str], None], is_stopping: Callable[[], bool] = lambda: False
    ) -> SeenLease | None:
        """Take the lease, if necessary when it becomes stale; return it as the last holder left it.

        The returned lease is not live, even if it was renewed a moment ago: its holder no longer works.

        Args:
            tell: Called with a sentence if the runner has to wait.
            is_stopping: Whether the wait must end.

        Raises:
            CheckpointLocked: Its holder is working, or the wait was ended.
            CheckpointCorrupt: The object is not a lease.
            Unreachable: S3 gave no usable response.
            CheckpointError: S3 refuses.
        """
        watched: SeenLease | None = None
        while True:
            found = read_lease(self._objects, self._folder)
            if found is None or not found.is_live or found.body.holder == self._holder:
                try:
                    self._take_over(found)
                except ConditionFailed:
                    continue  # another runner took it first
                return None if found is None else replace(found, age_seconds=inf)
            if is_stopping() or (watched is not None and found.etag != watched.etag):
                raise self._locked(found)
            if watched is None:
                left = found.body.seconds + MARGIN_SECONDS - found.age_seconds
                tell(
                    f"Another runner holds the run directory in S3: {found.words}. This one takes over in "
                    f"{left:.0f} s unless the lease is renewed."
                )
                watched = found
            time.sleep(LOOK_SECONDS)

    def renew(self, horizon: int) -> None:
        """Write the lease again.

        Args:
            horizon: Events of windows from this number on are not sent before the next renewal.

        Raises:
            ConditionFailed: Another runner holds it.
            Unreachable: S3 gave no usable response. The horizon may have been written all the same.
            CheckpointError: S3 refuses.
        """
        self._write(max(horizon, self.horizon), is_released=False)

    def release(self) -> None:
        """Record that this holder has ended and has copied everything.

        Raises:
            ConditionFailed: Another runner holds it.
            Unreachable: S3 gave no usable response.
            CheckpointError: S3 refuses.
        """
        self._write(0, is_released=True)

    def give_back(self) -> None:
        """Let the next runner take the lease at once. This holder sent nothing; the horizon is unchanged.

        Raises:
            ConditionFailed: Another runner holds it.
            Unreachable: S3 gave no usable response.
            CheckpointError: S3 refuses.
        """
        self.seconds = -2 * MARGIN_SECONDS
        self._write(self.horizon, is_released=False)

    def _take_over(self, found: SeenLease | None) -> None:
        self._etag = None if found is None else found.etag
        self.horizon = 0 if found is None else found.body.horizon
        self._since = time.time()
        content = self._write(self.horizon, is_released=False)
        self._objects.check_conditions(self._folder + LEASE_NAME, content, writer=self.writer)

    def _write(self, horizon: int, *, is_released: bool) -> bytes:
        body = LeaseBody(
            holder=self._holder,
            host=socket.gethostname(),
            pid=os.getpid(),
            since=self._since,
            seconds=self.seconds,
            horizon=horizon,
            is_released=is_released,
        )
        name = self._folder + LEASE_NAME
        content = _BODIES.dump_json(body)
        self._etag = self._objects.replace(name, content, etag=self._etag, writer=self.writer)
        self.horizon = horizon
        return content

    def _locked(self, found: SeenLease) -> CheckpointLocked:
        return CheckpointLocked(
            "Another runner is working in the run directory in S3.",
            where=f"{self._objects.address}/{self._folder}".rstrip("/"),
            why=f"{found.words}; it has held it since {_utc(found.body.since)}",
            next_step="wait for it, or stop it; to see its progress:\n"
            f"{scn_loader('status', self._objects.address)}",
        )


def _seen(objects: Objects, folder: str, stored: Stored) -> SeenLease:
    try:
        body = _BODIES.validate_json(stored.body)
    except ValidationError as error:
        raise CheckpointCorrupt(
            "The lease of a run directory in S3 cannot be read; nothing was changed.",
            where=f"{objects.address}/{folder}{LEASE_NAME}",
            why="it is not a lease that this version of the loader wrote",
            next_step="make sure that no runner is working in the run directory, then remove this object",
        ) from error
    return SeenLease(body, stored.etag, stored.age_seconds, stored.metadata.get(WRITER, ""))


def _utc(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(at))
