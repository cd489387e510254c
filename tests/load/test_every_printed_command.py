"""Every place in the loader that makes a command for a message is reached, and what it prints runs.

The places are found in the source: a command is made by ``scn_loader`` or ``CommandLine.pasteable``, and no
other text of the loader holds one. Each trial below names the places that it reaches; while its processes
run, the places that make commands are noted.
"""

import ast
import html
import re
import shlex
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.load.conftest import EmulatorProcess, Run, emulator_process
from tests.load.test_printed_commands import (
    HEADER,
    INSTANCE,
    Shell,
    flags,
    printed_commands,
    shell,
    stray_commands,
    write_rows,
)
from tests.prepared.seen_commands import VARIABLE
from tests.prepared.starts import PLAIN_STARTS, start

__all__ = ["shell"]

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "loader"
MAKING = PACKAGE / "command_line.py"

COMMANDS = "load|plan|status|verify|receipts|report|rejects|emulator|datasets|sample|measure|doctor|init"
COMMAND = re.compile(rf"scn-loader ({COMMANDS})\b")

NO_MESSAGES = {
    "cli/__init__.py": "the help of the command, with a placeholder",
    "cli/init.py": "a help text",
    "cli/load.py": "a help text",
    "job/fields.py": "a help text",
    "drafting/job_text.py": "a job file says what wrote it",
    "measuring/own_dataset.py": "the description of a dataset says what made it",
}
"""Modules with a text that names a command and is no message to run it."""

ARN = f"arn:aws:scn:us-east-1:123456789012:instance/{INSTANCE}/namespaces/default/datasets/notes"

Done = subprocess.CompletedProcess[str]


def texts_with(words: str) -> Iterator[tuple[Path, str]]:
    """Yield the modules that have one of some words, apart from the one that makes commands."""
    for path in sorted(set(PACKAGE.rglob("*.py")) - {MAKING}):
        text = path.read_text(encoding="utf-8")
        if re.search(words, text):
            yield path, text


def nodes_of(text: str) -> Iterator[tuple[str, ast.AST]]:
    """Yield each node of a module with the name of the function that it is in."""
    waiting: list[tuple[str, ast.AST]] = [("", ast.parse(text))]
    while waiting:
        function, node = waiting.pop()
        yield function, node
        inside = node.name if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else function
        waiting += [(inside, child) for child in ast.iter_child_nodes(node)]


def makers() -> set[str]:
    """Return module and function of each place that makes a command."""
    found = set()
    for path, text in texts_with("scn_loader|pasteable"):
        for function, node in nodes_of(text):
            if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in (
                "scn_loader",
                "pasteable",
            ):
                found.add(f"{path.relative_to(PACKAGE)}:{function}")
    return found


def docstrings(tree: ast.AST) -> set[ast.AST]:
    """Return the texts of a module that stand alone as a statement."""
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}


def test_a_command_is_made_in_one_place() -> None:
    """No other text of the loader names a command: what is put together elsewhere may not run."""
    found = set()
    for path, text in texts_with("scn-loader"):
        tree = ast.parse(text)
        texts = [node for node in ast.walk(tree) if isinstance(node, ast.Constant)]
        found |= {
            str(path.relative_to(PACKAGE))
            for node in set(texts) - docstrings(tree)
            if isinstance(node.value, str) and COMMAND.search(node.value)
        }
    assert found == set(NO_MESSAGES)


def test_every_command_has_a_name_of_its_own() -> None:
    """The search above knows all commands."""
    from loader.cli.terminal.command_group import SUMMARIES

    assert set(SUMMARIES) == set(COMMANDS.split("|"))


IGNORED = {ROOT / line for line in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()}
"""`make docs` writes pages from the help, which has tests of its own."""

DOCUMENTS = [ROOT / "README.md", *sorted({*(ROOT / "docs").rglob("*.md")} - IGNORED)]


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda page: page.name)
def test_a_command_in_the_documents_has_flags_that_exist(page: Path) -> None:
    """What a reader copies is not refused for a flag that is spelled otherwise."""
    from loader.cli import app
    from loader.cli.terminal.command_group import imported_commands

    commands = imported_commands(app)
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    shown = list(re.finditer(rf"scn-loader ({COMMANDS})\b([^`\n|]*)", text))
    assert shown or page.name != "README.md"
    for found in shown:
        known = {name for each in commands[found[1]].params for name in each.opts} | {"--help"}
        flags = re.findall(r"(?<![\w-])--[a-z][a-z-]*", found[2])
        assert set(flags) <= known, found[0]


