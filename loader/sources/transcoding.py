"""Convert text from any encoding to UTF-8, block by block.

Rules kept here:

1. Bytes that are invalid in the encoding become NO_TEXT, a byte that never occurs in UTF-8. So a later check
   for UTF-8 finds them at their position. Nothing becomes U+FFFD.
2. Only the current block is in memory. A character that the end of a block cuts is completed by the next
   block.
"""

import codecs
from typing import Protocol

NO_TEXT = b"\xff"
"""Mark of bytes that are invalid in the encoding of the text."""

MARK_NO_TEXT = "scn-loader.no-text"
"""The name of this module's error handler in Python's codecs."""


class Readable(Protocol):
    """A stream of bytes that is read from first to last."""

    def read(self, size: int, /) -> bytes:
        """Return up to ``size`` of the next bytes. Only at the end, the result is empty."""


class Transcoder:
    """Reads text as UTF-8.

    Args:
        handle: The text, without a byte-order mark. It need not be seekable.
        codec: Python's name of its encoding. The encoding must not need a byte-order mark.
    """

    def __init__(self, handle: Readable, codec: str) -> None:
        self._handle = handle
        self._decoder = codecs.getincrementaldecoder(codec)(MARK_NO_TEXT)

    def read(self, size: int, /) -> bytes:
        """Return up to ``size`` bytes of the source as UTF-8, which may be longer or shorter.

        Only at the end, the result is empty.
        """
        while True:
            read = self._handle.read(size)
            text = self._decoder.decode(read, final=not read)
            if text or not read:
                return text.encode(errors=MARK_NO_TEXT)


def as_utf8(handle: Readable, codec: str) -> Readable:
    """Return a reader of the text as UTF-8. If it is UTF-8 already, this is ``handle``."""
    return handle if codec == "utf-8" else Transcoder(handle, codec)


def read_up_to(handle: Readable, size: int) -> bytes:
    """Return the next ``size`` bytes, and fewer only at the end. A single read may return fewer bytes."""
    pieces = []
    while size > 0 and (piece := handle.read(size)):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


def _mark_no_text(error: UnicodeError) -> tuple[str | bytes, int]:
    if isinstance(error, UnicodeDecodeError):
        return NO_TEXT.decode(errors="surrogateescape"), error.end
    assert isinstance(error, UnicodeEncodeError)
    return NO_TEXT, error.end  # surrogates, which a few codecs return for invalid input


codecs.register_error(MARK_NO_TEXT, _mark_no_text)
