"""Run the example DAG with a real Airflow against the emulator. ``make airflow`` starts it.

It needs Airflow in this Python, and ``scn-loader`` on the path. Each case sets the environment of the DAG,
runs it, and compares the state of its task and the number of its attempts.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).parents[2]
MORE_THAN_ENOUGH_SECONDS = 30.0
# The only keys that the emulator accepts by default (loader.emulator.ACCESS_KEY_ID, SECRET_ACCESS_KEY).
KEYS = {
    "AWS_ACCESS_KEY_ID": "AKIAEMULATOREXAMPLE0",
    "AWS_SECRET_ACCESS_KEY": "loopback/emulator+knows/only-this-example",
}

JOB = """
event_type = "scn.data.reservation"
instance_id = "8928ae12-15e5-4441-825d-ec2184f0a43a"
region = "us-east-1"
give_up_after = "1s"
"""
EXTRACT = "reservation_id,reservation_detail_id\n" + "".join(f"{number:04},1\n" for number in range(200))


@contextmanager
def emulator(folder: Path):
    """Run the emulator as a process, and yield its address."""
    command = ["scn-loader", "emulator", "--port", "0"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield next(
                word.strip() for line in process.stdout for word in line.split() if word.startswith("http://")
            )
        finally:
            process.terminate()


@contextmanager
def killed_once(folder: Path):
    """Put another ``scn-loader`` on the PATH: SIGKILL ends its first start; then it is the loader."""
    real, path = shutil.which("scn-loader"), os.environ["PATH"]
    program = folder / "bin" / "scn-loader"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nmkdir "{folder}/started" 2>/dev/null && kill -9 $$\nexec "{real}" "$@"\n')
    program.chmod(0o755)
    os.environ["PATH"] = f"{program.parent}:{path}"
    yield
    os.environ["PATH"] = path


def control(url: str, name: str, body: object) -> None:
    """Send a command to the emulator."""
    request = urllib.request.Request(
        f"{url}/_emulator/{name}", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=MORE_THAN_ENOUGH_SECONDS):
        pass


def run_task(day: int) -> tuple[str, int]:
    """Run the DAG once, with its retries, and return the state of its task and the number of attempts."""
    sys.path.insert(0, str(ROOT))
    from examples.airflow_dag import nightly

    run = nightly.test(logical_date=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day))
    (task,) = run.get_task_instances()
    return str(task.state), task.try_number


def main() -> None:
    """Run the cases; an assertion that fails ends the program with 1."""
    folder = Path(tempfile.mkdtemp(prefix="scn-airflow-"))
    (folder / "job.toml").write_text(JOB)
    inbox = folder / "inbox"
    inbox.mkdir()
    os.environ |= {"SCN_FOLDER": str(inbox), "SCN_JOB": str(folder / "job.toml"), "SCN_RETRY_SECONDS": "1"}
    try:
        with emulator(folder) as url:
            os.environ |= {"AWS_ENDPOINT_URL_SUPPLYCHAIN": url} | KEYS
            check("an empty folder", folder, 0, ("skipped", 1))
            (inbox / "a.csv").write_text(EXTRACT)
            check("a night", folder, 1, ("success", 1))
            with killed_once(folder):
                check("a kill", folder, 4, ("success", 2), run_dir="killed")
            control(url, "faults", {"rules": [{"fault": "page", "until_seconds": 6}]})
            check("an outage", folder, 2, ("success", None), run_dir="outage")
            control(url, "faults", {"rules": [{"fault": "error", "code": "AccessDeniedException"}]})
            check("no permission", folder, 3, ("failed", 1), run_dir="denied")
    finally:
        shutil.rmtree(folder)


def check(name: str, folder: Path, day: int, expected: tuple[str, int | None], run_dir: str = "run") -> None:
    """Run one case and compare."""
    os.environ["SCN_RUN_DIR"] = str(folder / run_dir)
    started = time.monotonic()
    state, attempts = run_task(day)
    print(f"{name}: {state} after {attempts} attempts, {time.monotonic() - started:.0f} s", flush=True)
    assert state == expected[0], state
    assert attempts == expected[1] if expected[1] is not None else attempts > 1, attempts


if __name__ == "__main__":
    main()