@dataclass
class Stage:
    """Where a trial runs.

    Attributes:
        folder: The folder of its files, with a blank in its name.
        scn_loader: Runs a command.
        shell: Runs a line.
        printed: Every command that was printed so far.
    """

    folder: Path
    scn_loader: Run
    shell: Shell
    printed: list[str] = field(default_factory=list)

    def run(self, *arguments: object, code: int) -> Done:
        """Run a command; what it prints is noted."""
        return self._took(self.scn_loader(*arguments), code)

    def paste(self, line: str, code: int) -> Done:
        """Run a line in a shell; what it prints is noted."""
        return self._took(self.shell(line), code)

    def _took(self, ended: Done, code: int) -> Done:
        assert ended.returncode == code, ended.stdout + ended.stderr
        assert stray_commands(ended) == []
        self.printed += printed_commands(ended)
        return ended

    def last(self, command: str) -> str:
        """Return the last printed line of a command."""
        return [line for line in self.printed if f"scn-loader {command}" in line][-1]

    def load(self, emulator: EmulatorProcess, *more: object, code: int) -> Done:
        """Load orders.csv into run directory ``r``."""
        flags_of_all = [*flags(emulator), "--run-dir", "r", "--window-rows", "10"]
        return self.run("load", "orders.csv", *flags_of_all, *more, code=code)

    def check_all(self) -> None:
        """Run every printed command that only looks, once."""
        for line in dict.fromkeys(self.printed):
            words = shlex.split(line)
            assert words[:1] in (["scn-loader"], ["YOUR_COMMAND"]), line
            if words[1] in ("status", "datasets", "receipts", "report") or words[-1] == "--help":
                assert self.shell(line).returncode == 0, line


def refusals(stage: Stage) -> None:
    write_rows(stage.folder / "x.csv", 3)
    typed = ["--event-type", "scn.data.reservation"]
    stage.run("load", "x.csv", *typed, "--rate", "0", code=2)
    stage.run("load", *typed, "--instance-id", INSTANCE, code=2)
    stage.run("plan", "x.csv", "--event-type", "scn.data.nothing", "--instance-id", INSTANCE, code=2)
    stage.run("datasets", "nothing", code=2)
    (stage.folder / "job.toml").write_text('[mapping]\nnothing = "reservation_id"\n')
    stage.run("plan", "x.csv", *typed, "--job", "job.toml", "--instance-id", INSTANCE, code=2)
    (stage.folder / "faults.toml").write_text("[[rules]]\nfault = 'unknown'\n")
    stage.run("emulator", "--faults", "faults.toml", code=2)


def a_first_look(stage: Stage) -> None:
    stage.run("sample", "reservation", "--rows", "5", "-o", "my rows.csv", code=0)
    stage.paste(stage.last("load"), code=0)
    stage.run("init", "my rows.csv", "--event-type", "scn.data.reservation", "-o", "a job.toml", code=0)
    own = "--values --deadline=8h --round-trip-ms 50"
    stage.paste(f"{stage.last('plan')} --instance-id {INSTANCE} {own} --rate 100", code=0)
    assert "emulate" in stage.last("load")
    assert "a job.toml" in stage.last("load")
    stage.paste(stage.last("load"), code=0)


def wrong_rows(stage: Stage) -> None:
    with emulator_process(stage.folder, "--refuse-record-where", "reservation_id=R7") as emulator:
        write_rows(stage.folder / "orders.csv", 60, bad=20)
        stage.load(emulator, "--max-errors", "3", code=3)
        assert " --max-errors 100 " in f"{stage.last('load')} "
        stage.run("rejects", "r", code=2)
        stage.paste(stage.last("status"), code=0)
        stage.run("status", ".", "--exit-code", code=2)
        stage.paste(stage.last("status"), code=0)
        stage.paste(stage.last("load"), code=1)
        again = [line for line in stage.printed if "--retry-failed" in line]
        stage.paste(again[-1], code=1)
        stage.run("report", "r", code=0)
        check_page(stage)
        write_rows(stage.folder / "orders.csv", 61)
        stage.load(emulator, code=1)
        stage.run("status", "r", code=0)
        (kept,) = (stage.folder / "r").glob("checkpoint-*.sqlite")
        stage.paste(f"scn-loader status {shlex.quote(str(kept))}", code=0)
        (rejected,) = (stage.folder / "r").glob("rejected-*/*.csv")
        rejected.write_text(HEADER + "C1,1\n")
        stage.paste(next(line for line in stage.printed[::-1] if "/rejected-" in line), code=0)
        shutil.rmtree(stage.folder / "r" / "not-loaded", ignore_errors=True)
        stage.run("rejects", "r", code=0)


def check_page(stage: Stage) -> None:
    """The page has the commands of status, as text."""
    page = (stage.folder / "r" / "report.html").read_text()
    commands = re.findall(r"<pre[^>]*><code>(.*?)</code>", page, re.DOTALL)
    on_page = [html.unescape(re.sub(r"</?span[^>]*>", "", text)) for text in commands]
    in_status = printed_commands(stage.run("status", "r", code=0))
    assert on_page
    assert set(on_page) <= set(in_status)


