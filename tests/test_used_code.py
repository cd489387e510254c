"""The package has no code that only tests use: it would be kept, explained and tested for nothing.

The test knows names, not types. So it does not find a method that has the name of another one that is used.
"""

import ast
import io
import re
import tokenize
from collections import Counter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "loader"

CALLED_FROM_OUTSIDE = {
    "scn_destination": "users of dlt call it",
    "scn_emulator": "a fixture for tests of users",
    "advance_clock": "tests of users move the emulator's clock",
    "skew_clock": "the same",
    "open_connections": "tests of users wait for the end of a client",
    "imported_commands": "the reference page and the tests of --help list the commands",
    "connection_made": "asyncio calls it",
    "connection_lost": "asyncio calls it",
    "eof_received": "asyncio calls it",
    "pause_writing": "asyncio calls it",
    "resume_writing": "asyncio calls it",
    "on_body": "httptools calls it",
    "on_headers_complete": "httptools calls it",
    "on_message_complete": "httptools calls it",
    "readinto": "the readers of io call it",
    "do_GET": "http.server calls it",
    "log_message": "http.server calls it",
    "version_string": "http.server calls it",
    "settings_customise_sources": "pydantic calls it",
}
"""Functions without a call in the package, with their callers."""

VALIDATORS = {"field_validator", "model_validator", "model_serializer"}
"""Decorators of functions that pydantic calls."""


def is_for_pydantic(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Return whether a decorator registers a function with pydantic."""
    names = {ast.unparse(each).partition("(")[0] for each in function.decorator_list}
    return not names.isdisjoint(VALIDATORS)


def uncalled(sources: list[str]) -> set[str]:
    """Return the names of the functions and methods that sources define and do not mention elsewhere."""
    defined: Counter[str] = Counter()
    mentioned: Counter[str] = Counter()
    for source in sources:
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not is_for_pydantic(node):
                defined[node.name] += 1
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.NAME:
                mentioned[token.string] += 1
            elif token.type == tokenize.STRING and '"""' not in token.string:  # an f-string, or getattr
                mentioned.update(re.findall(r"[A-Za-z_]\w*", token.string))
    return {name for name, times in defined.items() if mentioned[name] <= times and not name.startswith("__")}


def test_each_function_is_used_by_the_package() -> None:
    """What only a test calls belongs to the tests, or nowhere."""
    found = uncalled([path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")])
    assert sorted(found - CALLED_FROM_OUTSIDE.keys()) == []
    assert CALLED_FROM_OUTSIDE.keys() <= found, "a reason that nothing needs any more"


@pytest.mark.parametrize(
    "source",
    [
        "def spare(): ...",
        "class A:\n    @property\n    def spare(self): ...",
        'def spare():\n    """spare"""',
    ],
)
def test_unused_functions_are_found(source: str) -> None:
    """The test can fail."""
    assert uncalled([source]) == {"spare"}


@pytest.mark.parametrize("use", ["spare()", "x.spare", "getattr(x, 'spare')", "f'{spare()}'"])
def test_used_functions_are_not_reported(use: str) -> None:
    """A call, an attribute and a name in a text count as uses."""
    assert uncalled([f"def spare(): ...\n{use}\n"]) == set()
