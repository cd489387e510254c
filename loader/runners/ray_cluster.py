"""The Ray cluster of a load: the connection, and a check of its machines before anything is sent."""

import logging
import os
import re
import signal
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import ray
from ray.exceptions import GetTimeoutError, RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

import loader
from loader.errors import Interrupted, LoaderError, SettingsError
from loader.process.signals import GRACE_SECONDS, on_signals
from loader.remote.settings import RunDirectorySettings
from loader.runners.shared_file import SharedFile
from loader.sources.left_out import LeftOut
from loader.sources.local_paths import S3_SCHEME, local_files, unlisted
from loader.sources.s3.finding import find_objects

log = logging.getLogger(__name__)

MACHINE_SECONDS = 60.0
"""Maximum time of the check of a machine. The first task of a machine starts a Python process."""

CONNECT_SECONDS = 5.0

OBJECT_STORE_BYTES = 100 * 2**20
"""Size for a cluster that the load starts. It stores almost nothing; Ray requires 75 MiB."""

SHARED = "use storage that all machines have at the same path, then run the same command again"
"""What to do if a machine does not see the files of another one."""

PASSED_ON = (
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_SUPPLYCHAIN",
    "AWS_ENDPOINT_URL_S3",
)
"""Environment variables that the tasks take from the driver."""


