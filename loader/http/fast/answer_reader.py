"""Reads answers one at a time from the bytes of a connection; llhttp parses them.

Rules:

1. The answer does not depend on how its bytes are split into pieces.
2. Memory stays within the limits, whatever the peer sends.
3. The module uses no socket, no clock and no event loop.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from loader.http.transport import Response

MAX_HEAD_BYTES = 16_384
"""Limit of status line and headers, including preceding 1xx answers. Those of the service are below 1 KiB."""

MAX_FRAMING_FACTOR = 8
"""Limit of the ratio of bytes received to body bytes: a chunk of one byte takes six bytes."""

FIRST_FINAL_STATUS = 200
"""An answer with a lower status is interim (RFC 9110 15.2): another one follows."""


class UnreadableAnswer(Exception):
    """The bytes are not an HTTP answer, or exceed the limits. The message contains none of the bytes."""


class _EnoughReadError(Exception):
    """Stops the parser at bytes that are not needed."""


class AnswerHeaders(Mapping[str, str]):
    """The headers of an answer, decoded on first access: those of an acceptance are never read.

    Args:
        fields: Names and values as received. If names are equal apart from case, the first value counts.
    """

    __slots__ = ("_fields", "_texts")

    def __init__(self, fields: Mapping[bytes, bytes]) -> None:
        self._fields = fields
        self._texts: dict[str, str] | None = None

    def _by_name(self) -> dict[str, str]:
        if self._texts is None:
            self._texts = {}
            for name, value in self._fields.items():
                self._texts.setdefault(_lower_name(name), value.decode("latin-1").rstrip())
        return self._texts

    def __getitem__(self, name: str) -> str:
        return self._by_name()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name())

    def __len__(self) -> int:
        return len(self._by_name())


@lru_cache(maxsize=256)  # a service sends the same few header names thousands of times
def _lower_name(name: bytes) -> str:
    return name.decode("latin-1").lower()


class AnswerReader:
    """Turns the bytes of one connection into answers.

    Args:
        max_body_bytes: Limit of the body; a longer one is cut.

    Attributes:
        is_reusable: Whether the connection may carry another request after the returned answer.
        has_begun: Whether any byte of the answer was received.
    """

    __slots__ = (
        "_answer",
        "_body_bytes",
        "_fields",
        "_has_head",
        "_headers",
        "_max_answer_bytes",
        "_max_body_bytes",
        "_parser",
        "_pieces",
        "_received_bytes",
        "is_reusable",
        "on_header",
    )

    def __init__(self, max_body_bytes: int) -> None:
        self._max_body_bytes = max_body_bytes
        self._max_answer_bytes = MAX_HEAD_BYTES + MAX_FRAMING_FACTOR * max_body_bytes
        # The parser calls on_header for each header; the first of equal names is kept. It is a method of
        # the dictionary, because a Python function would cost as much as the rest of this class.
        self._fields: dict[bytes, bytes] = {}
        self.on_header = self._fields.setdefault
        self._parser: HttpResponseParser | None = HttpResponseParser(self)
        self._answer: Response | None = None
        self._has_head = False
        self._headers: Mapping[bytes, bytes] = {}
        self._received_bytes = 0
        self.is_reusable = False
        self.on_message_begin()

    @property
    def has_begun(self) -> bool:
        """Whether any byte of the answer was received."""
        return self._received_bytes > 0

    def feed(self, data: bytes) -> Response | None:
        """Parse the next bytes, and return the answer if it is complete or its body exceeds the limit.

        Raises:
            UnreadableAnswer: The bytes are not an answer. No more bytes may be fed.
        """
        assert self._parser is not None
        self._received_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            self.is_reusable = False
            if self._answer is None:
                raise UnreadableAnswer(str(error) if isinstance(error, HttpParserError) else "") from None
        answer = self._answer
        if answer is not None:
            self._answer = None
            self._has_head = False
            self._received_bytes = 0
        elif self._received_bytes > (self._max_answer_bytes if self._has_head else MAX_HEAD_BYTES):
            raise UnreadableAnswer("the answer is too long")
        return answer

    def end(self) -> Response | None:
        """Return the answer that the end of the connection completes, or None if it is incomplete."""
        self.is_reusable = False
        if not self._has_head or {"content-length", "transfer-encoding"} & {*AnswerHeaders(self._headers)}:
            return None
        return self._whole()

    def close(self) -> None:
        """Drop the parser, to break the reference cycle with it."""
        self._parser = None

    def _whole(self) -> Response:
        assert self._parser is not None
        headers = AnswerHeaders(self._headers)
        return Response(self._parser.get_status_code(), headers, b"".join(self._pieces))

    # The parser calls the methods below.

    def on_message_begin(self) -> None:
        """Begin an answer: the first one, or the one after an interim one."""
        if self._answer is not None:  # bytes after the answer, for which there is no request
            raise _EnoughReadError
        self._fields.clear()
        self._pieces: list[bytes] = []
        self._body_bytes = 0

    def on_headers_complete(self) -> None:
        """Keep the headers if the answer is final."""
        assert self._parser is not None
        if self._parser.get_status_code() >= FIRST_FINAL_STATUS:
            self._has_head = True
            self._headers = self._fields.copy()  # trailers may follow

    def on_body(self, piece: bytes) -> None:
        """Keep a piece of the body, up to the limit."""
        self._pieces.append(piece)
        self._body_bytes += len(piece)
        if self._body_bytes > self._max_body_bytes:
            self._pieces[-1] = piece[: self._max_body_bytes - self._body_bytes]
            self._answer = self._whole()
            raise _EnoughReadError

    def on_message_complete(self) -> None:
        """Build the answer, unless it is interim."""
        if self._has_head:
            assert self._parser is not None
            self.is_reusable = self._parser.should_keep_alive()
            self._answer = self._whole()
