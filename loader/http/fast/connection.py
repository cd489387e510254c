"""One connection of the fast transport: carries one request at a time and reports its end to the owner."""

import asyncio
from typing import Protocol, cast

from loader.http.fast.answer_reader import MAX_HEAD_BYTES, AnswerReader, UnreadableAnswer
from loader.http.transport import Response, TransportError

MAX_BYTES_IN_ONE_WRITE = 262_144
"""A larger body is sent in pieces. Each piece waits until the system has taken most of the previous one."""


class ConnectionOwner(Protocol):
    """Receives the events of a connection."""

    def write_soon(self, connection: "FastConnection") -> None:
        """The connection has data to write: call its ``write`` in the next round of the event loop."""

    def take_back(self, connection: "FastConnection") -> None:
        """The connection has finished its request; it may be closing."""

    def forget(self, connection: "FastConnection") -> None:
        """The connection is closed."""


class FastConnection(asyncio.Protocol):
    """Sends a request in one write and reads its answer.

    The owner triggers the writes of many connections in one batch. A write between other work takes
    longer, because the code of the kernel has left the caches of the processor by then.

    The connection has no timer: the owner counts ticks and closes the connection at ``due_tick``.

    Args:
        owner: Receives the events of the connection.
        max_body_bytes: Limit of the body of an answer; a longer one is cut.

    Attributes:
        is_open: Whether the connection can carry another request after the current one: every answer so
            far was read to its end, and no bytes followed it.
        due_tick: Tick at which the current request times out, or the idle connection is too old.
        last_tick: Tick from which the connection takes no more requests.
    """

    __slots__ = (
        "_early",
        "_is_paused",
        "_loop",
        "_owner",
        "_reader",
        "_transport",
        "_unsent",
        "_unwritten",
        "_waiter",
        "due_tick",
        "is_open",
        "last_tick",
    )

    def __init__(self, owner: ConnectionOwner, max_body_bytes: int) -> None:
        self._owner = owner
        self._loop = asyncio.get_running_loop()
        self._reader = AnswerReader(max_body_bytes)
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[Response] | None = None
        self._unwritten: bytes | None = None
        self._unsent: memoryview | None = None
        self._is_paused = False
        self._early: bytes | None = b""
        self.is_open = False
        self.due_tick = 0
        self.last_tick = 0

    def send(self, head: bytes, body: bytes, due_tick: int) -> asyncio.Future[Response]:
        """Send a request, and return a future of its answer or `TransportError`.

        Args:
            head: Request line and headers, with the empty line after them.
            body: The body.
            due_tick: Tick at which the request times out.
        """
        assert self._transport is not None
        assert self._waiter is None
        self.due_tick = due_tick
        self._waiter = waiter = self._loop.create_future()
        early, self._early = self._early, None
        if not early and len(body) <= MAX_BYTES_IN_ONE_WRITE:
            self._unwritten = head + body
            self._owner.write_soon(self)
            return waiter
        if early:  # the request must be written before these bytes can count as its answer
            self._loop.call_soon(self.data_received, early)
        self._unsent = memoryview(body)
        self._write(head)
        self._send_more()
        return waiter

    def write(self) -> None:
        """Write the request that ``send`` took, unless it is already written."""
        request, self._unwritten = self._unwritten, None
        if request is not None:
            self._write(request)

    def cancel(self, waiter: asyncio.Future[Response]) -> None:
        """Close the connection, unless the request of ``waiter`` is finished."""
        if self._waiter is waiter:
            self.close(TransportError("Cancelled", may_have_been_accepted=self._unwritten is None))

    def close(self, error: TransportError) -> None:
        """Close the connection at once; a request in flight ends with ``error``."""
        self.is_open = False
        if self._transport is not None:
            # close() would wait for the peer under TLS, for up to half a minute.
            self._transport.abort()
        if self._waiter is not None:
            waiter, self._waiter = self._waiter, None
            self._unwritten = self._unsent = None
            if not waiter.done():
                waiter.set_exception(error)
            self._owner.take_back(self)

    # The event loop calls the methods below.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport, which is connected and, under TLS, has a verified certificate."""
        self._transport = cast("asyncio.Transport", transport)  # that of uvloop is not a subclass
        self.is_open = True

    def data_received(self, data: bytes) -> None:
        """Parse the bytes, and deliver the answer when it is complete."""
        if self._waiter is None or self._unwritten is not None:
            self._take_unasked(data)
            return
        try:
            answer = self._reader.feed(data)
        except UnreadableAnswer as error:
            self.close(TransportError("UnreadableAnswer", str(error), may_have_been_accepted=True))
            return
        if answer is not None:
            self._hand_over(answer)

    def eof_received(self) -> None:
        """Deliver an answer that the end of the connection completes; the loop then closes the connection."""
        self.is_open = False
        self._lost("")

    def connection_lost(self, error: Exception | None) -> None:
        """End the request in flight, and report to the owner that the connection is closed."""
        self.is_open = False
        self._lost(_words(error))
        self._transport = None
        self._reader.close()
        self._owner.forget(self)

    def pause_writing(self) -> None:
        """Pause the writing of a large body."""
        self._is_paused = True

    def resume_writing(self) -> None:
        """Write the next piece of a large body."""
        self._is_paused = False
        self._send_more()

    def _take_unasked(self, data: bytes) -> None:
        """Keep bytes that arrive on a new connection, from a server that answers before it reads.

        After an answer, such bytes could be taken for the answer to another request, so they close the
        connection.
        """
        if self._early is not None and len(self._early) + len(data) <= MAX_HEAD_BYTES:
            self._early += data
        else:
            self.close(TransportError("UnaskedAnswer", may_have_been_accepted=self._unwritten is None))

    def _send_more(self) -> None:
        while self._unsent is not None and not self._is_paused:
            piece = self._unsent[:MAX_BYTES_IN_ONE_WRITE]
            rest = self._unsent[MAX_BYTES_IN_ONE_WRITE:]
            self._unsent = rest if len(rest) else None
            self._write(piece)

    def _write(self, data: bytes | memoryview) -> None:
        assert self._transport is not None
        try:
            self._transport.write(data)
        except (OSError, RuntimeError):  # uvloop raises RuntimeError if the connection is closed
            self.close(TransportError("ConnectionLost", may_have_been_accepted=True))

    def _hand_over(self, answer: Response) -> None:
        waiter, self._waiter = self._waiter, None
        assert waiter is not None
        assert self._transport is not None
        # If the answer arrives before the whole request is sent, the rest would precede the next request.
        if not self._reader.is_reusable or self._unsent is not None or self._is_paused:
            self._unsent = None
            self.is_open = False
            self._transport.abort()
        if not waiter.done():
            waiter.set_result(answer)
        self._owner.take_back(self)

    def _lost(self, reason: str) -> None:
        if self._waiter is None:
            return
        answer = self._reader.end() if not reason else None
        if answer is not None:
            self._hand_over(answer)
            return
        code = "AnswerCutShort" if self._reader.has_begun else "ConnectionLost"
        self.close(TransportError(code, reason, may_have_been_accepted=self._unwritten is None))


def _words(error: Exception | None) -> str:
    if error is None:
        return ""
    return (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
