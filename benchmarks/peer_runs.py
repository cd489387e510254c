"""Run a peer and return how fast it was; set up the environment that one of them needs."""

import json
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.folder import KEYS, ROOT, bench_folder
from benchmarks.processes import Child, run_to_end

PEER_MARGIN_SECONDS = 60.0
"""What a peer may take beyond its time: to start, and for retries of its last requests."""

INSTALL_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Peer:
    """Another way to send events.

    Attributes:
        name: What tables call it.
        module: Its script, in ``benchmarks.peers``.
        options: Its options.
        own_environment: Whether it needs libraries that would disturb the loader's.
        is_ceiling: Whether it does less than a client must.
    """

    name: str
    module: str
    options: tuple[str, ...] = ()
    own_environment: bool = False
    is_ceiling: bool = False


THREADS = ("--threads", "16")
BOTO3 = Peer("boto3, 16 threads", "boto3_threads", (*THREADS, "--retries", "legacy"))
PEERS = (
    BOTO3,
    Peer("boto3, 16 threads, standard retries", "boto3_threads", (*THREADS, "--retries", "standard")),
    Peer("boto3, 16 threads, adaptive retries", "boto3_threads", (*THREADS, "--retries", "adaptive")),
    Peer("aiobotocore, 64 tasks", "aiobotocore_tasks", own_environment=True),
    Peer("aiohttp with botocore's signer, 64 tasks", "bare_aiohttp"),
    Peer("aiohttp, nothing signed, 64 tasks", "bare_aiohttp", ("--signer", "none"), is_ceiling=True),
    Peer("bare uvloop protocol, one fixed request", "bare_protocol", is_ceiling=True),
)


@dataclass(frozen=True, slots=True)
class PeerEnded:
    """The result of a peer: see `benchmarks.peers.rows.Sent`."""

    accepted: int
    seconds: float
    failed: dict[str, int]
    versions: dict[str, str]


def peer_command(peer: Peer, python: Path, url: str, rows: Path, seconds: float) -> list[str]:
    """Return the command that runs a peer."""
    given = ["--url", url, "--rows", str(rows), "--seconds", str(seconds)]
    return [str(python), "-m", f"benchmarks.peers.{peer.module}", *given, *peer.options]


def run_peer(peer: Peer, url: str, rows: Path, seconds: float, core: int | None) -> PeerEnded:
    """Run a peer to its end.

    Raises:
        RuntimeError: It failed.
        TimeoutError: It took much longer than it should.
    """
    command = peer_command(peer, python_of(peer), url, rows, seconds)
    with TemporaryDirectory(prefix="scn-bench-") as folder:
        ended = run_to_end(
            command,
            core=core,
            folder=Path(folder),
            environment={**KEYS, "PYTHONPATH": str(ROOT)},
            timeout_seconds=seconds + PEER_MARGIN_SECONDS,
        )
    if ended.exit_code != 0:
        raise RuntimeError(f"{peer.name} ended with {ended.exit_code}:\n{ended.errors[-2000:]}")
    return PeerEnded(**json.loads(ended.output))


def start_peer(peer: Peer, url: str, rows: Path, seconds: float, *, core: int | None, folder: Path) -> Child:
    """Start a peer that is to run beside whatever else is watched."""
    command = peer_command(peer, python_of(peer), url, rows, seconds)
    return Child(
        command, core=core, folder=folder, environment={**KEYS, "PYTHONPATH": str(ROOT)}, name="peer"
    )


def python_of(peer: Peer) -> Path:
    """Return the Python that runs a peer; the environment of one that needs it is made the first time.

    aiobotocore wants a botocore of its own, older than the loader's: it must not get into its lock.

    Raises:
        subprocess.CalledProcessError: It could not be installed.
    """
    if not peer.own_environment:
        return Path(sys.executable)
    folder = bench_folder() / "venv"
    python = folder / "bin" / "python"
    if not (folder / ".ready").exists():
        venv.create(folder, with_pip=True, clear=True)
        command = [
            str(python),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "aiobotocore",
        ]
        subprocess.run(command, check=True, timeout=INSTALL_SECONDS)
        (folder / ".ready").touch()
    return python
