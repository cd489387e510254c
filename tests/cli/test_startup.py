"""What importing does: polars reads its environment once, when it is first imported."""

import subprocess
import sys

import pytest
from typer.core import TyperCommand

from loader.cli import app
from loader.cli.terminal.command_group import SUMMARIES, imported_commands

LOOK = """
import os, sys
before = dict(os.environ)
import loader.cli
assert "polars" not in sys.modules, "the command could not set polars' threads any more"
assert dict(os.environ) == before, "the command line changed its importer's environment"
import polars  # sets _RJEM_MALLOC_CONF itself
before = dict(os.environ)
import loader
for name in loader.__all__:
    getattr(loader, name)
assert dict(os.environ) == before, "the library changed its caller's environment"
"""

RUN = """
import os, sys
from loader.cli import app, main

def look():
    assert "polars" not in sys.modules
    assert os.environ["POLARS_MAX_THREADS"] == "2"
    raise SystemExit(42)

app.registered_commands.clear()
app.command("look")(look)
app.command("other")(look)
sys.argv = ["scn-loader", "look"]
main()
"""


HELP = """
import sys
from loader.cli import main

sys.argv = ["scn-loader", *sys.argv[1:]]
try:
    main()
finally:
    slow = {"pydantic_settings", "polars", "sqlite3", "loader.job", "loader.checkpoint"} & set(sys.modules)
    assert not slow, slow
"""


LOAD = """
import sys
import loader.cli.load, loader.cli.terminal.running

slow = {"aiohttp", "sqlglot", "rich.console", "rich.style", "boto3", "pyarrow", "duckdb"}
slow |= {"loader.preview", "loader.runners", "loader.remote.keeper", "loader.remote.holding"}
slow |= {"loader.verify", "loader.status.overview", "loader.cli.terminal.verification"}
assert not slow & set(sys.modules), slow & set(sys.modules)
"""


COLLECTIONS = """
import gc, sys
import loader.__main__, loader.cli

def look():
    before = [each["collections"] for each in gc.get_stats()]
    import loader.cli.load, loader.cli.terminal.running
    assert [each["collections"] for each in gc.get_stats()] == before, gc.get_stats()
    raise SystemExit(42)

loader.cli.main = look
sys.argv = ["scn-loader"]
loader.__main__.run()
"""


def python(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["lod"], []])
def test_help_waits_for_no_import_of_a_command(arguments: list[str]) -> None:
    """The list of commands and a misspelled name are answered at once."""
    done = python(HELP, *arguments)
    assert "AssertionError" not in done.stderr
    assert done.returncode == (0 if arguments and arguments[0].startswith("-") else 2)
    assert "load" in done.stdout + done.stderr


def test_a_load_waits_for_no_import_that_it_may_not_need() -> None:
    """What few loads use is imported when it is used.

    This is the live lines, SQL expressions, a proxy, S3, a dry run, workers, and verification after a load.
    """
    done = python(LOAD)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("name", "command"), imported_commands(app).items())
def test_a_summary_is_the_first_sentence_of_its_command(name: str, command: TyperCommand) -> None:
    """The list of commands and the help of each command agree."""
    assert command.name == name
    assert (command.help or "").split("\n\n")[0].replace("\n", " ") == SUMMARIES[name]


def test_importing_the_library_changes_no_environment_and_the_command_imports_no_polars() -> None:
    """A program that imports the library keeps its polars; the command is in time to set its own."""
    done = python(LOOK)
    assert done.returncode == 0, done.stderr


def test_the_command_sets_polars_threads_before_any_command_runs(monkeypatch) -> None:
    """Whichever command it is: `main` sets them, and no command is imported with polars."""
    monkeypatch.delenv("POLARS_MAX_THREADS", raising=False)
    done = python(RUN)
    assert done.returncode == 42, done.stderr


def test_no_garbage_is_collected_while_a_load_is_imported() -> None:
    """The objects of imports stay, so that collections only take time."""
    done = python(COLLECTIONS)
    assert done.returncode == 42, done.stderr
