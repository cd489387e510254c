"""Output files: what they may replace, and what is in them if a command is refused."""

import json
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from loader.errors import ExitCode
from loader.testing import EmulatedService, emulated_service
from tests.cli.test_refusals import CSV, INSTANCE, LOAD, NOWHERE, is_one_block

JOB = f'event_type = "scn.data.reservation"\ninstance_id = "{INSTANCE}"\n'
OLD_METRICS = "# HELP scn_loader_run_exit_code x\nscn_loader_run_exit_code 0\n"


@pytest.fixture
def folder(ask) -> Path:
    """The folder of the commands, with an extract and a job file."""
    Path("orders.csv").write_text(CSV)
    Path("orders.json").write_text('{"reservation_id": "1", "reservation_detail_id": "1"}\n')
    Path("job.toml").write_text(JOB)
    return Path.cwd()


@pytest.fixture
def service(ask) -> Iterator[EmulatedService]:
    """An emulator, with its keys in the environment."""
    with emulated_service() as running:
        yield running


FORGOTTEN = {
    "the value of --summary-json is forgotten": ("--summary-json", "orders.csv", *LOAD),
    "the value of --metrics-file is forgotten": ("--metrics-file", "orders.csv", "--job", "job.toml"),
    "the summary has the name of the extract": ("orders.json", "--summary-json=./orders.json", *LOAD),
    "the metrics have the name of the extract": ("orders.json", "--metrics-file", "orders.json", *LOAD),
    "the summary has the name of the job file": (
        "orders.csv",
        "--job",
        "job.toml",
        "--summary-json=job.toml",
    ),
}


@pytest.mark.parametrize("what", FORGOTTEN)
def test_an_output_never_replaces_an_input(ask, folder: Path, what: str):
    """Not even a command line that is refused for another reason may destroy the extract."""
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    answer = ask("load", *FORGOTTEN[what], *NOWHERE)
    assert answer.code == ExitCode.REFUSED
    assert is_one_block(answer.err), answer.err
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_an_export_never_replaces_an_input(ask, folder: Path, service: EmulatedService):
    """A file of the same kind is replaced, one with other content is not."""
    Path("orders.csv").write_text(CSV + ",2,3\n")
    loaded = ask("load", "orders.csv", *LOAD, "--endpoint-url", service.url, "--run-dir", "run")
    assert loaded.code == ExitCode.DELIVERED_WITH_FAILURES, loaded.err
    for export in (("status", "run", "--rejected"), ("status", "run", "--failed"), ("report", "run", "-o")):
        assert ask(*export, "out").code == ExitCode.DELIVERED
        assert ask(*export, "out").code == ExitCode.DELIVERED, "its own output is replaced"
        Path("out").unlink()
        answer = ask(*export, "orders.csv")
        assert answer.code == ExitCode.REFUSED
        assert "orders.csv" in answer.err
    assert Path("orders.csv").read_text() == CSV + ",2,3\n"


REFUSED = {
    "no file": (("nosuch.csv", *LOAD), ExitCode.NOTHING_TO_LOAD),
    "a setting": (("orders.csv", *LOAD, "--rate", "-1"), ExitCode.REFUSED),
    "a flag": (("orders.csv", *LOAD, "--nosuch"), ExitCode.REFUSED),
    "the run directory": (("orders.csv", *LOAD, "--run-dir", "job.toml"), ExitCode.REFUSED),
}


@pytest.mark.parametrize("what", REFUSED)
def test_metrics_of_a_refused_load_are_not_those_of_the_load_before(ask, folder: Path, what: str):
    """An alert on the exit code must fire."""
    arguments, code = REFUSED[what]
    metrics = folder / "scn.prom"
    metrics.write_text(OLD_METRICS)
    answer = ask("load", *arguments, *NOWHERE, "--metrics-file", metrics)
    assert answer.code == code, answer.err
    (line,) = [each for each in metrics.read_text().splitlines() if each.startswith("scn_loader_run_exit")]
    assert line.endswith(f" {int(code)}")


