"""Reads one answer at a time from the bytes of a connection; llhttp does the parsing.

Rules kept here:

1. An answer is the same however its bytes are cut into pieces.
2. Of an answer no more is kept than its limits allow, whatever the other side sends.
3. No socket, no clock, no loop is known here.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from loader.http.transport import Response

MAX_HEAD_BYTES = 16_384
"""Status line and headers, with the 1xx answers before them. The service's are below 1 KiB."""

MAX_FRAMING_FACTOR = 8
"""How much longer than its body an answer may be: a chunk of one byte takes six on the wire."""

FIRST_FINAL_STATUS = 200
"""Below it an answer is interim (RFC 9110 15.2): another one follows."""


class UnreadableAnswer(Exception):
    """What came is no answer, or is beyond the limits. Its text holds nothing of what came."""


class _EnoughReadError(Exception):
    """Ends the parsing of bytes that nobody needs."""


class AnswerHeaders(Mapping[str, str]):
    """The headers of an answer as texts, made when somebody looks: at those of an acceptance nobody does.

    Args:
        fields: Names and values as they came; of several with one name, in any case, the first counts.
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


@lru_cache(maxsize=256)  # the names of a service's headers are few, and come by the thousand
def _lower_name(name: bytes) -> str:
    return name.decode("latin-1").lower()


class AnswerReader:
    """Turns the bytes of one connection into answers.

    Args:
        max_body_bytes: Of a longer body only so much is kept.

    Attributes:
        is_reusable: Whether the connection may carry another request, once an answer was returned.
        has_begun: Whether any byte of the answer has come.
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
        # Called by the parser for each header, of several with one name the first is kept. A method of
        # the dictionary itself, because a function of ours would cost as much as all the rest of this.
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
        """Whether any byte of the answer has come."""
        return self._received_bytes > 0

    def feed(self, data: bytes) -> Response | None:
        """Take the next bytes, and return the answer if it is whole or beyond the limit of its body.

        Raises:
            UnreadableAnswer: There will be no answer. Nothing may be fed any more.
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
        """Return the answer that ends because the connection does, or None if it was cut short."""
        self.is_reusable = False
        if not self._has_head or {"content-length", "transfer-encoding"} & {*AnswerHeaders(self._headers)}:
            return None
        return self._whole()

    def close(self) -> None:
        """Let the parser go, which holds on to this."""
        self._parser = None

    def _whole(self) -> Response:
        assert self._parser is not None
        headers = AnswerHeaders(self._headers)
        return Response(self._parser.get_status_code(), headers, b"".join(self._pieces))

    # What follows is called by the parser.

    def on_message_begin(self) -> None:
        """Begin an answer: the first one, or the one after an interim one."""
        if self._answer is not None:  # bytes that nobody asked for
            raise _EnoughReadError
        self._fields.clear()
        self._pieces: list[bytes] = []
        self._body_bytes = 0

    def on_headers_complete(self) -> None:
        """Take the headers, if they are those of the final answer."""
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
        """Put the answer together, unless it is an interim one."""
        if self._has_head:
            assert self._parser is not None
            self.is_reusable = self._parser.should_keep_alive()
            self._answer = self._whole()
