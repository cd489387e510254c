"""Machines for the command to run on: with a moved clock, a small disk, names of their own."""

import shutil
import struct
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from tests.prepared.starts import COMMAND

LAUNCHER = (sys.executable, "-m", "tests.faults.launcher")
"""Starts the command with the clock, the names and the file limit that its environment asks for."""

NAMESPACE = ("unshare", "--user", "--map-root-user", "--mount")
"""A process with file systems of its own; no rights on this machine are needed or gained."""

NOBODY = ("unshare", "--user", "--map-user=54321", "--map-group=54321")
"""A process whose user has no passwd entry, as in many containers; it may do what whoever starts it may."""

FAKETIME = next(Path("/usr/lib").glob("**/faketime/libfaketimeMT.so.1"), None)
"""The library that moves the clock of a process, if it is installed."""


class MovedClock:
    """The clock of a machine, in a file that the launcher reads; real time until it is moved.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        path.write_bytes(bytes(16))
        self._ahead = self._suspended = 0.0

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables for the launcher."""
        return {"FAULTS_CLOCK_FILE": str(self._path)}

    def set_ahead(self, seconds: float) -> None:
        """Put the clock ahead by so much, as who sets it wrong does; of runs that go on as well."""
        self._ahead += seconds
        self._write()

    def suspend(self, seconds: float) -> None:
        """Let the machine sleep for so long: the clock goes on, and what counts running time does not."""
        self._suspended += seconds
        self.set_ahead(seconds)

    def _write(self) -> None:
        with self._path.open("r+b") as file:
            file.write(struct.pack("dd", self._ahead, self._suspended))


@cache
def can_mount() -> bool:
    """Return whether this machine allows namespaces with mounts of their own."""
    probe = [*NAMESPACE, "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    if shutil.which(NAMESPACE[0]) is None:
        return False
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


def small_disk(run_dir: Path, keep_in: Path, size: str, command: Sequence[str] = COMMAND) -> tuple[str, ...]:
    """Return what starts a command with its run directory on a disk of a certain size.

    Args:
        run_dir: The run directory.
        keep_in: Where its files are copied when the command is over, as the disk is gone then.
        size: Size of the disk, such as ``300k``.
        command: The command.
    """
    script = (
        'mount -t tmpfs -o mode=0700,size="$3" tmpfs "$1" && "${@:4}"; code=$?; cp -a "$1/." "$2"; exit $code'
    )
    run_dir.mkdir(mode=0o700)
    keep_in.mkdir(mode=0o700)
    return _with_mounts(script, run_dir, keep_in, size, command=command)


def read_only_disk(run_dir: Path) -> tuple[str, ...]:
    """Return what starts the command with its run directory on a disk that cannot be written."""
    script = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && exec "${@:2}"'
    return _with_mounts(script, run_dir)


def names(hosts: Path) -> dict[str, str]:
    """Return the environment in which the launcher looks names up in a file alone, as in ``/etc/hosts``."""
    return {"FAULTS_HOSTS_FILE": str(hosts), "FAULTS_RESOLVER_FILE": str(_resolver(hosts))}


def with_names(hosts: Path, command: Sequence[str]) -> tuple[str, ...]:
    """Return what starts another command there."""
    script = 'mount --bind "$1" /etc/hosts && mount --bind "$2" /etc/resolv.conf && exec "${@:3}"'
    return _with_mounts(script, hosts, _resolver(hosts), command=command)


def _resolver(hosts: Path) -> Path:
    """Write the configuration of a resolver that finds no name server."""
    resolver = hosts.with_name("resolv.conf")
    resolver.write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
    return resolver


def _with_mounts(script: str, *arguments: Path | str, command: Sequence[str] = COMMAND) -> tuple[str, ...]:
    return (*NAMESPACE, "bash", "-c", script, "bash", *map(str, arguments), *command)