JSON_ERRORS = {
    "status": ("status", "--json", "run", "--rejected", "nosuch/rejected.csv"),
    "verify": ("verify", "--json", "nosuch"),
    "plan": ("plan", "--json", "nosuch.csv", *LOAD),
    "measure": ("measure", "--json", "nosuch", "--instance-id", INSTANCE),
    "doctor": ("doctor", "--json", "--instance-id", "prod"),
}


@pytest.mark.parametrize("what", JSON_ERRORS)
def test_an_error_is_json_too(ask, folder: Path, service: EmulatedService, what: str):
    """A program that reads standard output finds one JSON object there, whatever happens."""
    if what == "status":
        ask("load", "orders.csv", *LOAD, "--endpoint-url", service.url, "--run-dir", "run")
    answer = ask(*JSON_ERRORS[what])
    found = json.loads(answer.out)
    assert answer.code == found["exit_code"] != 0
    assert f"error: {found['error']['what']}" in answer.err


@pytest.mark.parametrize("flag", [("--bogus",), ("--seconds", "x")])
def test_an_unusable_command_line_is_json_too(ask, flag: tuple[str, ...]):
    """The command line is refused before a command sees --json."""
    answer = ask("verify" if flag[0] == "--bogus" else "measure", "--json", *flag)
    found = json.loads(answer.out)
    assert (answer.code, found["exit_code"]) == (ExitCode.REFUSED, 2)
    assert flag[0] in found["error"]["why"]
    help_command = shlex.split(found["error"]["next"].splitlines()[1])
    assert ask(*help_command[1:]).code == ExitCode.DELIVERED


@pytest.mark.parametrize("unused", [("--port", "0"), ("--live", "-o", "x.html")])
def test_a_flag_of_report_without_an_effect_is_refused(ask, folder: Path, service, unused: tuple[str, ...]):
    """A port without --live, or a file with it."""
    ask("load", "orders.csv", *LOAD, "--endpoint-url", service.url, "--run-dir", "run")
    answer = ask("report", "run", *unused)
    assert (answer.code, "--live" in answer.err) == (ExitCode.REFUSED, True)
    assert not Path("x.html").exists()


def test_a_plan_of_nothing_new_is_json(ask, folder: Path, service: EmulatedService):
    """Every file was delivered before: that is an answer and not an error."""
    inbox = folder / "inbox"
    inbox.mkdir()
    target = ("--run-dir", "run", "--endpoint-url", service.url)
    for name in ("a.csv", "b.csv"):
        (inbox / name).write_text(CSV.replace("1,1", f"{name},1"))
        assert ask("load", "inbox", *LOAD, *target).code == ExitCode.DELIVERED
    (inbox / "b.csv").unlink()
    answer = ask("plan", "inbox", *LOAD, *target, "--json")
    assert (answer.code, json.loads(answer.out)["nothing_new"]) == (ExitCode.DELIVERED, True)


@pytest.mark.parametrize(
    "flags", [("--exit-code",), ("--rejected", "x.csv"), ("--failed", "x.csv", "--json")]
)
def test_flags_for_one_load_are_refused_for_a_folder(
    ask, folder: Path, service: EmulatedService, flags: tuple[str, ...]
):
    """Exit code 0 without a file would say that all is well."""
    loaded = ask("load", "orders.csv", *LOAD, "--endpoint-url", service.url, "--run-dir", "runs/a")
    assert loaded.code == ExitCode.DELIVERED
    answer = ask("status", "runs", *flags)
    assert answer.code == ExitCode.REFUSED
    assert flags[0] in answer.err
    assert not Path("x.csv").exists()
    (command,) = [line.strip() for line in answer.err.splitlines() if "scn-loader status" in line]
    assert ask(*shlex.split(command)[1:]).code == ExitCode.DELIVERED


def test_an_export_that_cannot_be_written_does_not_change_the_state(
    ask, folder: Path, service: EmulatedService
):
    """The checkpoint can be read: only the file cannot be written."""
    ask("load", "orders.csv", *LOAD, "--endpoint-url", service.url, "--run-dir", "run")
    answer = ask("status", "run", "--rejected", "nosuch/rejected.csv")
    assert answer.code == ExitCode.REFUSED
    assert "nosuch/rejected.csv" in answer.err
    assert "unreadable" not in answer.out + answer.err
