"""Objects of a run directory in memory, with conditions and ETags as in S3: for many copies a second."""

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO

from loader.remote.answers import ConditionFailed
from loader.remote.objects import WRITER, Objects, Stored

if TYPE_CHECKING:
    from collections.abc import Callable


class MemoryObjects(Objects):
    """A run directory in memory.

    Attributes:
        address: As that of one in S3.
        kept: The objects, with their content.
        before: Called with method and name before each request; may change objects, or raise an error.
        after: Called in the same way after each request.
        bytes_put: Size of what was written, by name.
    """

    def __init__(self) -> None:
        self.address = "s3://loads/in-memory"
        self.kept: dict[str, Stored] = {}
        self.before: Callable[[str, str], None] = lambda _method, _name: None
        self.after: Callable[[str, str], None] = lambda _method, _name: None
        self.bytes_put: dict[str, int] = {}
        self._versions = itertools.count(1)

    def listed(self, below: str = "") -> dict[str, str]:
        self.before("LIST", below)
        return {name: stored.etag for name, stored in self.kept.items() if name.startswith(below)}

    def seen(self, name: str) -> Stored | None:
        self.before("HEAD", name)
        return self.kept.get(name)

    def download(self, name: str, into: BinaryIO) -> Stored | None:
        self.before("GET", name)
        stored = self.kept.get(name)
        if stored is not None:
            into.write(stored.body)
        return stored

    def replace(
        self, name: str, body: bytes | BinaryIO, *, etag: str | None, writer: str, **metadata: str
    ) -> str:
        self.before("PUT", name)
        there = self.kept.get(name)
        if (None if there is None else there.etag) != etag:
            raise ConditionFailed(name)
        written = self._put_whole(name, body, {WRITER: writer, **metadata})
        self.after("PUT", name)
        return written

    def put(self, name: str, body: BinaryIO) -> str:
        self.before("PUT", name)
        written = self._put_whole(name, body, {})
        self.after("PUT", name)
        return written

    def remove(self, name: str) -> None:
        self.before("DELETE", name)
        self.kept.pop(name, None)

    def damage(self, name: str) -> None:
        """Change a byte in the middle of an object."""
        content = bytearray(self.kept[name].body)
        content[len(content) // 2] ^= 1
        self.kept[name] = replace(self.kept[name], body=bytes(content))

    def _put_whole(self, name: str, body: bytes | BinaryIO, metadata: dict[str, str]) -> str:
        content = body if isinstance(body, bytes) else body.read()
        etag = f'"{next(self._versions)}"'
        self.kept[name] = Stored(etag, len(content), metadata, 0.0, content)
        self.bytes_put[name] = self.bytes_put.get(name, 0) + len(content)
        return etag
