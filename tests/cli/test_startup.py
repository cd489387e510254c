"""What importing does: polars reads its environment once, when it is first imported."""

import subprocess
import sys

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


def python(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)


def test_importing_the_library_changes_no_environment_and_the_command_imports_no_polars() -> None:
    """A program that imports the library keeps its polars; the command is in time to set its own."""
    done = python(LOOK)
    assert done.returncode == 0, done.stderr


def test_the_command_sets_polars_threads_before_any_command_runs(monkeypatch) -> None:
    """Whichever command it is: `main` sets them, and no command is imported with polars."""
    monkeypatch.delenv("POLARS_MAX_THREADS", raising=False)
    done = python(RUN)
    assert done.returncode == 42, done.stderr
