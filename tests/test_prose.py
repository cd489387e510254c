"""The prose of the loader and of its pages avoids words and constructions that readers stop at.

The rules are in CONTRIBUTING.md: short declarative sentences, subject first, standard terms, correct plurals.
This test finds only the constructions that can be recognized by their words.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

QUAINT = re.compile(
    r"""
    \bnobody\b | \banew\b | \b(?:came|comes)\ to\b | \btold\b | \bwhoever\b | \bas\ if\b
    | (?<!there\ )\bis\ (?-i:none)\b
    | \bfor\ ever\b | \bfor\ good\b | \bthe\ way\ to\ the\ service\b | \bbut\ for\b
    | (?<!there\ )\b(?:is|are)\ no\ (?!longer\b)    # "The filter is no condition": use "is not a"
    | \bonly\ then\ (?:is|are|does|do)\b | \bwhat\ (?:became|came)\ of\b | \bmakes?\ way\b | \bmade-up\b
    | \b(?:lies|stands)\ (?:there|beside)\b | \blies\ in\b | \bgoes?\ on\ where\b
    | \blooked\ at\b | \bwithout\ end\b
    """,
    re.IGNORECASE | re.VERBOSE,
)
ONE_OF_MANY = re.compile(
    r"(?<![\d.,/-])\b1 (?:attempts|bytes|calls|columns|events|files|groups|lanes|loads|records|rows|runs"
    r"|shards|windows)\b"
)
"""A number and a noun that do not agree: `report.figures.counted` chooses the form."""

PERMITTED = {
    "docs/governor.md": ("this table alone is no reason",),
}
"""Permitted places: parts of the texts, by file."""

PAGES = [
    *(path for path in (ROOT / "docs").rglob("*.md") if "_build" not in path.parts),
    *(ROOT / name for name in ("CONTRIBUTING.md", "SECURITY.md", "README.md", "CHANGELOG.md")),
    ROOT / "tests" / "README.md",
    ROOT / "benchmarks" / "README.md",
]


def texts(source: str) -> Iterator[tuple[int, str]]:
    """Yield each comment and each text with a blank in it, with the line where it begins."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield node.lineno, node.value
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def found(name: str, line: int, text: str) -> Iterator[str]:
    """Yield the place of each construction in a text that is not permitted there."""
    for pattern in (QUAINT, ONE_OF_MANY):
        for match in pattern.finditer(" ".join(text.split())):
            if not any(permitted in text for permitted in PERMITTED.get(name, ())):
                yield f"{name}:{line + text[: match.start()].count(chr(10))}: {match[0]}"


@pytest.mark.parametrize("folder", sorted(path.name for path in (ROOT / "loader").iterdir() if path.is_dir()))
def test_texts_of_a_folder_are_plain(folder: str) -> None:
    """Docstrings, comments, errors and printed texts are plain."""
    paths = sorted((ROOT / "loader" / folder).rglob("*.py"))
    assert not [each for path in paths for each in findings(path)]


def test_texts_of_the_modules_at_the_root_are_plain() -> None:
    """The modules directly in the package are plain too."""
    assert not [each for path in sorted((ROOT / "loader").glob("*.py")) for each in findings(path)]


def findings(path: Path) -> Iterator[str]:
    """Yield what is found in a module."""
    name = str(path.relative_to(ROOT))
    for line, text in texts(path.read_text(encoding="utf-8")):
        yield from found(name, line, text)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_page_is_plain(path: Path) -> None:
    """Pages for users and contributors are plain."""
    name = str(path.relative_to(ROOT))
    lines = path.read_text(encoding="utf-8").splitlines()
    assert not [each for number, line in enumerate(lines, 1) for each in found(name, number, line)]


@pytest.mark.parametrize(
    "text",
    ["The filter is no condition.", "1 rows", "Nobody is told.", "what became of it", "It is made anew."],
)
def test_constructions_are_found(text: str) -> None:
    """The test can fail."""
    assert list(found("", 1, text))


@pytest.mark.parametrize(
    "text", ["There is no value.", "It is no longer read.", "1 row", "21 rows", "It is not a file."]
)
def test_plain_sentences_pass(text: str) -> None:
    """Ordinary sentences are not reported."""
    assert not list(found("", 1, text))
