"""Run the whole command, ``scn-loader load``, as its users do: in a process of its own."""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.folder import EVENT_TYPE, INSTANCE, KEYS, REGION, ROOT
from benchmarks.processes import Child, Ended

PACKED = ("--pack", "group", "--group-buckets", "64")
"""64 groups: enough lanes for the requests in flight, few enough to fill their events."""

LOAD_SECONDS = 3600.0
SUMMARY_NAME = "summary.json"
CHECKPOINT_NAME = "checkpoint.sqlite"


@dataclass(frozen=True, slots=True)
class LoadEnded:
    """A load that is over.

    Attributes:
        process: What its process used.
        summary: Its ``--summary-json``.
    """

    process: Ended
    summary: dict[str, Any]

    @property
    def rows_per_second(self) -> float:
        """Rows per second of the whole command, the start of Python included."""
        return float(self.summary["rows_in_run"]) / self.process.seconds

    @property
    def requests_per_second(self) -> float:
        """Requests per second, reckoned in the same way."""
        return float(self.summary["attempts"]) / self.process.seconds


def load_command(
    extract: Path, url: str, run_dir: Path, *options: str, instance_id: str = INSTANCE
) -> list[str]:
    """Return the command that loads an extract.

    Args:
        extract: The extract.
        url: Where the service listens.
        run_dir: Where checkpoint and summary go.
        options: Further options, such as `PACKED`.
        instance_id: Where the events go.
    """
    where = ["--endpoint-url", url, "--region", REGION, "--instance-id", instance_id]
    told = ["--progress", "none", "--summary-json", str(run_dir / SUMMARY_NAME)]
    return [
        *(sys.executable, "-m", "loader", "load", str(extract)),
        *("--event-type", EVENT_TYPE, "--run-dir", str(run_dir)),
        *where,
        *told,
        *options,
    ]


def start_load(
    command: Sequence[str],
    run_dir: Path,
    core: int | None,
    source: Path = ROOT,
    certificate: Path | None = None,
) -> Child:
    """Start a load that has learned nothing yet.

    Args:
        command: What `load_command` gives.
        run_dir: Its run directory, which also takes its output and its state.
        core: The core it runs on, or None for any.
        source: The folder that holds the loader: another one for another revision.
        certificate: The certificate that the service is trusted by, or None for those of the system.
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    # What loads learn is kept in the user's state folder: this one is empty.
    state = {"XDG_STATE_HOME": str(run_dir / "state")}
    trust = {"AWS_CA_BUNDLE": str(certificate)} if certificate is not None else {}
    environment = {**KEYS, **state, **trust, "PYTHONPATH": str(source)}
    # Python looks for the loader first where it runs, then along PYTHONPATH.
    return Child(command, core=core, folder=run_dir, environment=environment, name="load", directory=source)


def run_load_for(seconds: float, command: Sequence[str], run_dir: Path, core: int | None) -> None:
    """Start a load, and stop it after so many seconds.

    Raises:
        RuntimeError: It ended early.
    """
    with start_load(command, run_dir, core) as load:
        time.sleep(seconds)
        stop_load(load)


def stop_load(load: Child) -> None:
    """Stop a load that is still running.

    Raises:
        RuntimeError: It ended early.
    """
    if (early := load.poll()) is not None:
        raise RuntimeError(f"the load ended early, with {early.exit_code}:\n{early.errors[-2000:]}")
    load.stop()


def finish_load(child: Child, run_dir: Path, timeout_seconds: float = LOAD_SECONDS) -> LoadEnded:
    """Wait for a load and return its result.

    Raises:
        RuntimeError: It did not deliver everything.
        TimeoutError: It took too long.
    """
    ended = child.wait(timeout_seconds)
    if ended.exit_code != 0:
        raise RuntimeError(f"the load ended with {ended.exit_code}:\n{ended.errors[-2000:]}")
    return LoadEnded(ended, json.loads((run_dir / SUMMARY_NAME).read_text()))


@cache
def knows_option(option: str) -> bool:
    """Return whether this version of the command has an option."""
    command = [sys.executable, "-m", "loader", "load", "--help"]
    # Wide, so that no option is cut.
    environment = {**KEYS, "PYTHONPATH": str(ROOT), "COLUMNS": "200", "PATH": ""}
    said = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return option in said.stdout
