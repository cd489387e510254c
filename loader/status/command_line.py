"""The command line of a load: it can be changed, and printed so that it runs when pasted.

Pure. The line is quoted for a POSIX shell. A load from standard input needs its input again: the line names a
redirected file, and has a placeholder for a pipe.
"""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

PROGRAM = "scn-loader"
PIPED_INPUT = "YOUR_COMMAND"
"""Stands for the command whose output was piped in. Only the user knows that command."""


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
        """Parse a line that ``str()`` returned; return None for any other text."""
        words = shlex.split(line)
        if words[:2] == [PIPED_INPUT, "|"]:
            return cls(words[3:], reads_input=True) if words[2:3] == [PROGRAM] else None
        if words[:1] != [PROGRAM]:
            return None
        marker = " < "
        if marker in line and words[-2:-1] == ["<"] and line.endswith(marker + shlex.quote(words[-1])):
            return cls(words[1:-2], reads_input=True, input_path=words[-1])
        return cls(words[1:])

    def __str__(self) -> str:
        line = shlex.join([PROGRAM, *self.arguments])
        if not self.reads_input:
            return line
        return f"{line} < {shlex.quote(self.input_path)}" if self.input_path else f"{PIPED_INPUT} | {line}"

    def value_of(self, flag: str) -> str | None:
        """Return the last value that was given to a flag, or None."""
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

    def having(self, flag: str, value: str = "") -> Self:
        """Return the line with a flag set, in place of its earlier value."""
        bare = self.without(flag, take_value=bool(value))
        return replace(bare, arguments=(*bare.arguments, flag, *([value] if value else [])))
