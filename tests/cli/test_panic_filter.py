"""Words of a Rust panic never reach the terminal; everything else that is written to it does."""

import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from tests.hostile.parquet_cases import lying

WRITER = """
import fcntl, os, subprocess, sys, termios, time
from loader.cli.terminal.panic_filter import without_panics

with without_panics():
    import polars as pl
    print("from Python", file=sys.stderr)
    os.write(2, b"from native code\\n")
    subprocess.run(["sh", "-c", "echo from a child >&2"], check=True)
    for _ in range(2):
        try:
            pl.Series([2**31 - 1]).cast(pl.Int32).cast(pl.Date).dt.strftime("%Y-%m-%d").to_list()
        except BaseException as error:
            print(type(error).__name__, file=sys.stderr)
    # Words that reach the filter together with a panic count as the panic's.
    while any(fcntl.ioctl(2, termios.FIONREAD, bytes(4))):
        time.sleep(0.01)
    os.write(2, b"after\\n")
print("from Python again", file=sys.stderr)
os.write(2, b"restored\\n")
"""


def run(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )


def test_a_panic_is_silent_and_nothing_else_is() -> None:
    """The same script without the filter shows the panic, so this one tries something."""
    ended = run(WRITER)
    assert ended.returncode == 0, ended.stderr
    assert sorted(ended.stderr.split("\n")) == sorted(
        [
            *("from Python", "from native code", "from a child", "PanicException", "PanicException"),
            *("after", "from Python again", "restored", ""),
        ]
    )
    plain = WRITER.replace("with without_panics():", "if True:")
    assert run(plain).stderr.count("panicked at") == 2


def test_a_closed_standard_error_is_no_reason_to_fail() -> None:
    """Daemons are started so."""
    script = "from loader.cli.terminal.panic_filter import without_panics as w\nwith w(): print('ran')"
    ended = subprocess.run(
        ["sh", "-c", f'exec 2>&-; "{sys.executable}" -c "{script}"'],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.stdout == "ran\n"


@pytest.mark.parametrize("debug", [False, True])
def test_the_command_keeps_a_panic_to_itself(tmp_path: Path, debug: bool) -> None:  # noqa: FBT001 - a case
    """A damaged file on which polars panics is called damaged, and no more; --debug shows all there is."""
    lying(Random(801), tmp_path)
    command = [
        sys.executable,
        "-m",
        "loader",
        "init",
        "extract.parquet",
        "-o",
        "x.toml",
        *["--debug"][:debug],
    ]
    command += ["--event-type", "scn.data.reservation"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path)
    assert ended.returncode == 2
    assert "its pages do not decode" in ended.stderr
    assert ("panicked" in ended.stderr) == debug
