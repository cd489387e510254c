"""A command that is forked from the prepared process is a process like one that starts an interpreter."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.prepared.starts import COMMAND, PreparedPopen, run, start


@pytest.mark.parametrize(
    ("arguments", "content"),
    [(["--version"], None), (["plan", "nix.csv"], None), (["plan", "-", "--event-type", "x"], "a,b\n1,2\n")],
)
def test_it_says_what_a_plain_start_says(tmp_path: Path, arguments: list[str], content: str | None) -> None:
    """Exit code and both streams are the same, with input, environment and folder of its own."""
    environment = {**os.environ, "COLUMNS": "60", "HOME": str(tmp_path), "AWS_PROFILE": "none"}
    plain = subprocess.run(
        [*COMMAND, *arguments],
        input=content or "",
        cwd=tmp_path,
        env=environment | {"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    prepared = run(arguments, content=content, cwd=tmp_path, env=environment, text=True)
    assert (prepared.returncode, prepared.stdout, prepared.stderr) == (
        plain.returncode,
        plain.stdout,
        plain.stderr,
    )


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_it_is_a_child_that_signals_reach(number: signal.Signals) -> None:
    """It is waited for as any child is; a kill ends it at once, and SIGTERM as the command decides."""
    with start(["emulator", "--port", "0"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert "listens" in process.stdout.readline()
        process.send_signal(number)
        assert process.wait(20) == (-number if number == signal.SIGKILL else 0)
    with pytest.raises(ChildProcessError):
        os.waitpid(process.pid, 0)


def test_it_has_no_descriptor_of_the_process_that_it_is_forked_from() -> None:
    """Three streams, and what it opens itself: a pipe of another command ends with that command."""
    first, second = (PreparedPopen(["emulator", "--port", "0"], stdout=subprocess.PIPE) for _ in range(2))
    try:
        for process in (first, second):
            assert process.stdout is not None
            process.stdout.readline()
        first.kill()
        first.communicate(timeout=20)  # to the end of its output: the second command does not hold it open
    finally:
        second.kill()
        second.communicate()
