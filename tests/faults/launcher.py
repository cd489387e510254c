"""The command on a machine with a clock and a disk of the test's making: ``python -m tests.faults.launcher``.

The loader itself is as it always is: only the world it sees differs.

    FAULTS_CLOCK_FILE         two native doubles: seconds that the machine's clock is ahead, and seconds that
                              it was suspended for. The test may change them while the load runs.
    FAULTS_FILE_LIMIT_BYTES   no file may grow beyond this many bytes, as on a full disk.
    FAULTS_KILLED_AT_LIMIT    if set, the write that would exceed the limit kills the process instead of being
                              refused: a death at one certain byte of the checkpoint.
"""

import mmap
import os
import resource
import signal
import struct
import sys
import time
from pathlib import Path


def _move_clock(path: Path) -> None:
    with path.open("rb") as file:
        seconds = mmap.mmap(file.fileno(), 16, access=mmap.ACCESS_READ)
    real, real_clock = time.time, time.clock_gettime

    def moved() -> float:
        return real() + float(struct.unpack("dd", seconds[:16])[0])

    def moved_clock(clock: int) -> float:
        suspended = float(struct.unpack("dd", seconds[:16])[1])
        return real_clock(clock) + (suspended if clock == time.CLOCK_BOOTTIME else 0.0)

    time.time = moved
    time.clock_gettime = moved_clock


def _limit_files(size_bytes: int, *, kills: bool) -> None:
    if kills:
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # Python ignores it, so writes would be refused
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, size_bytes))


def main() -> None:
    """Run ``scn-loader`` with the arguments of this process."""
    if clock_file := os.environ.get("FAULTS_CLOCK_FILE"):
        _move_clock(Path(clock_file))  # before anything of the loader is imported
    from loader.__main__ import run as scn_loader

    if limit := os.environ.get("FAULTS_FILE_LIMIT_BYTES"):
        _limit_files(int(limit), kills="FAULTS_KILLED_AT_LIMIT" in os.environ)
    sys.argv[0] = "scn-loader"
    scn_loader()


if __name__ == "__main__":
    main()
