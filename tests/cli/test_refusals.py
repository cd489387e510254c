"""Bad input is refused in one block with the documented exit code, before anything is sent or made."""

import json
import re
import sys
from pathlib import Path

import pytest

from loader.errors import ExitCode

INSTANCE = "8928ae12-15e5-4441-825d-ec2184f0a43a"
NOWHERE = ("--endpoint-url", "http://127.0.0.1:9", "--region", "us-east-1")
LOAD = ("--event-type", "scn.data.reservation", "--instance-id", INSTANCE)
CSV = "reservation_id,reservation_detail_id,quantity\n1,1,5\n"


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    path = tmp_path / "reservations.csv"
    path.write_text(CSV)
    return path


def is_one_block(text: str) -> bool:
    """Whether a text is an error's block: a sentence, then where, why and next, and no traceback."""
    lines = text.rstrip("\n").split("\n")
    labelled = r"  (where|why|next): |         "
    return lines[0].startswith("error: ") and all(re.match(labelled, line) for line in lines[1:])


FILES = {
    "an empty file": ("empty.csv", b"", ExitCode.NOTHING_TO_LOAD, "empty"),
    "only a header": (
        "header.csv",
        b"reservation_id,reservation_detail_id\n",
        ExitCode.NOTHING_TO_LOAD,
        "row",
    ),
    "not a Parquet file": ("no.parquet", b"hello, hello, hello", ExitCode.REFUSED, "Parquet"),
    "a cut Parquet file": ("cut.parquet", b"PAR1" + b"\0" * 100, ExitCode.REFUSED, "Parquet"),
    "missing columns": (
        "few.csv",
        b"reservation_id,quantity\n1,5\n",
        ExitCode.REFUSED,
        "reservation_detail_id",
    ),
    "unknown columns": (
        "more.csv",
        b"reservation_id,reservation_detail_id,colour\n1,1,red\n",
        ExitCode.REFUSED,
        "colour",
    ),
}


@pytest.mark.parametrize("what", FILES)
def test_a_file_that_cannot_be_loaded_is_refused(ask, tmp_path, what):
    """Empty, cut, mistaken or ill-fitting files are named, with what is wrong with them."""
    name, content, code, said = FILES[what]
    path = tmp_path / name
    path.write_bytes(content)
    answer = ask("load", path, *LOAD, *NOWHERE)
    assert (answer.code, answer.out) == (code, "")
    assert is_one_block(answer.err), answer.err
    assert said in answer.err
    assert name in answer.err
    assert not Path("scn-loader-runs").exists()


@pytest.mark.parametrize("how", ["typed", "in a job file"])
def test_a_place_is_named_without_detours(ask, csv, tmp_path, how):
    """No error has a path such as jobs/../data; behind a link, ``..`` still means what the system means."""
    csv.write_text("reservation_id,colour\n1,red\n")
    job = tmp_path / "jobs" / "today" / "job.toml"
    job.parent.mkdir(parents=True)
    job.write_text(f'extract = "../../{csv.name}"\nevent_type = "scn.data.reservation"\n')
    typed = (f"../cwd/../{csv.name}", *LOAD) if how == "typed" else ("--job", job)
    answer = ask("plan", *typed)
    assert answer.code == ExitCode.REFUSED
    assert f"where: {csv}\n" in answer.err
    (tmp_path / "link").symlink_to(job.parent)
    linked = ask("plan", "../link/../../reservations.csv", *LOAD)
    assert f"where: {csv}\n" in linked.err
    run_dir = ask("status", "../cwd/../none")
    assert "/.." not in run_dir.out + run_dir.err


def test_no_file_is_nothing_to_load(ask):
    """A pattern that matches nothing has an exit code of its own: a scheduler must tell it from success."""
    answer = ask("load", "nosuch/*.csv", *LOAD, *NOWHERE)
    assert answer.code == ExitCode.NOTHING_TO_LOAD
    assert is_one_block(answer.err), answer.err