@contextmanager
def connected(address: str | None, tasks: int) -> Iterator[None]:
    """Connect to the cluster, or start one on this machine.

    Args:
        address: Its address, or None to start one.
        tasks: Number of tasks for which one that is started has processors.

    Raises:
        SettingsError: No cluster responds at the address.
        Interrupted: A signal arrived before the load began.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # otherwise Ray sends usage reports
    options: dict[str, Any] = {"address": address}
    if address is None:
        made = {
            "num_cpus": tasks,
            "object_store_memory": OBJECT_STORE_BYTES,
            "include_dashboard": False,
        }
        options = {"address": "local", **made}
    with on_signals(_raise, lambda _: None, GRACE_SECONDS):
        try:
            _check_listening(address)
            with _own_sigterm():
                ray.init(**options, log_to_driver=False, logging_level=logging.ERROR)
        except (OSError, RuntimeError, ValueError, RayError) as error:
            raise SettingsError(
                "No Ray cluster can run the load.",
                where=address or "this machine",
                why=str(error).strip().splitlines()[0],
                next_step="start one with 'ray start --head', or leave out --ray-address",
            ) from error
        try:
            yield
        finally:
            ray.shutdown()


def check_machines(extract: Sequence[str], run_dir: RunDirectorySettings, tasks: int) -> None:
    """Check that each machine of the cluster has what a load needs.

    Args:
        extract: The extract, in a form that is valid in any folder.
        run_dir: The run directory, and how S3 is reached.
        tasks: Number of tasks.

    Raises:
        SettingsError: A machine has another version, or lacks the extract or the run directory.
        NothingToLoad: No files were found.
        ExtractError: The extract cannot be read here.
        CheckpointError: The run directory is in S3, which refuses or cannot be reached.
    """
    # A machine without resources has just joined and has not reported them yet.
    machines = [
        each
        for each in ray.nodes()
        if each["Alive"] and (not each["Resources"] or each["Resources"].get("CPU"))
    ]
    cpus = int(sum(each["Resources"].get("CPU", 0) for each in machines))
    if cpus < tasks:
        log.warning("The Ray cluster has %d CPUs for %d shards: some of them wait for others.", cpus, tasks)
    shared = SharedFile(run_dir)
    shared.write()
    try:
        ours = _look(extract, shared)
        for machine, theirs in _looks(extract, shared, machines):
            _compare(machine, theirs, ours, shared.where)
    finally:
        shared.remove()


def passed_on() -> dict[str, str]:
    """Return the environment variables that the tasks take from the driver, without credentials."""
    return {name: os.environ[name] for name in PASSED_ON if name in os.environ}


def _looks(
    extract: Sequence[str], shared: SharedFile, machines: Sequence[Mapping[str, Any]]
) -> list[tuple[str, dict[str, Any]]]:
    """Return the name of each machine, and what it finds. Several nodes may have one name and address."""
    looks = []
    for each in machines:
        there = NodeAffinitySchedulingStrategy(each["NodeID"], soft=False)
        task = ray.remote(_look_for_driver).options(num_cpus=0, max_retries=0, scheduling_strategy=there)
        machine = f"{each['NodeManagerHostname']} ({each['NodeManagerAddress']})"
        looks.append((machine, task.remote(extract, shared, passed_on())))
    found = []
    for machine, look in looks:
        try:
            found.append((machine, ray.get(look, timeout=MACHINE_SECONDS)))
        except (GetTimeoutError, RayError) as error:
            why = next((line for line in reversed(str(error).strip().splitlines()) if line.strip()), "")
            raise SettingsError(
                "A machine of the Ray cluster cannot run the loader.",
                where=machine,
                why=why or type(error).__name__,
                next_step=f"pip install 'scn-loader[ray]=={loader.__version__}'",
            ) from error
    return found


def _compare(machine: str, theirs: Mapping[str, Any], ours: Mapping[str, Any], run_dir: str) -> None:
    where, why, next_step = "", "", SHARED
    if theirs["version"] != ours["version"]:
        where, why = "scn-loader", f"it has version {theirs['version']}, and this is {ours['version']}"
        next_step = f"pip install 'scn-loader[ray]=={loader.__version__}'"
    elif theirs["problem"]:
        where, why = theirs["problem"]
    elif theirs["files"] != ours["files"]:
        other = sorted(set(ours["files"]) ^ set(theirs["files"]))
        where, why = other[0][0], "it is missing or has another size"
    elif not theirs["has_shared"]:
        where, why = (
            run_dir,
            "a file written by this machine is missing there, or the machine may not write there",
        )
    if where:
        raise SettingsError(
            "A machine of the Ray cluster does not have what the load needs; nothing was sent.",
            where=f"{where} on {machine}",
            why=why,
            next_step=next_step,
        )


def _look_for_driver(
    extract: Sequence[str], shared: SharedFile, environment: Mapping[str, str]
) -> dict[str, Any]:
    """Run the check; return an error of the loader as texts, which can be sent to the driver."""
    os.environ.update(environment)  # the process runs tasks of this driver only
    try:
        return _look(extract, shared)
    except LoaderError as error:
        problem = (error.where or "the extract", error.what)
        return {"version": loader.__version__, "problem": problem, "files": [], "has_shared": False}


def _look(extract: Sequence[str], shared: SharedFile) -> dict[str, Any]:
    """Return the files that this machine finds, and whether it has the same run directory.

    A dictionary, because another version of the loader must be able to read its version.
    """
    client = shared.run_dir.s3.client()
    files: list[tuple[str, int]] = []
    for pattern in unlisted(extract):
        if pattern.startswith(S3_SCHEME):
            files += [(str(each), each.size_bytes) for each in find_objects(pattern, client, LeftOut())]
        else:
            files += [(str(each), each.stat().st_size) for each in local_files(pattern, LeftOut())]
    return {"version": loader.__version__, "problem": None, "files": files, "has_shared": shared.is_found()}


def _check_listening(address: str | None) -> None:
    """Raise OSError if HOST:PORT refuses connections; Ray itself tries for a minute."""
    match = re.fullmatch(r"(?:ray://)?([^/:]+):(\d+)", address or "")
    if match:
        socket.create_connection((match[1], int(match[2])), CONNECT_SECONDS).close()


@contextmanager
def _own_sigterm() -> Iterator[None]:
    """Restore the handler of SIGTERM, which Ray replaces."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _raise(reason: Interrupted) -> None:
    raise reason
