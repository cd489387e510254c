"""The script of docs/howto/nightly.md, read from there and run by a shell, night after night."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from loader.report.summary import _ENDS
from tests.load.conftest import EmulatorProcess
from tests.prepared.program import write_program

ROOT = Path(__file__).parents[2]
HEADER = "reservation_id,reservation_detail_id\n"
INSTANCE = "8928ae12-15e5-4441-825d-ec2184f0a43a"


def test_the_script_of_the_guide_runs_a_week(
    emulator: EmulatorProcess, environment: dict[str, str], tmp_path: Path
) -> None:
    """A new file, the same again, an empty day, rejected rows, no program, a kill: as the guide promises."""
    (script,) = re.findall(r"```sh\n(.*?)```", (ROOT / "docs/howto/nightly.md").read_text(), re.DOTALL)
    (tmp_path / "nightly.sh").write_text(script)
    program = tmp_path / "bin" / "scn-loader"
    write_program(program)
    inbox = tmp_path / "in box"
    inbox.mkdir()
    variables = {**os.environ, "PATH": f"{program.parent}:/usr/bin:/bin", "PAUSE_SECONDS": "0"}
    flags = [
        "--event-type",
        "scn.data.reservation",
        "--instance-id",
        INSTANCE,
        "--endpoint-url",
        emulator.url,
    ]

    def night() -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["/bin/sh", tmp_path / "nightly.sh", inbox, tmp_path / "run dir", *flags],
            env=variables,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    (inbox / "a.csv").write_text(f"{HEADER}A,1\n")
    ended = night()
    assert (ended.returncode, ended.stdout.splitlines()[-1]) == (0, "nightly load: delivered"), ended.stderr
    ended = night()
    assert (ended.returncode, ended.stdout.splitlines()[-1]) == (0, "nightly load: nothing_new")
    (inbox / "b.csv").write_text(HEADER)
    ended = night()
    assert (ended.returncode, ended.stdout.splitlines()[-1]) == (0, "nightly load: empty")
    (inbox / "b.csv").write_text(f"{HEADER},1\n")
    ended = night()
    assert ended.returncode == 1
    assert "needs attention: none_delivered (exit code 1)" in ended.stderr
    assert "scn-loader load" in ended.stderr
    # The summary of an earlier night is not taken for that of a load that did not start, or was killed.
    (inbox / "b.csv").write_text(f"{HEADER}B,1\n")
    program.chmod(0o644)
    ended = night()
    assert "needs attention: not started" in ended.stderr
    assert ended.returncode in (126, 127)
    program.chmod(0o755)
    kill_first_start(program)
    ended = night()
    assert (ended.returncode, ended.stdout.splitlines()[-1]) == (0, "nightly load: delivered"), ended.stderr


def kill_first_start(program: Path) -> None:
    """Replace the program by one that SIGKILL ends at its first start. From then on it is the earlier one."""
    real = program.rename(program.with_name("real"))
    started = program.with_name("started")
    program.write_text(f"#!/bin/sh\nmkdir '{started}' 2>/dev/null && kill -9 $$\nexec '{real}' \"$@\"\n")
    program.chmod(0o755)


def test_the_command_of_the_readme_is_run_every_night(
    emulator: EmulatorProcess, environment: dict[str, str], tmp_path: Path
) -> None:
    """The command of the README runs on an inbox: new files, nothing new, empty files, wrong rows."""
    section = (ROOT / "README.md").read_text().partition("### Nightly loads")[2].partition("\n## ")[0]
    (command,) = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    write_program(tmp_path / "scn-loader")
    (tmp_path / "inbox").mkdir()
    settings = {
        "event_type": "scn.data.reservation",
        "instance_id": INSTANCE,
        "endpoint_url": emulator.url,
    }
    lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
    (tmp_path / "orders.toml").write_text("\n".join(lines))
    variables = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    for content, code, end in (
        ("A,1\n", 0, "delivered"),
        (None, 0, "nothing_new"),
        ("", 9, "empty"),
        (",1\n", 1, "none_delivered"),
    ):
        if content is not None:
            (tmp_path / "inbox" / "b.csv" if code else tmp_path / "inbox" / "a.csv").write_text(
                HEADER + content
            )
        ended = subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=tmp_path,
            env=variables,
            capture_output=True,
            text=True,
            check=False,
        )
        summary = json.loads((tmp_path / "orders-night.json").read_text())
        assert (ended.returncode, summary["end"]) == (code, end), ended.stderr


@pytest.mark.parametrize(
    "word", [*_ENDS.values(), "nothing_new", "none_delivered", "no_file", "empty", "in_use"]
)
def test_the_table_names_every_end(word: str) -> None:
    """A script is written from the table, so no end may be missing in it."""
    table = (ROOT / "README.md").read_text().partition("### Nightly loads")[2].partition("\n## ")[0]
    assert f"`{word}`" in table or word == "plan_does_not_fit"
