"""The command lines that are printed: whatever is in them, a shell reads them as they were meant."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from loader.cli.terminal.typed_command import absolute_command
from loader.command_line import CommandLine, scn_loader

WORDS = st.binary(max_size=20).map(lambda value: value.replace(b"\0", b"").decode(errors="surrogateescape"))
"""Whatever an argument of a program may hold: Python gives bytes that are not UTF-8 as surrogates."""


@given(st.lists(WORDS), st.booleans(), WORDS)
@example(arguments=["$'x'", "it's", "a\\nb"], reads_input=True, path="new\nline")
@example(
    arguments=["'", '"', "\udcff'\udcfe", "\x1b[31m", "\u202e", "a\xa0b", "$(x)", ""],
    reads_input=False,
    path="",
)
def test_what_is_printed_is_read_as_it_was(
    arguments: list[str],
    reads_input: bool,  # noqa: FBT001 - drawn
    path: str,
) -> None:
    """It has one line that a terminal shows as it is, and a checkpoint can keep it."""
    line = CommandLine(["load", *arguments], reads_input=reads_input, input_path=path if reads_input else "")
    text = line.pasteable()
    assert text.isprintable()
    assert text.encode()
    assert CommandLine.parsed(text) == line


@pytest.mark.parametrize("shell", ["sh", "bash"])
@pytest.mark.parametrize(
    "words",
    [
        ["it's", "a b", "$HOME", "*"],
        ["\udcff\n'\\t", "\x1b[31m", "a\xa0b"],
        ["日本", "\u200f", "", "-%s\ta\\n"],
    ],
)
def test_a_shell_reads_it_as_it_was_meant(words: list[str], shell: str) -> None:
    """Each shell is asked what it makes of the words; ``sh`` may be dash, which lacks ``$'...'``."""
    line = CommandLine(words).pasteable().removeprefix("scn-loader ")
    shown = subprocess.run([shell, "-c", f"printf '%s\\0' {line}"], capture_output=True, check=True)
    assert shown.stdout.split(b"\0")[:-1] == [word.encode(errors="surrogateescape") for word in words]


def test_paths_become_absolute() -> None:
    """A command is pasted in another folder; what is no path stays as it is."""
    assert scn_loader("status", Path("a b"), "c") == f"scn-loader status '{Path.cwd()}/a b' c"


def test_a_line_that_an_earlier_version_stored_is_read() -> None:
    """It wrote characters that a terminal does not show in another way."""
    assert CommandLine.parsed(r"scn-loader load $'a\377\n\'\\'") == CommandLine(["load", "a\udcff\n'\\"])


def test_a_flag_can_be_added_behind_the_end_of_flags() -> None:
    """``--`` would make an extract of it; an absolute path needs none."""
    typed = ["load", "--max-errors", "3", "--csv-comment", "--", "--", "-o.csv"]
    line = absolute_command(
        typed, {"--max-errors", "--csv-comment"}, extract=["-o.csv"], folder=Path("/data")
    )
    assert line.having("--run-dir", "run").arguments == (
        *("load", "--max-errors", "3", "--csv-comment", "--", "/data/-o.csv", "--run-dir", "run"),
    )


@pytest.mark.parametrize("line", ["", "python x", "YOUR_COMMAND | python x", "'unclosed"])
def test_another_programs_line_is_none(line: str) -> None:
    """A load that was started from Python has no command line."""
    assert CommandLine.parsed(line) is None