def other_files(stage: Stage) -> None:
    with emulator_process(stage.folder) as emulator:
        write_rows(stage.folder / "orders.csv", 400)
        arguments = [
            "load",
            "orders.csv",
            *flags(emulator),
            "--run-dir",
            "r",
            "--rate",
            "100",
            "--window-rows",
            "10",
        ]
        with start(
            arguments, cwd=stage.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as run:
            while not (stage.folder / "r" / "checkpoint.sqlite").exists():
                assert run.poll() is None
            run.send_signal(signal.SIGINT)
            said = "".join(run.communicate())
        stage.printed += printed_commands(subprocess.CompletedProcess([], 130, said, ""))
        assert " load " in stage.printed[-1]
        write_rows(stage.folder / "orders.csv", 30)
        stage.load(emulator, code=2)
        ways = [line for line in stage.printed if "--unfinished" in line]
        assert [line.split()[-1] for line in ways] == ["resume", "supersede"]
        stage.paste(ways[-1], code=0)


def lost_loads(stage: Stage) -> None:
    extract = stage.folder / "orders.csv"
    extract.write_text("id\n" + "".join(f"c{row}\n" for row in range(20)))
    (stage.folder / "notes.json").write_text(
        '{"namespace": "default", "name": "notes", "schema": {"name": "notes", "fields": '
        '[{"name": "id", "type": "STRING", "isRequired": true}], "primaryKey": {"name": "id"}}}'
    )
    more = ["--dataset", stage.folder / "notes.json"]
    target = [
        "--dataset-arn",
        ARN,
        "--operation",
        "UPSERT",
        "--event-type",
        "scn.data.dataset",
        "--live-schema",
        "--group-by",
        "id",
    ]
    with emulator_process(stage.folder, "--fail-load-where", "id=c7", *map(str, more)) as emulator:
        stage.load(emulator, *target, code=0)
        stage.paste(stage.last("verify"), code=1)
        correcting = stage.last("load")
        shutil.rmtree(stage.folder / "r" / "not-loaded")
        stage.run("status", "r", code=0)
        stage.paste(stage.last("rejects"), code=2)  # only the service knows the schema
        stage.paste(stage.last("verify"), code=1)
        assert stage.last("load") == correcting
        next((stage.folder / "r" / "not-loaded").glob("*.csv")).write_text("id\nright\n")
        stage.paste(correcting, code=0)
        stage.run("status", "r", code=0)
        stage.paste(stage.last("verify"), code=0)


def old_doubts(stage: Stage) -> None:
    (stage.folder / "orders.csv").write_text("id\n" + "".join(f"c{row}\n" for row in range(20)))
    arn = f"arn:aws:scn:us-east-1:123456789012:instance/{INSTANCE}/namespaces/asc/datasets/company"
    target = ["--dataset-arn", arn, "--operation", "APPEND", "--event-type", "scn.data.dataset"]
    with emulator_process(stage.folder) as emulator:
        stage.load(emulator, *target, code=0)
        lose_answers(stage.folder / "r" / "checkpoint.sqlite")
        stage.load(emulator, *target, code=6)
        stage.paste(stage.last("status"), code=0)
        ways = [line for line in stage.printed if "--in-doubt" in line]
        stage.paste(next(line for line in ways if "resend" in line), code=0)
    for name in ("lake.sqlite", "ledger.sqlite"):
        (stage.folder / name).unlink()
    with emulator_process(stage.folder) as emulator:  # which knows no event
        stage.run("verify", "r", "--endpoint-url", emulator.url, code=1)
        assert "--status missing" in stage.last("receipts")


def lose_answers(checkpoint: Path) -> None:
    """Make a run of it that was killed nine hours ago, before the last answer came."""
    with closing(sqlite3.connect(checkpoint)) as connection:
        connection.execute("UPDATE runs SET ended_at = NULL")
        connection.execute("UPDATE windows SET accepted = accepted - 1, finished_at = NULL")
        zeros = "CAST(zeroblob(16) || substr(event_ids, 17) AS BLOB)"
        connection.execute(f"UPDATE receipts SET event_ids = {zeros}")
        connection.execute("INSERT INTO marks VALUES (0, 1, unixepoch() - 32400, x'0000000000000000')")
        connection.commit()


def shards(stage: Stage) -> None:
    with emulator_process(stage.folder) as emulator:
        write_rows(stage.folder / "orders.csv", 30)
        stage.load(emulator, "--shard", "1/2", code=0)
        stage.run("status", "r", code=0)
        assert "--shard 2/2" in stage.last("load")
        stage.paste(stage.last("load"), code=0)
        write_rows(stage.folder / "orders.csv", 150, bad=30)
        ended = stage.load(emulator, "--workers", "2", "--max-errors", "10%", code=3)
        assert "10%" not in printed_commands(ended)[-1]
        stage.paste(stage.last("load"), code=1)
        (rejected,) = (stage.folder / "r" / "rejected").glob("*.csv")
        rejected.write_text(rejected.read_text().replace("\n,", "\nC,"))
        stage.paste(stage.last("load"), code=0)
        assert (stage.folder / "r" / "corrected" / "checkpoint.sqlite").exists()
        stage.run("status", "r", code=0)
        stage.paste(stage.last("status"), code=0)


def no_emulator(stage: Stage) -> None:
    write_rows(stage.folder / "orders.csv", 3)
    (stage.folder / "r").mkdir(mode=0o700)
    (stage.folder / "r" / "lake.sqlite").write_bytes(b"no database" * 500)
    (stage.folder / "r" / "lake.sqlite").chmod(0o600)
    arguments = ["--event-type", "scn.data.reservation", "--emulate", "--run-dir", "r"]
    stage.run("load", "orders.csv", *arguments, code=2)
    assert "not a database" in stage.paste(stage.last("emulator"), code=2).stderr


def standard_input(stage: Stage) -> None:
    write_rows(stage.folder / "orders.csv", 40, bad=5)
    with emulator_process(stage.folder) as emulator:
        line = shlex.join(
            ["scn-loader", "load", "-", *map(str, flags(emulator)), "--run-dir", "r", "--max-errors", "2"]
        )
        source = shlex.quote(str(stage.folder / "orders.csv"))
        stage.paste(f"cat {source} | {line} --window-rows 10", code=3)
        stage.paste(stage.last("load").replace("YOUR_COMMAND", f"cat {source}"), code=1)


TRIALS: dict[Callable[[Stage], None], set[str]] = {
    refusals: {
        "cli/datasets.py:find_dataset",
        "cli/emulator.py:emulator",
        "cli/options.py:need_extract",
        "job/refusal.py:_next_step",
        "mapping/errors.py:no_such_column",
        "mapping/target_dataset.py:dataset_of",
    },
    a_first_look: {
        "cli/sample.py:sample",
        "cli/init.py:init",
        "cli/plan.py:_rehearsal",
        "cli/terminal/running.py:run_on_terminal",
    },
    wrong_rows: {
        "loading/error_limits.py:too_many_errors",
        "loading/rejects.py:write_rejects",
        "cli/terminal/corrected_load.py:correcting_command",
        "cli/status.py:_refuse_for_many",
        "cli/status.py:_steps_of_earlier",
        "status/earlier.py:_lines",
        "status/listing.py:_lines",
        "status/next_steps.py:status_step",
        "status/overview.py:command",
        "status/next_steps.py:_again",
    },
    other_files: {"checkpoint/start/opening.py:_choices"},
    lost_loads: {
        "status/next_steps.py:_ask",
        "status/next_steps.py:_correct_not_loaded",
        "status/next_steps.py:_writing_rows",
        "verify/api.py:keep_refused",
    },
    old_doubts: {"loading/doubts.py:decide_doubts"},
    shards: {"status/whole_overview.py:_command", "status/next_steps.py:_seeing_corrected"},
    no_emulator: {"cli/terminal/emulate.py:_emulator"},
    standard_input: set(),
}

ELSEWHERE = {
    "cli/__init__.py:_usage_error": "tests/cli/test_outputs.py",
    "cli/terminal/live_hint.py:update": "tests/cli/test_live_hint.py",
    "cli/terminal/running.py:_interrupted": "tests/process/test_signal_windows.py",
    "integrations/dlt.py:_check": "tests/integrations/test_dlt.py",
    "remote/keeper.py:_lost": "tests/remote/test_loads.py, without running it",
    "remote/lease.py:_locked": "tests/remote/test_lease.py, without running it",
}
"""Places that other tests try."""


def test_every_place_that_makes_a_command_is_tried() -> None:
    """A new one has to be reached by a trial."""
    assert set().union(*TRIALS.values(), ELSEWHERE) == makers()


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The file where processes note which places make commands."""
    monkeypatch.setenv(VARIABLE, str(tmp_path / "seen"))
    return tmp_path / "seen"


@pytest.mark.parametrize("trial", TRIALS, ids=lambda trial: trial.__name__)
def test_what_is_printed_runs(
    trial: Callable[[Stage], None], seen: Path, scn_loader: Run, shell: Shell, tmp_path: Path
) -> None:
    """The trial reaches its places; each command stands alone on its line, and runs in another folder."""
    stage = Stage(tmp_path / "cwd", scn_loader, shell)
    trial(stage)
    stage.check_all()
    assert PLAIN_STARTS or TRIALS[trial] <= set(seen.read_text().splitlines())
