"""The job file: its settings, and the line of each.

``tomllib`` reports no lines, so this module finds them by parsing beginnings of the file. The statement that
sets a key ends at the first line up to which the file is valid TOML and contains the key. It begins after the
last earlier line up to which the file is valid. A longer beginning contains all keys of a shorter one, so the
line is found by bisection.
"""

import tomllib
from bisect import bisect_left
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from pydantic_settings import BaseSettings, TomlConfigSettingsSource

from loader.job.sections import located, one_or_many

FieldPath = Sequence[str | int]

MOST_STATEMENT_LINES = 200
"""Maximum length of a statement whose line is reported: each line costs one parse of the lines before it."""


class JobFileSource(TomlConfigSettingsSource):
    """A job file. The extracts that it names are relative to its folder."""

    def __init__(self, settings_cls: type[BaseSettings], job_file: Path | None) -> None:
        super().__init__(settings_cls, toml_file=job_file)
        if job_file is not None and "extract" in self.toml_data:
            names = one_or_many(self.toml_data["extract"])
            if isinstance(names, list):
                folder = job_file.parent
                # A value that is not a path is rejected together with other invalid settings.
                self.init_kwargs["extract"] = [
                    located(name, folder) if isinstance(name, str) else name for name in names
                ]


def line_of(text: str, place: FieldPath) -> int | None:
    """Return the line that sets ``place``, or the nearest enclosing table or list.

    Args:
        text: A valid job file.
        place: Keys and list positions, from the outside in.
    """
    depth = _depth(tomllib.loads(text), place)
    if not depth:
        return None
    lines = text.replace("\r\n", "\n").split("\n")

    def is_set_by(end: int) -> bool:
        """Return whether the statement on line ``end``, or an earlier one, sets the key."""
        for last in range(end, min(end + MOST_STATEMENT_LINES, len(lines)) + 1):
            with suppress(tomllib.TOMLDecodeError):  # in the middle of a text or list of several lines
                return _depth(tomllib.loads("\n".join(lines[:last])), place) >= depth
        raise LookupError

    try:
        return bisect_left(range(1, len(lines) + 1), True, key=is_set_by) + 1  # noqa: FBT003 - a key to find
    except LookupError:
        return None


def _depth(table: object, place: FieldPath) -> int:
    """Return how many steps of ``place`` exist."""
    for depth, step in enumerate(place):
        inside = (isinstance(table, dict) and step in table) or (
            isinstance(table, list) and isinstance(step, int) and step < len(table)
        )
        if not inside:
            return depth
        table = table[step]  # type: ignore[index] # a dict or a list, just checked
    return len(place)
