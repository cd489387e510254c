"""Every command that a message prints runs as printed, from another folder, and does what it says."""

import ast
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from loader.cli import app
from loader.cli.terminal.command_group import imported_commands
from tests.load.conftest import EmulatorProcess, Run
from tests.prepared.program import write_program

ROOT = Path(__file__).parents[2]
INSTANCE = "8928ae12-15e5-4441-825d-ec2184f0a43a"
HEADER = "reservation_id,reservation_detail_id\n"

Shell = Callable[[str], "subprocess.CompletedProcess[str]"]


def printed_commands(ended: "subprocess.CompletedProcess[str]") -> list[str]:
    """Return the lines of a command's output that are commands."""
    lines = [line.strip() for line in (ended.stdout + ended.stderr).splitlines()]
    return [line for line in lines if re.match(r"scn-loader [a-z]|YOUR_COMMAND \| scn-loader ", line)]


def stray_commands(ended: "subprocess.CompletedProcess[str]") -> list[str]:
    """Return the lines in which a command stands among other words, where it cannot be copied."""
    lines = (ended.stdout + ended.stderr).splitlines()
    verbs = "load|status|plan|rejects|datasets|init|report|verify|receipts|doctor|sample"
    return [line for line in lines if re.search(rf"[^|] scn-loader ({verbs})\b", line.strip())]


