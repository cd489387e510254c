"""The command lines of ``scn-loader`` that messages print, so that each runs when it is pasted.

Rules kept here:

1. Every printed command is made here: ``scn_loader`` for a new one, ``CommandLine.pasteable`` for a changed
   one. A test finds the callers of both, and runs what they print.
2. A line is quoted for any POSIX shell. A word with characters that a terminal would not show as they are is
   written as ``"$(printf '...')"``. dash, which is ``sh`` on Debian, does not read ``$'...'``.
3. A load that reads standard input needs its input again: a redirected file is named, a pipe gets a
   placeholder.
"""

import os
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

PROGRAM = "scn-loader"
PIPED_INPUT = "YOUR_COMMAND"
"""Stands for the command whose output was piped in: only the user knows it."""

_WORD = re.compile(r""""\$\(printf '([^']*)'\)"|\$'((?:[^'\\]|\\.)*)'|((?:'[^']*'|"[^"]*"|[^\s'"])+)""")
_PRINTABLE = range(0x20, 0x7F)
_QUOTE, _HYPHEN = ord("'"), ord("-")
_DOUBLED = {ord("\\"): "\\\\", ord("%"): "%%"}
_UNESCAPED = {"a": 0x07, "b": 0x08, "t": 0x09, "n": 0x0A, "r": 0x0D, "'": 0x27, "\\": 0x5C}


def scn_loader(*arguments: str | Path) -> str:
    """Return a command of ``scn-loader`` as a line that runs when it is pasted into a shell.

    Args:
        arguments: What follows the program's name. A path becomes absolute.
    """
    words = [str(absolute_path(each)) if isinstance(each, Path) else each for each in arguments]
    return CommandLine(words).pasteable()


def absolute_path(path: Path) -> Path:
    """Return an absolute path without ``..`` to the same file or folder, for messages and commands.

    ``link/..`` is the folder above the target of a link. If a link changes the meaning of ``..``, the path up
    to the last ``..`` is replaced by its target.
    """
    path = path.absolute()
    parts = path.parts
    if os.pardir not in parts:
        return path
    end = len(parts) - parts[::-1].index(os.pardir)
    folder = Path(*parts[:end])
    target = Path(os.path.realpath(folder))  # unlike Path.resolve, it does not fail on links that form a loop
    plain = Path(os.path.normpath(folder))
    return Path(plain if os.path.realpath(plain) == str(target) else target, *parts[end:])


@dataclass(frozen=True, slots=True)
class CommandLine:
    """A command line of ``scn-loader``.

    Attributes:
        arguments: What follows the program's name.
        reads_input: Whether it reads standard input.
        input_path: The file that standard input was redirected from; empty for a pipe.
    """

    arguments: Sequence[str]
    reads_input: bool = False
    input_path: str = ""

    @classmethod
    def parsed(cls, line: str) -> Self | None:
        """Return the command line that ``pasteable`` wrote as this line, or None for any other line."""
        words = _words(line)
        if words[:2] == [PIPED_INPUT, "|"]:
            return cls(words[3:], reads_input=True) if words[2:3] == [PROGRAM] else None
        if words[:1] != [PROGRAM]:
            return None
        if words[-2:-1] == ["<"] and line.endswith(f" < {_quoted(words[-1])}"):
            return cls(words[1:-2], reads_input=True, input_path=words[-1])
        return cls(words[1:])

    def pasteable(self) -> str:
        """Return the line as it is printed: pasted into a shell, it runs."""
        line = " ".join([PROGRAM, *map(_quoted, self.arguments)])
        if not self.reads_input:
            return line
        return f"{line} < {_quoted(self.input_path)}" if self.input_path else f"{PIPED_INPUT} | {line}"

    def value_of(self, flag: str) -> str | None:
        """Return the value that was given to a flag last, or None."""
        value = None
        for position, argument in enumerate(self.arguments):
            name, equals, given = argument.partition("=")
            if name == flag:
                value = given if equals else next(iter(self.arguments[position + 1 :]), None)
        return value

    def without(self, *flags: str, take_value: bool = False) -> Self:
        """Return the line without some flags.

        Args:
            flags: Their names.
            take_value: Whether a value follows each of them.
        """
        kept: list[str] = []
        remaining = iter(self.arguments)
        for argument in remaining:
            name, equals, _ = argument.partition("=")
            if name not in flags:
                kept.append(argument)
            elif take_value and not equals:
                next(remaining, None)
        return replace(self, arguments=tuple(kept))

    def in_run_dir(self, run_dir: str) -> Self:
        """Return the line with a run directory if it has none: the default depends on the working folder."""
        if self.value_of("--run-dir") is not None:
            return self
        return replace(self, arguments=(*self.arguments, "--run-dir", run_dir))

    def having(self, flag: str, value: str = "") -> Self:
        """Return the line with a flag set. Earlier values of the flag are removed."""
        bare = self.without(flag, take_value=bool(value))
        return replace(bare, arguments=(*bare.arguments, flag, *([value] if value else [])))


def _quoted(word: str) -> str:
    """Return a word for a shell: a call of printf if a terminal would not show each character as it is."""
    if word.isprintable():
        return shlex.quote(word)
    content = word.encode(errors="surrogateescape")
    if word.endswith("\n"):  # a shell removes line ends from the end of what printf writes
        return f"$'{''.join(map(_octal, content))}'"
    return f"\"$(printf '{''.join(_formats(content))}')\""


def _formats(content: bytes) -> Iterator[str]:
    """Yield each byte as the format of printf has it."""
    for place, byte in enumerate(content):
        is_plain = byte in _PRINTABLE and byte != _QUOTE and (place or byte != _HYPHEN)
        yield _DOUBLED.get(byte, chr(byte)) if is_plain else _octal(byte)


def _octal(byte: int) -> str:
    return f"\\{byte:03o}"


def _words(line: str) -> list[str]:
    """Return the words of a line that ``pasteable`` made."""
    return [
        "".join(shlex.split(quoted))
        if quoted
        else bytes(_bytes(formatted.replace("%%", "%") or escaped)).decode(errors="surrogateescape")
        for formatted, escaped, quoted in _WORD.findall(line)
    ]


def _bytes(escaped: str) -> Iterator[int]:
    for octal, letter, plain in re.findall(r"\\([0-7]{3})|\\(.)|(.)", escaped):
        yield int(octal, 8) if octal else _UNESCAPED[letter] if letter else ord(plain)
