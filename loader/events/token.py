"""The clientToken of an event: a pure function of what the event is.

Rules kept here:

1. The same source bytes and plan settings give the same tokens on every machine and in every version.
2. Fields are length-delimited, so no two different events hash the same text.
3. The attempt, the clock and the path of the file have no part in it.
"""

import hashlib

from loader.model import Destination, SourceFile


class TokenSource:
    """Makes the tokens of one source file's events.

    Args:
        destination: Where the events go.
        source: The file their rows come from.
    """

    __slots__ = ("_file_hash",)

    def __init__(self, destination: Destination, source: SourceFile) -> None:
        self._file_hash = hashlib.sha256()
        for part in (
            "scn-loader token 2",
            destination.instance_id,
            destination.event_type,
            destination.dataset_arn or "",
            destination.operation or "",
            source.fingerprint,
            str(source.copy),
        ):
            self._file_hash.update(b"%d:%b" % (len(part.encode()), part.encode()))

    def token(self, first_row: int, index: int, group: str, timestamp: str | None, quoted: bytes) -> str:
        """Return 64 hex characters (the service allows 33 to 126).

        Args:
            first_row: Position of the event's window in the file.
            index: Position of the event in that window's plan.
            group: ``eventGroupId``.
            timestamp: ``eventTimestamp`` as decimal text, or None.
            quoted: The event's payload, as it is sent.
        """
        group_bytes = group.encode()
        event_hash = self._file_hash.copy()
        event_hash.update(
            b"%d,%d,%d:%b,%b,%d:"
            % (first_row, index, len(group_bytes), group_bytes, (timestamp or "-").encode(), len(quoted))
        )
        event_hash.update(quoted)
        return event_hash.hexdigest()
