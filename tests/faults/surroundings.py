"""Surroundings of a run, drawn at random: streams, home, limits, encodings, names, run directories, signals.

The same seed gives the same surroundings. Nothing of the loader is replaced: a shell sets up what it asks for
and then becomes the command.
"""

import os
import signal
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

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
HOMES = ("", "unset HOME;", "export HOME=/nowhere;", "export HOME=/dev/null;")
LIMITS = (
    "",
    "",
    "ulimit -n 64;",
    "ulimit -n 24;",
    "ulimit -f 1000;",
    "ulimit -f 40;",
    "ulimit -c 0;",
    "umask 0;",
)
ENCODINGS: Sequence[Mapping[str, str]] = (
    {},
    {"LC_ALL": "C"},
    {"LC_ALL": "C", "PYTHONIOENCODING": "ascii"},
    {"PYTHONIOENCODING": "latin-1"},
    {"PYTHONUTF8": "0", "LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0"},
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
SIGNALS = (
    (),
    (),
    (signal.SIGINT,),
    (signal.SIGTERM,),
    (signal.SIGHUP,),
    (signal.SIGTERM, signal.SIGTERM),
    (signal.SIGINT, signal.SIGINT, signal.SIGINT),
)
PLACES = ("load.lock", "load.log", "checkpoint.sqlite", "checkpoint.sqlite-wal", "checkpoint.sqlite-journal")
THINGS = ("link", "dangling link", "fifo", "folder", "rubbish")

CODES = frozenset({0, 1, 2, 5, 9, 130, 143})
"""What a run may end with: 70 is a bug, a negative one a death, and nothing here is 3, 4 or 6."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is around one run.

    Attributes:
        streams: Redirections of the shell.
        home: What the shell does to HOME.
        limits: What the shell limits.
        encoding: Environment variables that decide encodings.
        name: Name of the extract, in bytes.
        flags: Added to the command line.
        signals: What is sent, one after the other.
        after_seconds: When the first of them is sent, counted from when the command heeds signals.
        prepared: A name in the run directory and what lies there before the run, or two empty texts.
    """

    streams: str
    home: str
    limits: str
    encoding: Mapping[str, str]
    name: bytes
    flags: tuple[str, ...]
    signals: tuple[signal.Signals, ...]
    after_seconds: float
    prepared: tuple[str, str]

    @property
    def launcher(self) -> tuple[str, ...]:
        """What starts the command: a shell that sets all up."""
        command = f'exec "$@" {self.streams}'
        if "|" in self.streams:  # a pipeline ends with the code of its last command
            command = f'{{ "$@"; echo $? >"$CODE_FILE"; }} {self.streams}; exit "$(cat "$CODE_FILE")"'
        return ("sh", "-c", f"{self.home} {self.limits} {command}", "sh")


def draw(chance: Random) -> Surroundings:
    """Return surroundings: each part is ordinary or odd by itself, so that odd ones come together."""
    streams = chance.choice(STREAMS)
    signals = () if "|" in streams else chance.choice(SIGNALS)  # there the shell would get them
    odd_run_dir = chance.random() < 0.3
    return Surroundings(
        streams=streams,
        home=chance.choice(HOMES),
        limits=chance.choice(LIMITS),
        encoding=chance.choice(ENCODINGS),
        name=chance.choice(NAMES),
        flags=chance.choice(FLAGS),
        signals=signals,
        after_seconds=chance.uniform(0.0, 2.0),
        prepared=(chance.choice(PLACES), chance.choice(THINGS)) if odd_run_dir else ("", ""),
    )


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
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
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
