"""kill -9 at random points of a load, again and again."""

import random
import subprocess
import sys
import time
from pathlib import Path

from loader.checkpoint import open_checkpoint
from tests.checkpoint.mortal_load import EVENTS, WINDOWS, Diary, is_refused
from tests.checkpoint.sample_loads import ended_complete, load_plan

ROOT = Path(__file__).parents[2]
KILLS = 20
LONGEST_LIFE_SECONDS = 0.15


def start(folder: Path, seed: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.checkpoint.mortal_load", str(folder), str(seed)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def live_and_die(folder: Path, seed: int, life_seconds: float) -> bool:
    """Let a run check what it finds and work for a while, then kill it; return whether it had finished."""
    with start(folder, seed) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "checked\n", process.stderr.read()
        time.sleep(life_seconds)
        process.kill()
        return "finished" in process.stdout.read()


def check_complete(folder: Path) -> None:
    """Check that a load that was killed and resumed until it finished delivered its plan."""
    everything = {(number, index) for number in range(WINDOWS) for index in range(EVENTS)}
    refused = {event for event in everything if is_refused(*event)}
    assert Diary(folder / "service").written.keys() == everything - refused
    assert ended_complete(folder / "run")
    with open_checkpoint(folder / "run", load_plan()) as checkpoint:
        totals = checkpoint.totals()
    assert totals.events_total == len(everything)
    assert totals.events_failed == len(refused)
    assert totals.events_accepted == len(everything - refused)


def test_no_kill_loses_an_event_or_hides_a_doubt(tmp_path: Path) -> None:
    """After each kill the durable is there and what may have been sent is in doubt; in the end, all is."""
    luck = random.Random(20260923)
    kills = loads = 0
    while kills < KILLS:
        folder = tmp_path / f"load {loads}"
        folder.mkdir(exist_ok=True)
        # Some lives end before the first commit, others at any point; on a fast disk a load may finish.
        if live_and_die(folder, kills, luck.random() ** 2 * LONGEST_LIFE_SECONDS):
            check_complete(folder)
            loads += 1
        else:
            kills += 1
    with start(folder, KILLS) as process:
        output, errors = process.communicate(timeout=60)
    assert output.endswith("finished\n"), errors
    check_complete(folder)
