"""Where and of what a number was measured: machine, versions, commit, date."""

import os
import platform
import re
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.folder import ROOT
from benchmarks.processes import Cores
from benchmarks.servers import program_path

LIBRARIES = ("polars", "orjson", "aiohttp", "httptools", "uvloop", "aiolimiter", "botocore", "boto3")

BUSY_LOAD = 0.5
"""Programs waiting for a core, on average over the last minute, from which on a machine counts as busy."""


@dataclass(frozen=True, slots=True)
class Environment:
    """Where a run took place.

    Attributes:
        date: When, in UTC.
        commit: Commit of the loader, and whether it had changes.
        machine: Processor, cores, memory, kernel.
        python: Version of Python.
        versions: Versions of libraries and programs.
        pinned: Whether client and server had a core each.
        load_before: Load average of the last minute before the run.
        busy: Whether other programs were running: such numbers are not to be trusted.
    """

    date: str
    commit: str
    machine: str
    python: str
    versions: Mapping[str, str] = field(default_factory=dict)
    pinned: bool = True
    load_before: float = 0.0
    busy: bool = False


def look_around(cores: Cores) -> Environment:
    """Return where we are; ask before anything is measured."""
    load_before = os.getloadavg()[0]
    versions = {library: _version(library) for library in LIBRARIES}
    versions |= {"nginx": _says("nginx", "-v"), "wrk": _says("wrk", "-v")}
    return Environment(
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        commit=_commit(),
        machine=_machine(),
        python=platform.python_version(),
        versions={name: text for name, text in versions.items() if text},
        pinned=cores.pinned,
        load_before=round(load_before, 2),
        busy=load_before > BUSY_LOAD,
    )


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return ""


def _says(program: str, flag: str) -> str:
    path = program_path(program)
    if path is None:
        return ""
    said = subprocess.run([path, flag], capture_output=True, text=True, check=False)
    found = re.search(r"\d+(?:\.\d+)+", said.stderr + said.stdout)
    return found[0] if found else ""


def _commit() -> str:
    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
        return done.stdout.strip()

    commit = git("rev-parse", "--short=10", "HEAD")
    return f"{commit} with changes" if git("status", "--porcelain", "--", "loader") else commit


def _machine() -> str:
    model = _first_match("/proc/cpuinfo", r"model name\s*: (.+)", str.strip) or platform.machine()
    gibibytes = _first_match("/proc/meminfo", r"MemTotal:\s+(\d+) kB", lambda kib: f"{int(kib) / 2**20:.0f}")
    virtual = ", a virtual machine" if _first_match("/proc/cpuinfo", r"(hypervisor)", str) else ""
    cores = os.cpu_count() or 1
    return (
        f"{model}, {cores} cores, {gibibytes or '?'} GiB{virtual}; {platform.system()} {platform.release()}"
    )


def _first_match(path: str, pattern: str, turn: Callable[[str], str]) -> str:
    try:
        found = re.search(pattern, Path(path).read_text())
    except OSError:
        return ""
    return turn(found[1]) if found else ""
