"""A load that runs for longer says once how it is followed in a browser."""

import io
import shlex
import signal
import subprocess
from pathlib import Path

from loader.cli.terminal.live_hint import HINT_SECONDS, LiveHint
from loader.process.lasting_stream import LastingStream
from loader.report.display import NoDisplay
from loader.report.progress import Snapshot
from tests.load.conftest import environment
from tests.prepared.seen_commands import noted
from tests.prepared.starts import run, start

__all__ = ["environment"]


def hints(*seconds: float, run_dir: str = "/a b", is_wanted: bool = True) -> list[str]:
    """Return the lines that are shown at some moments of a load."""
    stream = io.StringIO()
    hint = LiveHint(NoDisplay(LastingStream(stream)), is_wanted=is_wanted)
    for each in seconds:
        hint.update(Snapshot(seconds=each), run_dir)
    return stream.getvalue().splitlines()


def test_it_comes_once_and_late_enough() -> None:
    """A short load, a pipe and a load without a run directory show none."""
    assert hints(0.0, HINT_SECONDS / 2) == []
    assert hints(HINT_SECONDS, is_wanted=False) == []
    assert hints(HINT_SECONDS, run_dir="") == []
    assert hints(*(HINT_SECONDS + each for each in range(5)))[1:] == ["  scn-loader report '/a b' --live"]


def test_its_command_runs(environment: dict[str, str], tmp_path: Path) -> None:
    """Pasted, it serves the page of the load."""
    extract, run_dir = tmp_path / "x.csv", tmp_path / "r u n"
    run(["sample", "reservation", "--rows", "5", "-o", extract]).check_returncode()
    load = ["load", extract, "--event-type", "scn.data.reservation", "--emulate", "--run-dir", run_dir]
    run(load).check_returncode()
    with noted(tmp_path / "seen"):
        command = shlex.split(hints(HINT_SECONDS, run_dir=str(run_dir))[-1])
    assert "cli/terminal/live_hint.py:update" in (tmp_path / "seen").read_text()
    with start(command[1:], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert "http://127.0.0.1:" in server.stdout.readline()
        server.send_signal(signal.SIGINT)
        assert server.wait(20) == 0
