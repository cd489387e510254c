"""The clientToken of an event: a pure function of what the event is.

Rules kept here:

1. The same source bytes and plan settings give the same tokens on every machine and in every version.
2. Fields are length-delimited, so no two different events hash the same text.
3. The attempt, the clock and the path of the file have no part in it.
4. Loads of another generation have other tokens: whoever loads the same bytes again on purpose is not taken
   for a retry. Generation 0 adds nothing, so a load whose run directory was lost has the same tokens again.
"""

import hashlib
from typing import TYPE_CHECKING

from loader.json_quoting import BODY_START
from loader.model import Destination, SourceFile

if TYPE_CHECKING:
    from hashlib import _Hash

_START = hashlib.sha256(BODY_START)


def begin_hash(quoted: bytes) -> "_Hash":
    """Return the SHA-256 of a request's body as far as it is known without the token: to the payload's end.

    Args:
        quoted: The event's payload, as it is sent.
    """
    begun = _START.copy()
    begun.update(quoted)
    return begun


class TokenSource:
    """Makes the tokens of one source file's events.

    Args:
        destination: Where the events go.
        source: The file their rows come from.
        generation: How many loads of the run directory made way for this one.
    """

    __slots__ = ("_file_digest",)

    def __init__(self, destination: Destination, source: SourceFile, generation: int = 0) -> None:
        file_hash = hashlib.sha256()
        for part in (
            "scn-loader token 3",
            destination.instance_id,
            destination.event_type,
            destination.dataset_arn or "",
            destination.operation or "",
            source.fingerprint,
            str(source.copy),
            *([f"generation {generation}"] if generation else []),
        ):
            file_hash.update(b"%d:%b" % (len(part.encode()), part.encode()))
        self._file_digest = file_hash.digest()

    def token(self, first_row: int, index: int, group: str, timestamp: str | None, begun: "_Hash") -> str:
        """Return 64 hex characters (the service allows 33 to 126).

        Args:
            first_row: Position of the event's window in the file.
            index: Position of the event in that window's plan.
            group: ``eventGroupId``.
            timestamp: ``eventTimestamp`` as decimal text, or None.
            begun: What `begin_hash` gives for the payload; used up.
        """
        group_bytes = group.encode()
        begun.update(
            # The quotation mark ends the payload, in which none stands.
            b'"%b%d,%d,%d:%b,%b'
            % (
                self._file_digest,
                first_row,
                index,
                len(group_bytes),
                group_bytes,
                (timestamp or "-").encode(),
            )
        )
        return begun.hexdigest()
