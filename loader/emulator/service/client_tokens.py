"""Client tokens: an event is accepted only once while its token lives.

Rules kept here:

1. Pure: ``now`` is an argument in epoch seconds.
2. Only acceptance uses a token. A refused attempt leaves it free.
3. While the token lives, the same token with the same event returns the first event id again; with another
   event it is a conflict. After that it is forgotten, and the event counts as new.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

import orjson


@dataclass(slots=True)
class TokenEntry:
    """The state of one client token.

    Attributes:
        first_seq: Ledger number of its first attempt.
        attempts: Number of attempts.
        identity: Digest of the event that was accepted with it, or empty.
        event_id: The receipt of that event.
    """

    first_seq: int
    attempts: int = 0
    identity: bytes = b""
    event_id: str = ""


class ClientTokens:
    """The tokens of all instances.

    Args:
        life_seconds: Life of a token after its event was accepted.
    """

    def __init__(self, life_seconds: float) -> None:
        self.life_seconds = life_seconds
        self._entries: dict[tuple[str, str], TokenEntry] = {}
        self._accepted: deque[tuple[float, tuple[str, str]]] = deque()

    def attempt(self, instance_id: str, token: str, seq: int, now: float) -> TokenEntry:
        """Count an attempt with a token and return the token's state."""
        self._forget_expired(now)
        entry = self._entries.get((instance_id, token))
        if entry is None:
            entry = self._entries[instance_id, token] = TokenEntry(seq)
        entry.attempts += 1
        return entry

    def accept(self, instance_id: str, token: str, entry: TokenEntry, now: float) -> None:
        """Begin the token's life: ``entry`` now has the identity and id of an accepted event."""
        self._entries[instance_id, token] = entry
        self._accepted.append((now, (instance_id, token)))

    def _forget_expired(self, now: float) -> None:
        while self._accepted and now - self._accepted[0][0] >= self.life_seconds:
            self._entries.pop(self._accepted.popleft()[1], None)


def event_identity(parts: Sequence[str | float | None]) -> bytes:
    """Return a digest of everything that identifies an event."""
    return sha256(orjson.dumps(parts)).digest()
