"""The commands as a list: the module of a command is imported when the command runs.

The imports of all commands take a second. ``scn-loader --help`` and the completion of a command's name need
only the names and summaries, so they wait for none of them.
"""

import inspect
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

SUMMARIES: Mapping[str, str] = {
    "init": "Read the start of an extract and draft a job file.",
    "load": "Load an extract. After any stop, run the same command again: it resumes the load.",
    "plan": "Read the whole extract and plan every event, but send nothing. Show what the load would do.",
    "status": "Show which load this is, what is done, failed, in doubt and left, and what to run next.",
    "verify": "Ask the service whether each accepted event is loaded. A receipt alone does not mean that.",
    "receipts": "List the events of a load: receipt, status, file, rows, group, token and times.",
    "report": "Write one HTML page about a load: its state, the next step, and its history.",
    "rejects": "Write rows of a load to files in the format of the extract, so that you can correct and load "
    "them.",
    "emulator": "Run the service's event API on this machine until Ctrl-C: same calls, same limits, same "
    "errors.",
    "datasets": "Show the columns, types and keys of a dataset; without a name, list them all.",
    "sample": "Write an extract of generated rows for a dataset.",
    "measure": "Measure how many events and rows per second an instance accepts, and its response times.",
    "doctor": "Check versions, credentials, Region, endpoint, clock, permission, run directory, disk and "
    "limits.",
}
"""The first sentences of each command's help. The module ``loader.cli.NAME`` has its function NAME."""

VERIFY, ONCE = "--verify", "once"
"""The value of ``load --verify`` without a value: typer does not support optional values."""


class PlainCommand(TyperCommand):
    """A command that reports a wrong value in its own words, without the words of pydantic before them."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the arguments."""
        try:
            return super().parse_args(ctx, args)
        except typer.BadParameter as fault:
            fault.message = fault.message.removeprefix("Value error, ")
            raise


class ListedCommand(TyperCommand):
    """A command that is known by its name and summary."""

    def imported(self) -> TyperCommand:
        """Import the command, and return it with its arguments and flags."""
        name = str(self.name)
        app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        app.command(name, cls=PlainCommand)(getattr(import_module(f"loader.cli.{name}"), name))
        command = typer.main.get_command(app)
        assert isinstance(command, TyperCommand)
        command.help = with_whole_paragraphs(command.help or "")
        return command


def with_whole_paragraphs(text: str) -> str:
    """Return a docstring whose paragraphs have no line ends, so that they fill the terminal.

    Typer keeps the line ends of the source, and breaks its lines again where the terminal ends. Paragraphs
    with indented lines or a list stay as they are.
    """
    paragraphs = inspect.cleandoc(text).split("\n\n")
    return "\n\n".join(_in_one_line(paragraph) for paragraph in paragraphs)


def _in_one_line(paragraph: str) -> str:
    lines = paragraph.split("\n")
    return paragraph if any(line.startswith((" ", "-", "*")) for line in lines) else " ".join(lines)


class CommandGroup(TyperGroup):
    """A group that imports a command when it runs or when its flags are completed."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[Any, Any, list[str]]:
        """Return the name and the command that the arguments name, and the remaining arguments."""
        name, command, remaining = super().resolve_command(ctx, args)
        return name, command.imported() if isinstance(command, ListedCommand) else command, remaining


def list_commands(app: typer.Typer) -> None:
    """Add each command to an application whose class is `CommandGroup`."""
    for name, summary in SUMMARIES.items():
        app.command(name, cls=ListedCommand, help=summary)(_listed)


def imported_commands(app: typer.Typer) -> dict[str, TyperCommand]:
    """Import every listed command of an application, and return them by name."""
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    return {name: each.imported() for name, each in group.commands.items() if isinstance(each, ListedCommand)}


def _listed() -> None:
    """Stand for a command in the list. It never runs."""
