"""The commands on a narrow terminal: a pseudo terminal of 40 columns, and what it is sent."""

import fcntl
import os
import pty
import struct
import subprocess
import termios
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.prepared.starts import run, start

COLUMNS = 40


def on_a_terminal(arguments: Sequence[object], columns: int) -> list[str]:
    """The lines that a command writes to a terminal."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES"}}
    with start(arguments, stdout=theirs, stderr=subprocess.DEVNULL, env=environment):
        os.close(theirs)
        sent = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            sent += part
    os.close(ours)
    return sent.decode().replace("\r\n", "\n").split("\n")


@pytest.fixture(scope="module")
def extract(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An extract with a row that is rejected."""
    path = tmp_path_factory.mktemp("narrow") / "x.csv"
    path.write_text("reservation_id,reservation_detail_id,quantity\nR1,1,5\nR2,1,x\n")
    return path


def test_words_stay_whole_on_a_narrow_terminal(extract: Path) -> None:
    """Load, status and plan: only commands and single long words are longer than the terminal."""
    run_dir = extract.parent / "run"
    job = [str(extract), "--event-type", "scn.data.reservation"]
    load = ["load", *job, "--emulate", "--run-dir", run_dir, "--progress", "none"]
    for command in (load, ["status", run_dir], ["plan", *job]):
        lines = on_a_terminal(command, COLUMNS)
        assert len(lines) > 10
        long = [line for line in lines if len(line) > COLUMNS and "scn-loader " not in line]
        assert all(len(line.split()[-1]) > COLUMNS - 16 for line in long), long
    assert len(run(["status", run_dir]).stdout.splitlines()) < len(
        on_a_terminal(["status", run_dir], COLUMNS)
    )
