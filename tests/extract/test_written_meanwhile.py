"""A file that is written while it is read is not loaded."""

import os
from pathlib import Path, PosixPath
from typing import Any, Self

import pytest

from loader.errors import ExtractError
from loader.extract.find_files import _local_file


class Still(PosixPath):
    """A path that no program writes to."""


@pytest.mark.parametrize("content", [b"a,b\n1,2\n", b"a,b\n" + b"1,2\n" * 100_000])
def test_a_change_of_the_modification_time_alone_is_noticed(tmp_path: Path, content: bytes) -> None:
    """The size may be the same: a writer that fills a file in place."""
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    assert _local_file(Still(path), "auto").size_bytes == len(content)

    class Racing(PosixPath):
        """Changes between the look before and the look after."""

        def open(self, *args: Any, **kwargs: Any) -> Any:
            return _Racing(super().open(*args, **kwargs), path)

    with pytest.raises(ExtractError, match="still being written"):
        _local_file(Racing(path), "auto")


class _Racing:
    """An open file that is changed at its first read."""

    def __init__(self, handle: Any, path: Path) -> None:
        self._handle, self._path = handle, path

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_ended: object) -> None:
        self._handle.close()

    def __getattr__(self, name: str) -> Any:
        if name in ("read", "readinto"):
            os.utime(self._path, ns=(1, 1))
        return getattr(self._handle, name)
