"""The order of files: by name, with numbers by their value, so that ``part-2`` comes before ``part-10``."""

import re

_DIGITS = re.compile(r"([0-9]+)")


def natural_key(path: str) -> tuple[tuple[tuple[tuple[str, int], ...], ...], str]:
    """Return what paths are sorted by: folder by folder, and by the text where only leading zeros differ."""
    return tuple(_key(name) for name in path.split("/")), path


def _key(name: str) -> tuple[tuple[str, int], ...]:
    pieces = [*_DIGITS.split(name), "0"]
    return tuple(zip(pieces[::2], map(int, pieces[1::2]), strict=True))
