"""A signal ends the command at every stage, whatever it waits for."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from socket import create_server

import pytest

from tests.prepared.starts import COMMAND, start_by

ROOT = Path(__file__).parents[2]

RESERVATIONS = (
    "--event-type",
    "scn.data.reservation",
    "--emulate",
    "--run-dir",
    "run",
    "--drain-seconds",
    "1",
)

INTERPRETER = (sys.executable, "-c", "from loader.__main__ import run\nrun()")
"""Starts an interpreter for the command, so that the interpreter's own end is tested."""

PROMPT_SECONDS = 12.0
"""An end within the second of draining, with room for a slow machine: far below any time limit of a read."""


@contextmanager
def started(
    folder: Path, launcher: tuple[str, ...], *arguments: str, **environment: str
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a load whose standard input stays open."""
    (folder / "sum.json").write_text("last night's")
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "AWS_EC2_METADATA_DISABLED": "true", **environment}
    with start_by(
        launcher,
        ["load", *arguments, "--summary-json", "sum.json"],
        cwd=folder,
        env=variables,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def until(condition: object, seconds: float = 30.0) -> None:
    """Wait for what a callable says."""
    end = time.monotonic() + seconds
    while not condition():  # type: ignore[operator] # a callable
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("numbers", "code"),
    [([signal.SIGINT], 130), ([signal.SIGTERM], 143), ([signal.SIGHUP], 143), ([signal.SIGINT] * 3, 130)],
)
def test_standard_input_that_stalls(tmp_path: Path, numbers: list[signal.Signals], code: int) -> None:
    """The copy of standard input is gone, the summary is of this run, and Python is not aborted."""
    with started(tmp_path, INTERPRETER, "-", "--format", "csv", *RESERVATIONS) as process:
        assert process.stdin is not None
        process.stdin.write(b"reservation_id,reservation_detail_id\n1,1\n")
        process.stdin.flush()
        until(lambda: list(tmp_path.glob("run/.*/extract")) or list(tmp_path.glob("run/*/extract")))
        for number in numbers:
            process.send_signal(number)
        assert process.wait(PROMPT_SECONDS) == code
        assert process.stderr is not None
        said = process.stderr.read().decode()
    assert "Traceback" not in said
    assert "Fatal" not in said
    assert json.loads((tmp_path / "sum.json").read_text())["exit_code"] == code
    assert not [path for path in tmp_path.glob("run/**/*") if path.name == "extract"]


@contextmanager
def silent_server() -> Iterator[tuple[str, threading.Event]]:
    """Accept connections and never answer; the event is set with the first request."""
    asked = threading.Event()
    connections = []
    with create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection = server.accept()[0]
                except OSError:
                    return
                connections.append(connection)
                with suppress(OSError):
                    connection.recv(1)
                asked.set()

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}", asked
        server.shutdown(2)
    for connection in connections:
        connection.close()


@pytest.mark.parametrize("command", ["load", "dry run"])
def test_s3_that_stalls(tmp_path: Path, command: str) -> None:
    """Opening waits for S3: SIGTERM does not."""
    keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_REGION": "us-east-1"}
    more = ["--dry-run"] if command == "dry run" else []
    with (
        silent_server() as (url, asked),
        started(
            tmp_path, COMMAND, "s3://bucket/a.csv", *RESERVATIONS, *more, AWS_ENDPOINT_URL_S3=url, **keys
        ) as process,
    ):
        assert asked.wait(30)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PROMPT_SECONDS) == 143
    assert json.loads((tmp_path / "sum.json").read_text())["exit_code"] == 143


def test_a_terminal_that_stalls(tmp_path: Path) -> None:
    """The main thread waits in a write: the first signal's watchdog ends it."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with suppress(BlockingIOError):
        while True:
            os.write(writer, b"x" * 4096)
    os.set_blocking(writer, True)
    code = (
        "import sys\nfrom loader.__main__ import run\n"
        "sys.argv[1:] = 'load nix --event-type x --emulate --summary-json sum.json'.split()\nrun()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, stderr=writer
    ) as process:
        until((tmp_path / "sum.json").exists)
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)
        assert process.wait(PROMPT_SECONDS) in (2, 9, 130)
    os.close(reader)
    os.close(writer)


def test_a_signal_in_an_import_waits_for_its_end(tmp_path: Path) -> None:
    """An interrupt is not raised where Python would drop it: in a callback of the import system."""
    (tmp_path / "slow.py").write_text(
        "import os, signal, weakref\n"
        "class Dropped: pass\n"
        "it = Dropped()\n"
        "note = weakref.ref(it, lambda _: os.kill(os.getpid(), signal.SIGTERM))\n"
        "del it\n"
        "print('imported', flush=True)\n"
    )
    code = (
        "import sys, time\n"
        "import loader.cli as cli\n"
        "def main():\n"
        "    import slow\n"
        "    time.sleep(20)\n"
        "cli.main = main\n"
        "from loader.__main__ import run\n"
        "sys.argv[1:] = ['load', 'nix']\n"
        "run()\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}"},
        capture_output=True,
        text=True,
        timeout=PROMPT_SECONDS + 10,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (143, "imported\n")
    assert "Traceback" not in ended.stderr