SETTINGS = {
    "no extract": ((*LOAD, *NOWHERE), ExitCode.REFUSED, "extract"),
    "no event type": (
        ("CSV", "--instance-id", INSTANCE, *NOWHERE),
        ExitCode.REFUSED,
        "--event-type: is required",
    ),
    "an unknown event type": (
        ("CSV", "--event-type", "scn.data.reservations", "--instance-id", INSTANCE, *NOWHERE),
        ExitCode.REFUSED,
        "scn.data.reservation",
    ),
    "a bad instance id": (("CSV", *LOAD[:2], "--instance-id", "prod", *NOWHERE), ExitCode.REFUSED, "UUID"),
    "http to a remote host": (
        ("CSV", *LOAD, "--endpoint-url", "http://scn.example.com", "--region", "us-east-1"),
        ExitCode.REFUSED,
        "loopback",
    ),
    "no Region": (("CSV", *LOAD), ExitCode.REFUSED, "--region"),
    "a Region that is none": (("CSV", *LOAD, "--region", "../x"), ExitCode.REFUSED, "such as eu-west-1"),
    "an endpoint that is no URL": (
        ("CSV", *LOAD, "--endpoint-url", "https://[::1", "--region", "us-east-1"),
        ExitCode.REFUSED,
        "--endpoint-url: should be a URL",
    ),
    "an unknown profile": (
        ("CSV", *LOAD, "--region", "us-east-1", "--profile", "nobody"),
        ExitCode.REFUSED,
        "nobody",
    ),
    "an unknown group column": (("CSV", *LOAD, *NOWHERE, "--group-by", "colour"), ExitCode.REFUSED, "colour"),
    "a run directory with too long a name": (
        ("CSV", *LOAD, *NOWHERE, "--run-dir", "r" * 300),
        ExitCode.REFUSED,
        "name too long",
    ),
    "a summary with too long a name": (
        ("CSV", *LOAD, *NOWHERE, "--summary-json", "s" * 300),
        ExitCode.REFUSED,
        "summary cannot be written",
    ),
    "a number beyond 64 bits": (
        ("CSV", *LOAD, *NOWHERE, "--max-records", "1" + "0" * 30),
        ExitCode.REFUSED,
        "--max-records",
    ),
    "a job file that is not there": (
        ("CSV", "--job", "no.toml", *LOAD, *NOWHERE),
        ExitCode.REFUSED,
        "no.toml",
    ),
}


@pytest.mark.parametrize("what", SETTINGS)
def test_a_setting_that_cannot_be_used_is_refused(ask, csv, what):
    """The error names the flag, and no file is created."""
    arguments, code, said = SETTINGS[what]
    answer = ask("load", *[csv if argument == "CSV" else argument for argument in arguments])
    assert (answer.code, answer.out) == (code, "")
    assert is_one_block(answer.err), answer.err
    assert said in answer.err
    assert not Path("scn-loader-runs").exists()


def test_a_value_that_is_not_a_choice_is_refused_in_plain_words(ask, csv):
    """The choices are listed; the name that pydantic gives to the kind of error is not."""
    answer = ask("load", csv, *LOAD, "--unfinished", "ask")
    said = " ".join(answer.err.replace("│", " ").split())
    assert answer.code == ExitCode.REFUSED
    assert "Invalid value for '--unfinished': 'ask' is not one of 'resume', 'supersede', 'stop'" in said


def test_a_wrong_flag_is_not_blamed_on_the_job_file(ask, csv, tmp_path):
    """The place of an error is the job file only if the file has the setting."""
    (tmp_path / "job.toml").write_text("burst = 1\n")
    job = (csv, "--job", tmp_path / "job.toml", *LOAD)
    assert "job.toml" not in ask("plan", *job, "--rate", "-1").err
    (tmp_path / "job.toml").write_text("rate = -1\n")
    assert f"  where: {tmp_path / 'job.toml'}\n" in ask("plan", *job).err


def test_each_line_of_several_causes_stands_once_below_the_first(ask, csv):
    """As text and as JSON: a program indents its lines itself."""
    arguments = ("plan", csv, *LOAD, "--rate", "-1", "--burst", "0")
    assert is_one_block(ask(*arguments).err)
    why = json.loads(ask(*arguments, "--json").out)["error"]["why"]
    assert [line.partition(":")[0] for line in why.split("\n")] == ["--rate", "--burst"]


def test_a_printed_command_stands_alone_below_several_faults(ask, csv, tmp_path):
    """The advice on the next fault is in the next line: pasted, it would be an argument of the command."""
    (tmp_path / "job.toml").write_text('[mapping]\nstate = "x"\nsite_id = "quantty"\n')
    lines = ask("plan", csv, "--job", tmp_path / "job.toml", *LOAD).err.splitlines()
    place = lines.index("         scn-loader datasets reservation")
    assert "Did you mean 'quantity'?" in lines[place + 1]


