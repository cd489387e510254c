"""Text in any encoding, read as UTF-8 block by block.

Rules kept here:

1. Bytes that are not text in their encoding become NO_TEXT, a byte that never occurs in UTF-8, so a check for
   UTF-8 finds them in their place. Nothing ever becomes U+FFFD.
2. What is read at a time is what is held; a character that is cut at the end of a block is read whole.
"""

import codecs
from typing import Protocol

NO_TEXT = b"\xff"

MARK_NO_TEXT = "scn-loader.no-text"
"""The name under which Python's codecs know this module's error handler."""


class Readable(Protocol):
    """What gives bytes, from first to last."""

    def read(self, size: int, /) -> bytes:
        """Return some of the next bytes, or none at the end."""


class Transcoder:
    """Reads text as UTF-8.

    Args:
        handle: The text, without a byte-order mark; may be a stream that knows no way back.
        codec: Python's name of its encoding, one that needs no byte-order mark.
    """

    def __init__(self, handle: Readable, codec: str) -> None:
        self._handle = handle
        self._decoder = codecs.getincrementaldecoder(codec)(MARK_NO_TEXT)

    def read(self, size: int, /) -> bytes:
        """Return the text of up to ``size`` bytes, which may be more or fewer; none at the end only."""
        while True:
            read = self._handle.read(size)
            text = self._decoder.decode(read, final=not read)
            if text or not read:
                return text.encode(errors=MARK_NO_TEXT)


def as_utf8(handle: Readable, codec: str) -> Readable:
    """Return what reads ``handle`` as UTF-8: itself if that is what it holds."""
    return handle if codec == "utf-8" else Transcoder(handle, codec)


def read_up_to(handle: Readable, size: int) -> bytes:
    """Return the next ``size`` bytes, fewer only at the end: a stream may give them in pieces."""
    pieces = []
    while size > 0 and (piece := handle.read(size)):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


def _mark_no_text(error: UnicodeError) -> tuple[str | bytes, int]:
    if isinstance(error, UnicodeDecodeError):
        return NO_TEXT.decode(errors="surrogateescape"), error.end
    assert isinstance(error, UnicodeEncodeError)
    return NO_TEXT, error.end  # also for half characters, which a few codecs let through


codecs.register_error(MARK_NO_TEXT, _mark_no_text)
