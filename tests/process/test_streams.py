"""Streams that are closed, gone or full: the exit code and the summary depend on the load alone."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.prepared.starts import run

ROOT = Path(__file__).parents[2]

REDIRECTIONS = ["<&-", ">&-", "2>&-", "<&- >&- 2>&-", ">/dev/full 2>/dev/full --debug", ">/dev/full"]


def answer(folder: Path, command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a shell command in which ``LOADER`` is the command."""
    full = command.replace("LOADER", f"{sys.executable} -m loader")
    return subprocess.run(
        ["sh", "-c", full],
        cwd=folder,
        env=environment() | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def environment() -> dict[str, str]:
    """Return the environment of a machine without settings of AWS."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        "PYTHONPATH": str(ROOT),
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def write_extract(folder: Path, name: str = "a.csv", rows: int = 20) -> Path:
    """Write an extract of reservations."""
    lines = ["reservation_id,reservation_detail_id", *(f"{number},1" for number in range(rows))]
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


LOAD = "LOADER load {} --event-type scn.data.reservation --emulate --run-dir run --summary-json sum.json {}"


@pytest.mark.parametrize("redirection", REDIRECTIONS)
def test_streams_do_not_decide(tmp_path: Path, redirection: str) -> None:
    """All rows are delivered, the exit code says so, and the summary is there."""
    write_extract(tmp_path)
    ended = answer(tmp_path, LOAD.format("a.csv", redirection))
    assert ended.returncode == 0, ended.stderr
    assert json.loads((tmp_path / "sum.json").read_text())["events_accepted"] == 20


def test_letters_that_the_terminal_lacks_are_escaped(tmp_path: Path) -> None:
    """A path outside the encoding of the streams ends no load, and is shown as an escape."""
    write_extract(tmp_path, "bestellung\u00e4\u4e2d.csv")
    ended = answer(tmp_path, LOAD.format("*.csv", "--progress plain"), LC_ALL="C", PYTHONIOENCODING="ascii")
    assert ended.returncode == 0, ended.stderr
    missing = answer(
        tmp_path,
        "LOADER load nix\u4e2d.csv --event-type scn.data.reservation --emulate",
        LC_ALL="C.UTF-8",
        PYTHONIOENCODING="ascii",
    )
    assert missing.returncode == 9
    assert r"nix\u4e2d.csv" in missing.stderr


def test_a_command_that_is_its_output_says_that_it_is_lost(tmp_path: Path) -> None:
    """A full disk is exit code 2 and an error block; a closed pipe is not an error."""
    full = answer(tmp_path, "LOADER datasets >/dev/full")
    assert full.returncode == 2
    assert "error: The output could not be written." in full.stderr
    assert "No space left" in full.stderr
    gone = answer(tmp_path, "{ LOADER datasets; echo $? >code; } | true")
    assert gone.stderr == ""
    assert (tmp_path / "code").read_text() == "0\n"


@pytest.mark.parametrize("arguments", ["--nix", "nix.csv", "a.csv --rate 0", "a.csv --job nix.toml"])
@pytest.mark.parametrize("debug", ["", "--debug"])
def test_a_refusal_leaves_no_summary_of_last_night(tmp_path: Path, arguments: str, debug: str) -> None:
    """The file says how this run ended, also if its command line cannot be used; --debug changes nothing."""
    write_extract(tmp_path)
    (tmp_path / "sum.json").write_text("last night's")
    _, *words = LOAD.format(arguments, debug).split()
    ended = run(words, cwd=tmp_path, env=environment())
    assert ended.returncode == (9 if arguments == "nix.csv" else 2)
    assert json.loads((tmp_path / "sum.json").read_text())["exit_code"] == ended.returncode
