"""Surroundings of a run, drawn at random: its streams, its clock, its disk, the signals that it gets.

The same seed gives the same surroundings. Nothing of the loader is replaced: a shell sets up what is asked
for and then becomes the command.
"""

import os
import shlex
import signal
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from tests.faults.copied_run_dirs import COPIES, TEARS
from tests.faults.machines import FAKETIME, NOBODY, can_mount, small_disk

STREAMS = (
    "",
    "<&-",
    ">&-",
    "2>&-",
    "<&- >&- 2>&-",
    ">/dev/full",
    "2>/dev/full",
    ">/dev/full 2>/dev/full",
    "| true",
    "2>&1 | true",
)
HOMES = ("", "unset HOME;", "export HOME=/nowhere;", "export HOME=/dev/null;", "export TMPDIR=/nowhere;")
USERS = ("", "", "without a passwd entry")
TOO_LITTLE_MEMORY = ("ulimit -v 600000;", "ulimit -d 200000;")
TOO_LITTLE_FOR_A_SUMMARY = "ulimit -f 40;"
LIMITS = (
    *("", "", "", "umask 0;", "ulimit -c 0;"),
    *("ulimit -n 64;", "ulimit -n 24;", "ulimit -f 1000;"),
    TOO_LITTLE_FOR_A_SUMMARY,
    *TOO_LITTLE_MEMORY,
)
ENCODINGS: Sequence[Mapping[str, str]] = (
    {},
    {"LC_ALL": "C"},
    {"LC_ALL": "C", "PYTHONIOENCODING": "ascii"},
    {"PYTHONIOENCODING": "latin-1"},
    {"PYTHONUTF8": "0", "LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0"},
    {"PYTHONUTF8": "0", "LC_ALL": "xx_NOWHERE.UTF-16"},
)
NAMES: Sequence[bytes] = (
    b"orders.csv",
    b"orders.csv",
    b".orders.csv",
    "bestellung \u00e4\u4e2d.csv".encode(),
    b"an odd 'name' \x1b[31mred.csv",
    b"line\nend.csv",
    b"not utf-8 \xff\xfe.csv",
    b"x" * 251 + b".csv",
    b"-rf.csv",
)
FLAGS = ((), (), ("--debug",), ("--log-format", "json"), ("--progress", "none"))
CLOCKS = ("", "", "", "+9h", "-9h", "+3650d", "-3650d")
"""How far the clock of the machine is off, as libfaketime reads it."""

DISKS = ("4k", "40k", "100k", "200k", "1m")
"""Sizes of a disk for the run directory: nearly nothing, too little for the whole load, enough."""

SIGNALS = (
    (),
    (),
    (signal.SIGINT,),
    (signal.SIGTERM,),
    (signal.SIGHUP,),
    (signal.SIGTERM, signal.SIGTERM),
    (signal.SIGINT, signal.SIGINT, signal.SIGINT),
)
STAGES = ("importing", "opening", "sending", "ending")
"""What the command does when the first signal comes."""

PLACES = ("load.lock", "load.log", "checkpoint.sqlite", "checkpoint.sqlite-wal", "checkpoint.sqlite-journal")
THINGS = ("link", "dangling link", "fifo", "folder", "rubbish")

