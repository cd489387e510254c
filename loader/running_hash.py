"""The type of a hash that is not finished, such as ``hashlib.sha256()`` returns."""

from typing import Protocol, Self


class RunningHash(Protocol):
    """The state of a hash. ``hashlib`` has no public name for it."""

    def update(self, data: bytes | memoryview, /) -> None:
        """Add bytes."""

    def copy(self) -> Self:
        """Return a hash that goes on from the same state."""

    def digest(self) -> bytes:
        """Return the hash of all bytes so far."""

    def hexdigest(self) -> str:
        """Return the same as hexadecimal digits."""
