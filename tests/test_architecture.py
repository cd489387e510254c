"""The structure of the package: the page about it is true, and nothing has grown too large."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from loader import errors
from tests.soak_only import SOAK_ONLY

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "loader"
TESTS = ROOT / "tests"
MOST_LINES = 300
MOST_MODULES = 15

MODULES = sorted(PACKAGE.rglob("*.py"))
FOLDERS = sorted({path.parent for path in MODULES})


def part_of(dotted: str) -> str:
    """Return the folder or module directly in the package that contains a dotted name."""
    parts = dotted.split(".")
    return parts[1] if len(parts) > 1 else ""


def floors() -> list[set[str]]:
    """The rows of the table of folders, from top to bottom: the parts of the package that each names."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = page.partition("| folder | job |")[2].partition("\n\n")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    return [{name.removesuffix(".py") for name in re.findall(r"`([\w./]+)`", row)} for row in rows]


def imports(path: Path) -> set[str]:
    """The parts of the package that a module imports, other than its own."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    return {part_of(name) for name in names if name.startswith("loader.")} - {own, ""}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_is_short(path: Path):
    """A module that has grown beyond 300 lines does more than one thing."""
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_folder_is_small(folder: Path):
    """A folder with more than 15 modules holds more than one stage of the work."""
    assert len([path for path in folder.glob("*.py") if path.name != "__init__.py"]) <= MOST_MODULES


SEVERAL_MEANINGS = {
    "Column": "a column of a dataset, of a Parquet file and of an expression; each the noun of its folder",
    "P": "a type variable",
    "T": "a type variable",
    "log": "the logger of each module",
}
"""Public names that several modules define, with the reasons."""


def public_names(path: Path) -> set[str]:
    """The classes, constants and aliases that a module defines for others; an underscore marks its own."""
    names: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef):
            names.add(node.name)
        targets = (
            node.targets
            if isinstance(node, ast.Assign)
            else [node.target]
            if isinstance(node, ast.AnnAssign)
            else []
        )
        names |= {target.id for target in targets if isinstance(target, ast.Name)}
    return {name for name in names if not name.startswith("_")}


def test_a_public_name_means_one_thing():
    """A class or constant is defined once. The emulator is excluded: it states the facts of the service."""
    homes: dict[str, list[str]] = {}
    for path in MODULES:
        if "emulator" not in path.relative_to(PACKAGE).parts:
            for name in public_names(path):
                homes.setdefault(name, []).append(str(path.relative_to(PACKAGE)))
    doubled = {name: places for name, places in homes.items() if len(places) > 1}
    assert {name: places for name, places in doubled.items() if name not in SEVERAL_MEANINGS} == {}
    assert SEVERAL_MEANINGS.keys() <= doubled.keys(), "a reason that nothing needs any more"


def test_the_table_names_every_part_once():
    """Each folder and module below the package stands in exactly one row."""
    named = [name for row in floors() for name in row if "/" not in name]
    there = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in MODULES}
    assert sorted(named) == sorted(there - {"__init__", "__main__"})


def test_imports_run_down_the_table():
    """A part imports only parts in rows below its own."""
    row_of = {name: number for number, row in enumerate(floors()) for name in row}
    upward = [
        f"{path.relative_to(ROOT)} imports loader.{name}"
        for path in MODULES
        for name in imports(path)
        if (own := path.relative_to(PACKAGE).parts[0].removesuffix(".py")) in row_of
        and row_of[name] < row_of[own]
    ]
    assert upward == []


KNOW_THE_JOB = {
    "__init__.py": "exports it",
    "job/__init__.py": "exports it",
    "job/reading.py": "reads it",
    "job/run_folder.py": "names the run directory by its plan settings",
    "stage_settings/connections.py": "takes the settings of stages from it",
    "stage_settings/extract.py": "takes the settings of stages from it",
    "stage_settings/frame.py": "makes a job of a frame",
    "loading/settings.py": "takes the settings of the parts of a load from it",
    "loading/api.py": "runs a load",
    "loading/opening.py": "opens the parts of a load",
    "loading/library.py": "runs a load",
    "preview/preview.py": "runs a plan",
    "preview/planned_events.py": "runs a plan",
    "drafting/draft.py": "drafts a job file",
    "verify/stored_settings.py": "restores the job of a load",
    "runners/engines.py": "runs a load by several processes",
    "runners/workers.py": "runs a load by several processes, each with a job of its own",
    "runners/ray.py": "runs a load by tasks of a Ray cluster",
    "runners/messages.py": "sends a job to a worker",
    "runners/worker.py": "runs the job that it receives",
    "cli/load.py": "runs a load",
    "cli/options.py": "makes flags of its fields",
    "cli/terminal/running.py": "runs a load",
    "cli/terminal/emulate.py": "makes a job for a rehearsal",
    "testing/emulated_service.py": "makes jobs for tests of users",
    "integrations/dlt.py": "runs a load for each file",
}
"""The modules that know the whole job, with the reasons. All others get settings of their own: see
``loader/stage_settings``."""


def knows_the_job(path: Path) -> bool:
    """Return whether a module imports the class ``Job``, or reaches it through the package that has it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and "loader" in (node.module or "").split(".")[:1]:
            names = {alias.name for alias in node.names}
            if "Job" in names or (node.module == "loader" and "job" in names):
                return True
        if isinstance(node, ast.Import) and any(each.name.startswith("loader.job") for each in node.names):
            return True
    return False