REHEARSED = {
    "no file": (("nosuch.csv",), ExitCode.NOTHING_TO_LOAD),
    "missing columns": (("few.csv",), ExitCode.REFUSED),
    "an unknown group column": (("CSV", "--group-by", "colour"), ExitCode.REFUSED),
    "an unknown event type": (("CSV", "--event-type", "scn.data.reservations"), ExitCode.REFUSED),
    "a summary with too long a name": (("CSV", "--summary-json", "s" * 300), ExitCode.REFUSED),
    "an unknown column in the job file": (("CSV", "--job", "bad.toml"), ExitCode.REFUSED),
    "missing columns, with workers": (("few.csv", "--workers", "2"), ExitCode.REFUSED),
}


@pytest.mark.parametrize("what", REHEARSED)
def test_a_rehearsal_is_refused_before_its_emulator_starts(ask, csv, monkeypatch, what):
    """A mistake is reported without the second that the emulator needs, and leaves no run directory."""
    Path("few.csv").write_text("reservation_id,quantity\n1,5\n")
    Path("bad.toml").write_text('[mapping]\nquantity = "colour"\n')
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")  # what would start it
    arguments, code = REHEARSED[what]
    answer = ask("load", *LOAD[:2], "--emulate", *[csv if each == "CSV" else each for each in arguments])
    assert (answer.code, answer.out) == (code, "")
    assert is_one_block(answer.err), answer.err
    assert "emulator" not in answer.err
    assert not Path("scn-loader-runs").exists()


def test_a_dry_run_of_a_rehearsal_is_called_one(ask, csv):
    """It starts no emulator, and does not say that the events would go to AWS."""
    answer = ask("load", csv, *LOAD[:2], "--emulate", "--dry-run")
    assert (answer.code, "rehearsal on this machine" in answer.out) == (ExitCode.DELIVERED, True), answer.err
    assert "AWS Supply Chain" not in answer.out


@pytest.mark.parametrize("place", ["nothing", "empty", "a file"])
@pytest.mark.parametrize("command", ["verify", "receipts", "report", "rejects"])
def test_a_place_without_a_load_is_refused_in_the_same_words(ask, csv, tmp_path, command, place):
    """A misspelt run directory is not called unreadable or damaged, and nothing is made in it."""
    (tmp_path / "empty").mkdir()
    there = csv if place == "a file" else tmp_path / place
    answer = ask(command, there)
    assert answer.code == ExitCode.REFUSED
    assert is_one_block(answer.err), answer.err
    assert "The run directory does not hold a load." in answer.err
    assert str(there) in answer.err
    assert not list((tmp_path / "empty").iterdir())


@pytest.mark.parametrize("command", [("datasets",), ("sample", "-o", "x.csv", "--"), ("measure", "--")])
def test_a_misspelt_dataset_is_suggested(ask, command):
    """Datasets and event types are named after each other, so one letter is easily wrong."""
    more = ("--instance-id", INSTANCE) if command[0] == "measure" else ()
    for typed, meant in (("reservatoin", "reservation"), ("scn.data.inboundordr", "scn.data.inboundorder")):
        answer = ask(command[0], *more, *command[1:], typed)
        assert answer.code == ExitCode.REFUSED
        assert is_one_block(answer.err), answer.err
        assert f"Did you mean '{meant}'? List all of them:" in answer.err


@pytest.mark.parametrize("command", ["datasets", "plan"])
def test_a_name_that_resembles_none_is_not_corrected(ask, csv, command):
    """What all event types begin with is no resemblance."""
    typed = "scn.data.nonsense"
    answer = ask("datasets", typed) if command == "datasets" else ask("plan", csv, "--event-type", typed)
    assert answer.code == ExitCode.REFUSED
    assert "Did you mean" not in answer.err
    assert "scn-loader datasets" in answer.err


HUGE = "9" * 40


@pytest.mark.parametrize(
    "arguments",
    [
        ("sample", "inbound_order", "-o", "x.csv", "--rows", HUGE),
        ("sample", "inbound_order", "-o", "x.csv", "--groups", HUGE),
        ("measure", "inbound_order", "--instance-id", INSTANCE, "--max-calls", HUGE),
        ("plan", "CSV", *LOAD, "--round-trip-ms", "nan"),
        ("plan", "CSV", *LOAD, "--round-trip-ms", "inf"),
    ],
    ids=" ".join,
)
def test_a_number_that_cannot_be_used_is_refused_before_the_work(ask, csv, arguments):
    """Not after a measurement whose result cannot be written, and not by a list for each group."""
    answer = ask(*[csv if argument == "CSV" else argument for argument in arguments])
    assert (answer.code, answer.out) == (ExitCode.REFUSED, "")
    assert list(Path.cwd().iterdir()) == []


