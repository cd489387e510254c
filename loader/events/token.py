"""The clientToken of an event: a pure function of its content and its place in the extract.

Rules kept here:

1. The same source bytes and plan settings give the same tokens on every machine, and in every version with
   the same format of tokens (``scn-loader token 4``).
2. Fields are hashed with their lengths, so two different events never hash the same text.
3. The token does not depend on the attempt, the clock, the path of the file, or the number of the event in
   the plan. So a process that plans only some lanes of a window gives their events the same tokens.
4. Loads of another generation have other tokens, so that the service does not treat a deliberate second load
   of the same bytes as a retry. A repeated load whose run directory was lost has generation 0 and the same
   tokens.
"""

import hashlib
from collections.abc import Sequence

from loader.json_quoting import BODY_START
from loader.model import Destination, SourceFile
from loader.running_hash import RunningHash

_START = hashlib.sha256(BODY_START)


def begin_hash(quoted: bytes) -> RunningHash:
    """Return the state of SHA-256 after the part of a request's body that precedes the token.

    Args:
        quoted: The event's payload, in the form of `loader.json_quoting`.
    """
    begun = _START.copy()
    begun.update(quoted)
    return begun


class TokenSource:
    """Makes the tokens of a load's events.

    Args:
        destination: The destination of the events.
        files: The files of the extract, in order.
        generation: Number of earlier loads of the run directory that the load replaces.
    """

    def __init__(self, destination: Destination, files: Sequence[SourceFile], generation: int = 0) -> None:
        texts = (
            "scn-loader token 4",
            destination.instance_id,
            destination.event_type,
            destination.dataset_arn or "",
            destination.operation or "",
            *([f"generation {generation}"] if generation else []),
        )
        self._load = b"".join(map(_delimited, texts))
        self._files = files

    def of_file(self, file: int) -> bytes:
        """Return bytes that are unique to a file's content in the extract.

        Args:
            file: Number of the file.
        """
        source = self._files[file]
        return _delimited(source.fingerprint) + _delimited(str(source.copy))

    def of_window(self, file: int, first_row: int) -> "WindowTokens":
        """Return the source of the tokens of a window's events.

        Args:
            file: Number of the file of its first row.
            first_row: Position of that row in the file.
        """
        begins = self._load + self.of_file(file) + _delimited(str(first_row))
        return WindowTokens(self, hashlib.sha256(begins).digest())


class WindowTokens:
    """Makes the tokens of one window's events.

    Args:
        source: Has the identity of the files.
        window: Identity of the window: 32 bytes.
    """

    __slots__ = ("_of_file", "_source", "_window")

    def __init__(self, source: TokenSource, window: bytes) -> None:
        self._source = source
        self._window = window
        self._of_file: dict[int, bytes] = {}

    def token(
        self, place: int, files: Sequence[int], group: str, timestamp: str | None, begun: RunningHash
    ) -> str:
        """Return 64 hex characters (the service allows 33 to 126).

        Args:
            place: Position of the event's first row in the window.
            files: Numbers of the files that its rows come from, in order.
            group: ``eventGroupId``.
            timestamp: ``eventTimestamp`` as decimal text, or None.
            begun: The result of `begin_hash` for the payload. It must not be used again.
        """
        group_bytes = group.encode()
        begun.update(
            # The quotation mark ends the payload. The payload contains no unescaped quotation mark.
            b'"%b%d:%b%d,%d:%b,%b'
            % (
                self._window,
                len(files),
                b"".join(map(self._digest, files)),
                place,
                len(group_bytes),
                group_bytes,
                (timestamp or "-").encode(),
            )
        )
        return begun.hexdigest()

    def _digest(self, file: int) -> bytes:
        digest = self._of_file.get(file)
        if digest is None:
            digest = self._of_file[file] = hashlib.sha256(self._source.of_file(file)).digest()
        return digest


def _delimited(text: str) -> bytes:
    data = text.encode()
    return b"%d:%b" % (len(data), data)