CODES = frozenset({0, 1, 2, 5, 9, 130, 143})
"""What a run may end with: 70 is a bug, a negative one a death, and nothing here is 3, 4 or 6."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The environment of one run.

    Attributes:
        streams: Redirections of the shell.
        home: Changes of HOME and TMPDIR by the shell.
        user: The user of the command.
        limits: Limits that the shell sets.
        encoding: Environment variables that determine encodings.
        name: Name of the extract, in bytes.
        flags: Added to the command line.
        clock: The error of the clock; empty for none.
        signals: The signals to send, in order.
        stage: The stage of the command at the first signal.
        after_seconds: Seconds between the start of that stage and the signal.
        prepared: A name in the run directory and the kind of file there before the run, or two empty texts.
        copied: A copy of a killed load's run directory and its tear, or two empty texts.
        disk: Size of the disk of the run directory; empty for the usual one.
    """

    streams: str
    home: str
    user: str
    limits: str
    encoding: Mapping[str, str]
    name: bytes
    flags: tuple[str, ...]
    clock: str
    signals: tuple[signal.Signals, ...]
    stage: str
    after_seconds: float
    prepared: tuple[str, str] = ("", "")
    copied: tuple[str, str] = ("", "")
    disk: str = ""

    def here(self) -> "Surroundings":
        """Return them without what this machine does not have."""
        return replace(
            self,
            clock=self.clock if FAKETIME else "",
            disk=self.disk if can_mount() else "",
            user=self.user if can_mount() else "",
        )

    def launcher(self, command: Sequence[str], run_dir: Path, pid_file: Path, kept: Path) -> tuple[str, ...]:
        """Return what starts a command in these surroundings: shells that set all up.

        Args:
            command: The command.
            run_dir: Its run directory.
            pid_file: Where its process id is written; the exit code of a pipe too, with the suffix ``.code``.
            kept: Where the files of a disk are copied at the end.
        """
        itself = f'sh -c \'echo $$ >"$0"; {self._clock()}exec "$@"\' {shlex.quote(str(pid_file))} "$@"'
        script = f"exec {itself} {self.streams}"
        if "|" in self.streams:  # a pipeline ends with the code of its last command
            code = shlex.quote(f"{pid_file}.code")
            script = f'{{ {itself}; echo $? >{code}; }} {self.streams}; exit "$(cat {code})"'
        command = ("sh", "-c", f"{self.home} {self.limits} {script}", "sh", *command)
        if self.user:
            command = (*NOBODY, *command)
        return small_disk(run_dir, kept, self.disk, command) if self.disk else command

    def _clock(self) -> str:
        if not self.clock:
            return ""
        return f"export LD_PRELOAD={FAKETIME} FAKETIME={self.clock} FAKETIME_DONT_FAKE_MONOTONIC=1; "


def draw(chance: Random) -> Surroundings:
    """Return surroundings: each part is ordinary or odd by itself, so that odd ones come together."""
    around = Surroundings(
        streams=chance.choice(STREAMS),
        home=chance.choice(HOMES),
        user=chance.choice(USERS),
        limits=chance.choice(LIMITS),
        encoding=chance.choice(ENCODINGS),
        name=chance.choice(NAMES),
        flags=chance.choice(FLAGS),
        clock=chance.choice(CLOCKS),
        signals=chance.choice(SIGNALS),
        stage=chance.choice(STAGES),
        after_seconds=chance.choice((0.0, chance.uniform(0.0, 0.5))),
    )
    kind = chance.choices(("usual", "prepared", "copied", "disk"), (4, 2, 3, 2))[0]
    if kind == "prepared":
        return replace(around, prepared=(chance.choice(PLACES), chance.choice(THINGS)))
    if kind == "copied":
        return replace(around, copied=(chance.choice(COPIES), chance.choice(tuple(TEARS))))
    return replace(around, disk=chance.choice(DISKS)) if kind == "disk" else around


def prepare(run_dir: Path, place: str, thing: str, victim: Path) -> None:
    """Put something into a run directory before a load begins there.

    Args:
        run_dir: The run directory, which is made.
        place: The name.
        thing: One of THINGS.
        victim: What a link points at.
    """
    run_dir.mkdir(mode=0o700)
    path = run_dir / place
    if thing == "link":
        path.symlink_to(victim)
    elif thing == "dangling link":
        path.symlink_to(victim.with_name("nothing"))
    elif thing == "fifo":
        os.mkfifo(path, 0o600)
    elif thing == "folder":
        path.mkdir()
    else:
        path.touch(mode=0o600)
        path.write_bytes(b"rubbish\n" * 100)


def heeds_signals(pid: int) -> bool:
    """Return whether a process has a handler for SIGTERM: Python's start is over."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return False
    caught = next((int(line.split()[1], 16) for line in lines if line.startswith("SigCgt")), 0)
    return bool(caught >> (signal.SIGTERM - 1) & 1)


def clear(run_dir: Path, place: str) -> None:
    """Take away what was prepared, unless a load made it its own."""
    path = run_dir / place
    mode = path.lstat().st_mode if os.path.lexists(path) else 0
    if stat.S_ISDIR(mode):
        path.rmdir()
    elif mode:
        path.unlink()