def test_a_rate_of_next_to_nothing_has_a_plan(ask, csv):
    """Its duration is beyond what a number holds."""
    answer = ask("plan", csv, *LOAD, "--rate", "1e-320")
    assert answer.code == ExitCode.PLAN_DOES_NOT_FIT, answer.err


def test_missing_credentials_are_refused(ask, csv, monkeypatch):
    """The error lists the sources that were tried, and no file is created."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    answer = ask("load", csv, *LOAD, *NOWHERE)
    assert answer.code == ExitCode.REFUSED
    assert is_one_block(answer.err), answer.err
    assert "credentials" in answer.err
    assert not Path("scn-loader-runs").exists()


def test_a_run_directory_that_cannot_be_written_is_refused(ask, csv, tmp_path):
    """A file where a directory should be stands for every disk that refuses, also for root."""
    (tmp_path / "file").write_text("")
    answer = ask("load", csv, *LOAD, *NOWHERE, "--run-dir", tmp_path / "file" / "run")
    assert answer.code == ExitCode.REFUSED
    assert is_one_block(answer.err), answer.err


def test_a_run_directory_of_another_job_is_refused(ask, csv, tmp_path, emulated_stop):
    """An unfinished load of other settings is kept, and the difference is named."""
    run_dir = tmp_path / "run"
    emulated_stop(csv, run_dir)
    answer = ask("load", csv, *LOAD, *NOWHERE, "--run-dir", run_dir, "--numbers", "number")
    assert answer.code == ExitCode.REFUSED
    assert is_one_block(answer.err), answer.err
    assert "numbers" in answer.err
    assert "--restart" in answer.err


@pytest.fixture
def emulated_stop(ask):
    """Make an unfinished load: no server listens on the port, so the load gives up."""

    def stop(csv: Path, run_dir: Path) -> None:
        # With nothing rejected allowed, the bad row stops the load before its end.
        csv.write_text(CSV + "2,1,many\n")
        stops = ("--max-errors", "0", "--drain-seconds", "0")
        answer = ask("load", csv, *LOAD, *NOWHERE, "--run-dir", run_dir, *stops)
        assert answer.code == ExitCode.TOO_MANY_ERRORS, answer.err

    return stop


def test_a_refused_load_overwrites_the_summary_of_the_last_one(ask, tmp_path):
    """A scheduler that reads the summary file must not find last night's success."""
    summary = tmp_path / "summary.json"
    summary.write_text('{"exit_code": 0}')
    answer = ask("load", tmp_path / "nosuch.csv", *LOAD, *NOWHERE, "--summary-json", summary)
    assert json.loads(summary.read_bytes())["exit_code"] == answer.code == ExitCode.NOTHING_TO_LOAD


def test_a_summary_that_cannot_be_written_is_refused_before_anything_is_sent(ask, csv, tmp_path):
    """A load of hours must not end without the file that the scheduler reads."""
    for place in (tmp_path / "missing" / "summary.json", tmp_path):
        answer = ask("load", csv, *LOAD, *NOWHERE, "--run-dir", tmp_path / "run", "--summary-json", place)
        assert answer.code == ExitCode.REFUSED
        assert "The summary cannot be written" in answer.err
        assert is_one_block(answer.err), answer.err
        assert not (tmp_path / "run").exists()


def test_a_bug_is_told_without_a_traceback(ask, csv, monkeypatch):
    """What is not foreseen ends with exit code 70 and asks for a report."""
    monkeypatch.setenv("SCN_LOADER_CSV", '{"separator": ","}')
    monkeypatch.setattr("loader.cli.terminal.running.run_to_end", lambda *_, **__: 1 / 0)
    answer = ask("load", csv, *LOAD, *NOWHERE)
    assert answer.code == ExitCode.BUG
    assert is_one_block(answer.err), answer.err
    assert "--debug" in answer.err


def test_status_of_an_empty_folder_says_so(ask, tmp_path):
    """A mistyped run directory is not a success."""
    answer = ask("status", tmp_path)
    assert answer.code == ExitCode.REFUSED
    assert "no load" in answer.out


def test_a_condition_without_a_value_is_refused(ask):
    """The emulator says how records to be refused are named."""
    done = ask("emulator", "--port", "0", "--refuse-record-where", "product_id")
    assert done.code == ExitCode.REFUSED
    assert "--refuse-record-where takes COLUMN=VALUE, not 'product_id'" in done.err
