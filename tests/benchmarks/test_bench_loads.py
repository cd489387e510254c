"""Loads as the benchmarks run them, against a real server."""

import json
import sys
from pathlib import Path

import pytest

from benchmarks.folder import INSTANCE, KEYS, ROOT
from benchmarks.loads import LoadEnded, finish_load, load_command, start_load
from benchmarks.order_lines import write
from benchmarks.processes import Ended, run_to_end
from benchmarks.servers import program_path, running_nginx

needs_nginx = pytest.mark.skipif(program_path("nginx") is None, reason="nginx is not installed")

ROWS = 120


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    path = tmp_path / "lines.parquet"
    write(ROWS, path)
    return path


@needs_nginx
def test_the_whole_command_delivers_what_the_server_counts(lines: Path, tmp_path: Path) -> None:
    """The load's word and the server's agree, and the speed is that of the whole command."""
    run_dir = tmp_path / "run"
    with running_nginx(core=None, log_requests="buffered") as server:
        with start_load(load_command(lines, server.url, run_dir), run_dir, None) as child:
            ended = finish_load(child, run_dir, 60)
        answers = server.answers()

    assert ended.summary["events_accepted"] == len(answers) == ROWS
    assert {answer.instance_id for answer in answers} == {INSTANCE}
    assert ended.rows_per_second == ROWS / ended.process.seconds


@needs_nginx
@pytest.mark.parametrize("kind", ["real", "null"])
def test_a_load_runs_with_and_without_a_checkpoint(lines: Path, tmp_path: Path, kind: str) -> None:
    """The checkpoint that remembers nothing fits into a load like the real one."""
    with running_nginx(core=None) as server:
        ended = run_to_end(
            [
                *(sys.executable, "-m", "benchmarks.library_load", str(lines)),
                *("--url", server.url, "--run-dir", str(tmp_path / "run"), "--checkpoint", kind),
            ],
            core=None,
            folder=tmp_path,
            environment={**KEYS, "PYTHONPATH": str(ROOT), "XDG_STATE_HOME": str(tmp_path / "state")},
            timeout_seconds=60,
        )

    assert ended.exit_code == 0, ended.errors
    assert json.loads(ended.output)["events"] == ROWS


def test_the_speed_of_a_load_counts_its_start() -> None:
    """Rows per second are those of the whole process, not of the delivery alone."""
    process = Ended(exit_code=0, seconds=4.0, cpu_seconds=3.0, peak_bytes=1, output="", errors="")
    ended = LoadEnded(process, {"rows_in_run": 1000, "attempts": 20, "seconds": 2.0})

    assert ended.rows_per_second == 250.0
    assert ended.requests_per_second == 5.0
