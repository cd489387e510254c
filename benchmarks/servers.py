"""The other side of the wire: an nginx of our own, and the emulator, each in a process on its own core."""

import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from benchmarks.answers import Answer, read_access_log, read_ledger
from benchmarks.folder import ROOT
from benchmarks.nginx_config import (
    ACCESS_LOG_NAME,
    CONFIG_NAME,
    FLAG_NAME,
    STATUS_PATH,
    LimitReq,
    NginxSettings,
    render,
)
from benchmarks.processes import pinned

START_SECONDS = 15.0
STOP_SECONDS = 10.0
LEDGER_NAME = "ledger.sqlite"
LOG_FLUSH_SECONDS = 1.2
"""A buffered access log is written out once a second."""

DEBIAN_PACKAGES = {"nginx": "nginx-light", "wrk": "wrk", "openssl": "openssl"}

CERTIFICATE_NAME, KEY_NAME = "certificate.pem", "key.pem"


class MissingProgramError(Exception):
    """A program that the benchmarks need is not installed."""


def require(*programs: str) -> None:
    """Make sure that programs are installed.

    Raises:
        MissingProgramError: One is not; the text says how to get it.
    """
    missing = [program for program in programs if program_path(program) is None]
    if missing:
        packages = " ".join(DEBIAN_PACKAGES[program] for program in missing)
        raise MissingProgramError(
            f"{' and '.join(missing)} not found. The benchmarks need them; on Debian and Ubuntu: "
            f"apt-get install {packages}"
        )


def program_path(program: str) -> str | None:
    """Return where a program is, or None if it is not installed."""
    # Debian keeps nginx where only root looks.
    return shutil.which(program, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"]))


@dataclass(frozen=True, slots=True)
class Server:
    """A server that runs.

    Attributes:
        url: Where it listens.
        name: What it is.
        certificate: The certificate that it presents, or None for plain HTTP.
    """

    url: str
    name: str
    _pid: int
    _folder: Path = field(repr=False)
    certificate: Path | None = None

    def cpu_seconds(self) -> float:
        """Return the CPU time it has used so far."""
        times = psutil.Process(self._pid).cpu_times()
        return float(times.user + times.system)

    def answers(self) -> list[Answer]:
        """Return its answers so far, in order, if it keeps track of them."""
        if self.name == "nginx":
            time.sleep(LOG_FLUSH_SECONDS)
            return read_access_log((self._folder / ACCESS_LOG_NAME).read_text())
        return read_ledger(self._folder / LEDGER_NAME)

    def has_answered(self) -> bool:
        """Return whether nginx has logged an answer (it has to log them at once)."""
        return (self._folder / ACCESS_LOG_NAME).stat().st_size > 0

    def requests(self) -> int:
        """Return how many requests nginx has had, those for this number included."""
        trust = ssl.create_default_context(cafile=self.certificate) if self.certificate else None
        address = f"{self.url}{STATUS_PATH}"
        with urllib.request.urlopen(address, timeout=START_SECONDS, context=trust) as response:
            status = response.read().decode()
        counts = re.search(r"\n +\d+ +\d+ +(\d+)", status)
        assert counts is not None
        return int(counts[1])

    def put_lower_quota_in_force(self, *, in_force: bool) -> None:
        """Put nginx's lower quota in force, or lift it."""
        flag = self._folder / FLAG_NAME
        flag.touch() if in_force else flag.unlink(missing_ok=True)


@contextmanager
def running_nginx(
    *,
    core: int | None,
    quota: LimitReq | None = None,
    lower_quota: LimitReq | None = None,
    log_requests: str = "off",
    tls: bool = False,
) -> Iterator[Server]:
    """Run an nginx on a free port of loopback, in a folder that goes away with it.

    Args:
        core: The core it runs on, or None for any.
        quota: Its quota, or None for none.
        lower_quota: A second quota that can be put in force.
        log_requests: See `NginxSettings`.
        tls: Whether it speaks TLS, with a certificate that it signed itself.

    Raises:
        MissingProgramError: nginx is not installed, or openssl where it is needed.
        RuntimeError: It did not start.
    """
    require("nginx")
    with TemporaryDirectory(prefix="scn-bench-") as name:
        folder = Path(name)
        (folder / "empty").mkdir()
        (folder / ACCESS_LOG_NAME).touch()
        certificate, key = _self_signed(folder) if tls else (None, None)
        settings = NginxSettings(_free_port(), folder, quota, lower_quota, log_requests, certificate, key)
        (folder / CONFIG_NAME).write_text(render(settings))
        program = program_path("nginx") or "nginx"
        command = [program, "-p", name, "-c", str(folder / CONFIG_NAME), "-e", str(folder / "error.log")]
        with subprocess.Popen(pinned(command, core), stdin=subprocess.DEVNULL) as process:
            try:
                _wait_for_port(settings.port, process)
                url = f"{'https' if tls else 'http'}://127.0.0.1:{settings.port}"
                yield Server(url, "nginx", process.pid, folder, certificate)
            finally:
                _stop(process)


def _self_signed(folder: Path) -> tuple[Path, Path]:
    """Make a certificate for 127.0.0.1, of a key like that of AWS's endpoints, and return both files."""
    require("openssl")
    certificate, key = folder / CERTIFICATE_NAME, folder / KEY_NAME
    command = [
        *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
        *("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"),
        *("-keyout", str(key), "-out", str(certificate)),
    ]
    subprocess.run(command, check=True, capture_output=True)
    return certificate, key


@contextmanager
def running_emulator(
    *, core: int | None, rate: int, burst: int, latency_ms: float = 0.0, faults: Path | None = None
) -> Iterator[Server]:
    """Run the emulator as a quota, with a ledger of every call.

    Args:
        core: The core it runs on, or None for any.
        rate: Its quota in calls per second.
        burst: Calls it admits at once.
        latency_ms: Time an answer takes.
        faults: Its fault plan, or None.

    Raises:
        RuntimeError: It did not start.
    """
    with TemporaryDirectory(prefix="scn-bench-") as name:
        ledger = Path(name) / LEDGER_NAME
        command = [sys.executable, "-m", "benchmarks.emulator_process", str(ledger)]
        command += ["--rate", str(rate), "--burst", str(burst), "--latency-ms", str(latency_ms)]
        command += ["--faults", str(faults)] if faults is not None else []
        with subprocess.Popen(
            pinned(command, core),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        ) as process:
            try:
                line = process.stdout.readline() if process.stdout is not None else ""
                if not line.startswith("http"):
                    raise RuntimeError("the emulator did not start")
                yield Server(line.strip(), "emulator", process.pid, Path(name))
            finally:
                _stop(process)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for_port(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise RuntimeError(f"nginx did not start on port {port}")


def _stop(process: "subprocess.Popen[bytes] | subprocess.Popen[str]") -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
