"""Programs on their cores, and what they used."""

import os
import resource
import sys
from pathlib import Path

import pytest

from benchmarks.processes import Child, pinned, run_to_end


def test_a_command_is_pinned_only_where_that_is_possible() -> None:
    """With a core the command runs under taskset, without one as it is."""
    assert pinned(["wrk", "-c1"], 1) == ["taskset", "--cpu-list", "1", "wrk", "-c1"]
    assert pinned(["wrk", "-c1"], None) == ["wrk", "-c1"]


def test_what_a_program_used_is_told(tmp_path: Path) -> None:
    """Exit code, output, CPU time and peak memory are those of the program."""
    code = "import sys; kept = bytearray(b'x') * 200_000_000; print('out'); sys.exit(3)"
    ended = run_to_end([sys.executable, "-c", code], core=None, folder=tmp_path, timeout_seconds=60)

    assert (ended.exit_code, ended.output) == (3, "out\n")
    assert ended.cpu_seconds > 0
    # A child's peak begins at what its parent held when it was forked: here, whatever ran before this test.
    inherited = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    assert 200_000_000 < ended.peak_bytes <= max(400_000_000, inherited)


def test_a_program_that_takes_too_long_is_killed(tmp_path: Path) -> None:
    """Nothing is left behind when the time is over."""
    child = Child([sys.executable, "-c", "import time; time.sleep(60)"], core=None, folder=tmp_path)
    with child, pytest.raises(TimeoutError):
        child.wait(0.2)

    with pytest.raises(ProcessLookupError):
        os.kill(child.pid, 0)


def test_leaving_a_child_ends_it(tmp_path: Path) -> None:
    """A program does not outlive the measurement that started it."""
    with Child([sys.executable, "-c", "import time; time.sleep(60)"], core=None, folder=tmp_path) as child:
        assert child.poll() is None

    with pytest.raises(ProcessLookupError):
        os.kill(child.pid, 0)
