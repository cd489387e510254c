"""The command on a machine with a clock and a disk of the test's making: ``python -m tests.faults.launcher``.

The loader itself is as it always is: only the world it sees differs.

    FAULTS_CLOCK_FILE         two native doubles: seconds that the machine's clock is ahead, and seconds that
                              it was suspended for. The test may change them while the load runs.
    FAULTS_HOSTS_FILE         the names that there are, as in /etc/hosts: no other is found.
    FAULTS_RESOLVER_FILE      its /etc/resolv.conf.
    FAULTS_FILE_LIMIT_BYTES   no file may grow beyond this many bytes, as on a full disk.
    FAULTS_KILLED_AT_LIMIT    if set, the write that would exceed the limit kills the process instead of being
                              refused: a death at one certain byte of the checkpoint.
"""

import ctypes
import mmap
import os
import resource
import signal
import struct
import sys
import time
from collections.abc import Mapping
from pathlib import Path

_shift: mmap.mmap | None = None
"""The file of FAULTS_CLOCK_FILE, if there is one."""


def replace_clocks() -> None:
    """Let the clocks of this process follow a file, which is named later or never.

    Modules of the loader keep a clock as a default, so it is replaced before they are imported.
    """
    real, real_clock = time.time, time.clock_gettime

    def moved() -> float:
        return real() + _shift_seconds(0)

    def moved_clock(clock: int) -> float:
        return real_clock(clock) + (_shift_seconds(1) if clock == time.CLOCK_BOOTTIME else 0.0)

    time.time = moved
    time.clock_gettime = moved_clock


def _shift_seconds(place: int) -> float:
    return 0.0 if _shift is None else float(struct.unpack("dd", _shift[:16])[place])


def _follow_clock(path: Path) -> None:
    global _shift  # noqa: PLW0603 - the clock of the process
    with path.open("rb") as file:
        _shift = mmap.mmap(file.fileno(), 16, access=mmap.ACCESS_READ)


CLONE_NEWNS, CLONE_NEWUSER = 0x2_0000, 0x1000_0000
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x4_0000


def _replace_files(files: Mapping[str, str]) -> None:
    """Show this process other files at some paths, as ``unshare --user --map-root-user --mount`` allows it.

    Args:
        files: The file to show, by path.

    Raises:
        OSError: The machine does not allow it.
    """
    user, group = os.getuid(), os.getgid()
    _call("unshare", CLONE_NEWUSER | CLONE_NEWNS)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {user} 1")
    Path("/proc/self/gid_map").write_text(f"0 {group} 1")
    _call("mount", b"none", b"/", None, MS_REC | MS_PRIVATE, None)
    for path, file in files.items():
        _call("mount", os.fsencode(file), os.fsencode(path), None, MS_BIND, None)


def _call(name: str, *arguments: bytes | int | None) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc[name](*(ctypes.c_ulong(each) if isinstance(each, int) else each for each in arguments)):
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def _limit_files(size_bytes: int, *, kills: bool) -> None:
    if kills:
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # Python ignores it, so writes would be refused
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, size_bytes))


def run() -> None:
    """Run ``scn-loader`` with the arguments of this process, whose clocks are replaced."""
    if clock_file := os.environ.get("FAULTS_CLOCK_FILE"):
        _follow_clock(Path(clock_file))
    if hosts := os.environ.get("FAULTS_HOSTS_FILE"):
        _replace_files({"/etc/hosts": hosts, "/etc/resolv.conf": os.environ["FAULTS_RESOLVER_FILE"]})
    from loader.__main__ import run as scn_loader

    if limit := os.environ.get("FAULTS_FILE_LIMIT_BYTES"):
        _limit_files(int(limit), kills="FAULTS_KILLED_AT_LIMIT" in os.environ)
    sys.argv[0] = "scn-loader"
    scn_loader()


if __name__ == "__main__":
    replace_clocks()
    run()
