"""Runs the command on a file, with a bound on time and memory, and says what no run may do.

Each run is a process of its own, forked from one that has imported the command's modules: starting Python
and importing polars would take most of the time of a run.
"""

import os
import resource
import select
import signal
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import loader.drafting  # imported once for all runs
import loader.preview  # noqa: F401 - the same
from loader.cli import main

SECONDS = 60.0
"""Most processor time of a run: how long it takes on a machine that does nothing else."""

HANGING_SECONDS = 600.0
"""Longest time of a run on the clock."""

ADDRESS_SPACE_BYTES = 12 * 2**30
"""What a run may map beside what the process has mapped that it is forked from."""

PANIC = ("panicked at", "thread '", "PanicException")
"""Words of a Rust panic."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run of the command.

    Attributes:
        words: Its arguments.
        code: Exit code; below zero for a signal.
        stdout: What it wrote.
        stderr: What it complained of.
        seconds: Processor time that it took.
    """

    words: tuple[str, ...]
    code: int
    stdout: str
    stderr: str
    seconds: float

    @property
    def reason(self) -> str:
        """The first line of the error's block, and why."""
        lines = self.stderr.splitlines()
        what = next((line.removeprefix("error: ") for line in lines if line.startswith("error: ")), "")
        why = next((line.partition("why:")[2].strip() for line in lines if line.startswith("  why:")), "")
        return f"{what} {why}".strip()


def run(words: Collection[str], folder: Path) -> Run:
    """Run the command in a folder."""
    stdout, stderr = folder / "stdout", folder / "stderr"
    sys.stdout.flush()
    sys.stderr.flush()
    process = os.fork()
    if process == 0:
        _become_the_command(words, folder, stdout, stderr)
    status, seconds = _wait(process)
    return Run(
        tuple(words),
        os.waitstatus_to_exitcode(status),
        stdout.read_text(encoding="utf-8", errors="replace"),
        stderr.read_text(encoding="utf-8", errors="replace"),
        seconds,
    )


def _wait(process: int) -> tuple[int, float]:
    """Wait for a process, at most HANGING_SECONDS; return its status and processor time."""
    end = os.pidfd_open(process)
    if not select.select([end], [], [], HANGING_SECONDS)[0]:
        os.killpg(process, signal.SIGKILL)
    os.close(end)
    _, status, usage = os.wait4(process, 0)
    return status, usage.ru_utime + usage.ru_stime


def _become_the_command(words: Collection[str], folder: Path, stdout: Path, stderr: Path) -> NoReturn:
    code = 255
    try:
        os.setsid()
        most = _mapped_bytes() + ADDRESS_SPACE_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CPU, (int(SECONDS), int(SECONDS) + 1))
        os.chdir(folder)
        for descriptor, path, flags in (
            (0, Path(os.devnull), os.O_RDONLY),
            (1, stdout, os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
            (2, stderr, os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
        ):
            os.dup2(os.open(path, flags), descriptor)
        os.environ |= {"NO_COLOR": "1", "COLUMNS": "1000"}
        sys.argv = ["scn-loader", *words]
        main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - Python itself would do this
        sys.excepthook(*sys.exc_info())
        code = 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _mapped_bytes() -> int:
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[0]
    return int(pages) * resource.getpagesize()


def faults_of(run: Run, codes: Collection[int]) -> Iterator[str]:
    """Yield what a run may not do: another exit code, no clear block, a traceback, a panic, a minute."""
    name = run.words[0]
    if run.code in (-signal.SIGXCPU, -signal.SIGKILL):
        yield f"{name}: it takes over {SECONDS:.0f} s, or hangs"
    elif run.code not in codes:
        yield f"{name}: exit code {run.code}"
    if "Traceback" in run.stderr + run.stdout:
        yield f"{name}: a traceback"
    if any(word in run.stderr + run.stdout for word in PANIC):
        yield f"{name}: the text of a panic"
    if run.code in (2, 9) and not (run.reason and _says_where_or_why(run.stderr)):
        yield f"{name}: no clear block"


def _says_where_or_why(stderr: str) -> bool:
    return any(f"\n  {label}:" in stderr for label in ("where", "why", "next"))