def test_only_what_runs_a_command_knows_the_whole_job():
    """A stage gets the settings that it uses, and cannot depend on the others."""
    found = {str(path.relative_to(PACKAGE)) for path in MODULES if knows_the_job(path)}
    assert sorted(found) == sorted(KNOW_THE_JOB)


def test_the_page_names_modules_that_exist():
    """Each module that the page about the structure names is there."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:\w+/)*\w+\.py)`", page))
    assert [
        name for name in sorted(named) if not any((home / name).exists() for home in (PACKAGE, ROOT))
    ] == []


def test_the_page_about_the_tests_names_every_folder_once():
    """A newcomer finds the folder of a test in the table."""
    page = (TESTS / "README.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
    named = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    there = {path.parent.name for path in TESTS.glob("*/*.py")}
    assert sorted(named) == sorted(there)


def test_the_modules_to_compile_exist():
    """The build hook ignores a name that matches nothing, and would leave a renamed module uncompiled."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    hook = project["tool"]["hatch"]["build"]["targets"]["wheel"]["hooks"]["mypyc"]
    names = [name for name in (*hook["include"], *hook["exclude"]) if name.startswith("/")]
    assert names
    assert [name for name in names if not (ROOT / name[1:]).exists()] == []


def test_rich_prints_texts_as_they_are():
    """Each console of rich is made without markup and emoji codes: a path or an error may contain either."""
    made = [
        (path.name, node.lineno, {each.arg: ast.unparse(each.value) for each in node.keywords})
        for path in MODULES
        if "from rich.console import" in (text := path.read_text(encoding="utf-8"))
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Console"
    ]
    assert made
    assert [each for each in made if not {("markup", "False"), ("emoji", "False")} <= each[2].items()] == []


def test_every_module_states_its_job():
    """The first line of each module is a sentence."""
    first_lines = {
        str(path.relative_to(ROOT)): (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "")
        for path in MODULES
    }
    nameless = [name for name, text in first_lines.items() if not re.search(r"[.:]$", text.split("\n\n")[0])]
    assert nameless == []


def test_the_soak_runs_each_folder_with_tests_of_its_own():
    """A test that is marked for the soak, and that no soak collects, would never run."""
    recipe = (ROOT / "Makefile").read_text(encoding="utf-8").partition("\nsoak:")[2].partition("\n\n")[0]
    collected = set(re.findall(r"tests/\w+", recipe))
    marked = {path for path in TESTS.rglob("test_*.py") if "mark.soak" in path.read_text(encoding="utf-8")}
    names = {str(path.relative_to(ROOT)) for path in marked - {Path(__file__)}} | set(SOAK_ONLY)
    assert {"/".join(name.split("/")[:2]) for name in names} <= collected


WITHOUT_NEXT_STEP = {
    "The command line cannot be used.": "click has shown it with the name of the help",
    "": "a signal: the caller adds the step",
    "The task that awaited the load was cancelled.": "the caller cancelled it",
    "The results were not read to their end.": "the caller stopped to read them",
}
"""Errors that need no next step, and why."""


def _lacking_next_steps(path: Path) -> Iterator[str]:
    """Yield the sentence of each error that a module makes without a next step."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args):
            continue
        kind = getattr(errors, node.func.id, None)
        if isinstance(kind, type) and issubclass(kind, errors.LoaderError):
            names = {keyword.arg for keyword in node.keywords}
            if not names & {"next_step", None}:
                yield ast.literal_eval(node.args[0]) if isinstance(node.args[0], ast.Constant) else "?"


def test_every_error_says_what_is_next():
    """An error is one block: what, where, why, and what to run or change next."""
    lacking = {sentence for path in MODULES for sentence in _lacking_next_steps(path)}
    assert lacking == WITHOUT_NEXT_STEP.keys()