@pytest.fixture
def shell(environment: dict[str, str], tmp_path: Path) -> Shell:
    """Run a line as a shell does after a paste, in a folder of its own, with scn-loader on the path."""
    elsewhere, programs = tmp_path / "else where", tmp_path / "bin"
    elsewhere.mkdir()
    programs.mkdir()
    write_program(programs / "scn-loader")
    variables = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}

    def run(line: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["/bin/sh", "-c", line],
            cwd=elsewhere,
            env=variables,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    return run


def write_rows(path: Path, rows: int, bad: int = 0) -> None:
    keys = [""] * bad + [f"R{row}" for row in range(rows - bad)]
    path.write_text(HEADER + "".join(f"{key},{row}\n" for row, key in enumerate(keys)))


def flags(emulator: EmulatorProcess) -> list[str]:
    return [
        *("--event-type", "scn.data.reservation", "--instance-id", INSTANCE),
        *("--endpoint-url", emulator.url, "--progress", "none"),
    ]


def test_a_load_with_rejected_rows_names_commands_that_run(
    emulator: EmulatorProcess, scn_loader: Run, shell: Shell, tmp_path: Path
) -> None:
    """From the first summary to the load of the corrected rows, by pasting; the first summary stays."""
    folder = tmp_path / "cwd"
    write_rows(folder / "my orders.csv", 5, bad=2)
    ended = scn_loader("load", "my orders.csv", *flags(emulator), "--summary-json", "sum mary.json")
    assert ended.returncode == 1
    assert stray_commands(ended) == []
    status, correcting = printed_commands(ended)
    shown = shell(status)
    assert shown.returncode == 0, shown.stderr
    assert stray_commands(shown) == []
    assert correcting in printed_commands(shown), "status and the summary have one opinion"

    (rejected,) = folder.rglob("rejected/*.csv")
    rejected.write_text(rejected.read_text().replace("\n,", "\nC,"))
    corrected = shell(correcting)
    assert corrected.returncode == 0, corrected.stderr
    first, second = (json.loads(path.read_text()) for path in sorted(folder.glob("*.json"), reverse=True))
    assert {first["rows_read"], second["rows_read"]} == {5, 2}
    for command in printed_commands(shown):
        assert shell(command).returncode in (0, 1), command


def test_odd_names_are_printed_so_that_any_shell_reads_them(
    emulator: EmulatorProcess, scn_loader: Run, shell: Shell, tmp_path: Path
) -> None:
    """A pattern for many files, characters of patterns, blanks that no terminal shows, the longest names."""
    folder = tmp_path / "cwd" / "-in"
    folder.mkdir()
    for number in range(9):
        write_rows(folder / f"{number}{'x' * 250}.csv", 2, bad=1)
    ended = scn_loader("load", *flags(emulator), "--run-dir=runs [1]*\u00a0é", "--", "-in")
    assert ended.returncode == 1, ended.stderr
    status, correcting = printed_commands(ended)
    assert shell(status).returncode == 0
    rejected = list((tmp_path / "cwd" / "runs [1]*\u00a0é" / "rejected").glob("*.csv"))
    assert len(rejected) == 9
    for path in rejected:
        path.write_text(path.read_text().replace("\n,", f"\n{path.name[0]},"))
    corrected = shell(correcting)
    assert corrected.returncode == 0, corrected.stderr


def test_after_too_many_errors_the_printed_command_goes_on(
    emulator: EmulatorProcess, scn_loader: Run, shell: Shell, tmp_path: Path
) -> None:
    """The limit of before would stop it again; pasted, the proposal reaches the end."""
    write_rows(tmp_path / "cwd" / "orders.csv", 60, bad=20)
    ended = scn_loader("load", "orders.csv", *flags(emulator), "--max-errors", "3", "--window-rows", "10")
    assert ended.returncode == 3
    assert stray_commands(ended) == []
    again = [command for command in printed_commands(ended) if " load " in command]
    assert len(set(again)) == 1
    assert shell(again[0]).returncode == 1


@pytest.mark.parametrize("redirected", [True, False])
def test_a_load_of_standard_input_is_gone_on_with(
    emulator: EmulatorProcess,
    environment: dict[str, str],
    shell: Shell,
    tmp_path: Path,
    *,
    redirected: bool,
) -> None:
    """A redirected file is in the command; a pipe has a placeholder for the command that filled it."""
    path = tmp_path / "in put.csv"
    write_rows(path, 40, bad=5)
    line = " ".join(["scn-loader load -", *flags(emulator), "--max-errors 2 --window-rows 10 --run-dir r"])
    ended = shell(f"{line} < '{path}'" if redirected else f"cat '{path}' | {line}")
    assert ended.returncode == 3, ended.stderr
    (again,) = {command for command in printed_commands(ended) if " load " in command}
    assert again.startswith("scn-loader" if redirected else "YOUR_COMMAND | ")
    ended = shell(again.replace("YOUR_COMMAND", f"cat '{path}'"))
    assert ended.returncode == 1, ended.stderr


@cache
def next_steps_in_the_code() -> list[tuple[str, str]]:
    """Return place and text of every ``next_step`` in the package, as `literal` writes it."""
    found: list[tuple[str, str]] = []
    for path in (ROOT / "loader").rglob("*.py"):
        nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        values = [each.value for each in nodes if isinstance(each, ast.keyword) and each.arg == "next_step"]
        found += [(f"{path.name}:{value.lineno}", literal(value)) for value in values]
    return found


def literal(node: ast.expr) -> str:
    """Return a text as in the source: with the commands of ``scn_loader``, and an X for each other value."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(map(literal, node.values))
    if isinstance(node, ast.FormattedValue):
        return literal(node.value)
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "scn_loader":
        return " ".join(["scn-loader", *map(literal, node.args)])
    return "X"


def test_commands_in_errors_stand_alone_and_have_flags_that_exist() -> None:
    """Whatever error has a command as its next step, it is a line of its own with flags that exist."""
    commands = imported_commands(app)
    checked = set()
    for place, text in next_steps_in_the_code():
        for line in text.split("\n"):
            if "scn-loader " not in line or "'scn-loader " in line:
                continue
            words = line.split()
            assert line.startswith("scn-loader "), f"{place}: {line}"
            assert not line.endswith((".", ",")), f"{place}: {line}"
            if words[1] == "X":
                continue
            checked.add(words[1])
            known = {name for each in commands[words[1]].params for name in each.opts} | {"--help"}
            assert {word for word in words[2:] if word.startswith("--")} <= known, f"{place}: {line}"
    assert {"datasets", "status", "verify"} <= checked


def test_commands_of_the_aws_command_line_exist() -> None:
    """Their operations and flags are those of the service's model, from which the AWS CLI makes them."""
    import botocore.session
    from botocore import xform_name

    tried = set()
    for place, text in next_steps_in_the_code():
        for line in filter(re.compile("aws ").match, text.split("\n")):
            _, service, operation, *words = line.split()
            model = botocore.session.Session().get_service_model(service)
            operations = {xform_name(name, "-"): name for name in model.operation_names}
            shape = model.operation_model(operations[operation]).input_shape
            flags = {f"--{xform_name(member, '-')}" for member in shape.members} | {"--region"}
            assert {word for word in words if word.startswith("--")} <= flags, place
            tried.add(operation)
    assert tried == {"tag-resource", "delete-data-lake-dataset"}


@pytest.mark.parametrize(
    "arguments",
    [
        ["load", "x.csv", "--event-type", "scn.data.reservation"],
        ["load", "x.csv", "--event-type", "scn.data.nothing", "--instance-id", INSTANCE],
        ["load", "missing.csv", "--event-type", "scn.data.reservation", "--emulate"],
        ["load", "x.csv", "--event-type", "scn.data.reservation", "--emulate", "--rate", "none"],
        ["datasets", "nothing"],
        ["status", "."],
        ["status", "missing"],
        ["init", "x.csv", "--event-type", "scn.data.reservation", "-o", "a job.toml"],
    ],
)
def test_refusals_print_commands_that_run(
    scn_loader: Run, shell: Shell, tmp_path: Path, arguments: list[str]
) -> None:
    """An error's next step is a sentence, or a command alone on its line that runs."""
    write_rows(tmp_path / "cwd" / "x.csv", 3)
    ended = scn_loader(*arguments)
    assert stray_commands(ended) == []
    for command in printed_commands(ended):
        assert shell(command).returncode in (0, 1), command


def test_a_killed_load_and_a_folder_of_loads(
    emulator: EmulatorProcess, scn_loader: Run, shell: Shell, tmp_path: Path
) -> None:
    """Status names the load: where it went, its files, its command; of a folder, each load."""
    folder = tmp_path / "cwd"
    write_rows(folder / "orders.csv", 20)
    run_dir = folder / "runs" / "or ders"
    assert scn_loader("load", "orders.csv", *flags(emulator), "--run-dir", run_dir).returncode == 0
    values = json.loads(scn_loader("status", run_dir, "--json").stdout)
    assert (values["state"], values["exit_code"], values["rehearsal"]) == ("finished", 0, True)
    assert values["files"] == [str(folder / "orders.csv")]
    assert (values["instance_id"], values["event_type"]) == (INSTANCE, "scn.data.reservation")
    assert values["events_accepted"] == values["rows_read"] == 20
    shown = scn_loader("status", folder)
    (status,) = printed_commands(shown)
    assert shell(status).returncode == 0
    # A second load over it: the first is kept, can be read, and is listed.
    write_rows(folder / "orders.csv", 21)
    assert scn_loader("load", "orders.csv", *flags(emulator), "--run-dir", run_dir).returncode == 0
    (kept,) = run_dir.glob("checkpoint-*.sqlite")
    assert json.loads(scn_loader("status", kept, "--json").stdout)["rows_read"] == 20
    for command in printed_commands(scn_loader("status", run_dir)):
        assert shell(command).returncode == 0, command
    # With the present one gone, the kept one is still a load.
    (run_dir / "checkpoint.sqlite").unlink()
    left = scn_loader("status", run_dir)
    assert (left.returncode, str(kept) in left.stdout) == (0, True)
    shutil.rmtree(run_dir)
    assert scn_loader("status", folder).returncode == 2


def test_summary_status_and_every_json_line_say_which_load_it_is(
    emulator: EmulatorProcess, scn_loader: Run, tmp_path: Path
) -> None:
    """The summary file and ``status --json`` agree; each line on stderr and in the log names the load."""
    folder = tmp_path / "cwd"
    write_rows(folder / "orders.csv", 5, bad=2)
    run_dir = folder / "r"
    arguments = ["load", "orders.csv", *flags(emulator)[:-2], "--run-dir", run_dir, "--log-format", "json"]
    ended = scn_loader(*arguments, "--summary-json", "s.json")
    summary = json.loads((folder / "s.json").read_text())
    values = json.loads(scn_loader("status", run_dir, "--json").stdout)
    shown = scn_loader("status", run_dir).stdout.splitlines()
    assert [line for line in shown if line != line.rstrip()] == []
    assert values["load_id"] in ended.stdout
    names = ("load_id", "rehearsal", "instance_id", "event_type", "files", "command", "began_at", "parent")
    assert {name: summary[name] for name in names} == {name: values[name] for name in names}
    assert summary["ended_at"] >= summary["began_at"]
    lines = ended.stderr.splitlines() + (run_dir / "load.log").read_text().splitlines()
    loads = [json.loads(line) for line in lines]
    assert {"progress", "metrics", "The load ended."} <= {each["message"] for each in loads}
    assert all({"time", "level", "load"} <= each.keys() for each in loads)
    assert {each["load"] for each in loads} == {summary["load_id"]}

    (rejected,) = folder.rglob("rejected/*.csv")
    rejected.write_text(rejected.read_text().replace("\n,", "\nC,"))
    corrected = [rejected, *arguments[2:-4], "--run-dir", run_dir / "corrected", "--summary-json", "t.json"]
    assert scn_loader("load", *corrected).returncode == 0
    assert json.loads((folder / "t.json").read_text())["parent"] == str(run_dir)
    assert json.loads(scn_loader("status", run_dir, "--json").stdout)["child"] == str(run_dir / "corrected")

    refused = scn_loader(*arguments, "--pack", "group", "--summary-json", "s.json")
    error = json.loads(refused.stderr.splitlines()[-1])
    assert (refused.returncode, error["level"], error["exit_code"]) == (2, "ERROR", 2)
    assert json.loads((folder / "s.json").read_text())["load_id"] is None
