"""The natural order of files: numbers in names are compared by value, so ``part-2`` is before ``part-10``."""

import re

_DIGITS = re.compile(r"([0-9]+)")


def natural_key(path: str) -> tuple[tuple[tuple[tuple[str, int], ...], ...], str]:
    """Return the sort key of a path. Paths that differ only in leading zeros are ordered as text."""
    return tuple(_key(name) for name in path.split("/")), path


def _key(name: str) -> tuple[tuple[str, int], ...]:
    pieces = [*_DIGITS.split(name), "0"]
    return tuple(zip(pieces[::2], map(int, pieces[1::2]), strict=True))
