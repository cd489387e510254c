"""Send answers over the connection, whole or broken.

Broken answers are written to the connection directly, because HTTP libraries do not send partial answers.
"""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import HttpVersion11, hdrs, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import SERVER_SOFTWARE

from loader.emulator.faults import FaultKind
from loader.emulator.service.answers import Answer

# SO_LINGER with zero time: close() sends RST instead of FIN.
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_DRIPS = 10


async def deliver(request: web.BaseRequest, answer: Answer, date: str) -> web.StreamResponse:
    """Send an answer in the way that its fault requires.

    Args:
        request: The request of the answer.
        answer: The answer; its ``sent`` is called just before its last bytes are sent.
        date: The ``Date`` header.

    Returns:
        The rest to send.
    """
    try:
        if answer.delay_seconds:
            await asyncio.sleep(answer.delay_seconds)
        if answer.fault is None and _is_plain(request):
            return PlainResponse(answer, date)
        response = _response(answer, date)
        if answer.fault is not None and answer.fault.fault in _BREAKERS:
            return await _BREAKERS[answer.fault.fault](request, answer, response)
        return response
    finally:
        # Also if the client is gone and this task is cancelled: the call is no longer in flight.
        answer.sent()


class PlainResponse(web.StreamResponse):
    """A whole answer on a persistent connection. It sends the same as web.Response in much less time.

    Args:
        answer: The answer; it has a body.
        date: The ``Date`` header.
    """

    def __init__(self, answer: Answer, date: str) -> None:
        headers = {
            "Date": date,
            "Content-Type": answer.content_type,
            **answer.headers,
            "Content-Length": str(len(answer.body)),
            "Server": SERVER_SOFTWARE,
        }
        super().__init__(status=answer.status, headers=headers)
        self._whole_body = answer.body

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter:
        """Send everything."""
        self._keep_alive = True
        writer = request.writer
        await writer.write_headers(f"HTTP/1.1 {self.status} {self.reason}", self.headers)
        await writer.write_eof(self._whole_body)
        return writer

    async def write_eof(self, data: bytes = b"") -> None:
        """Do nothing: everything is sent."""


def _is_plain(request: web.BaseRequest) -> bool:
    """Return whether an answer to this request needs neither a Connection header nor an empty body."""
    return request.keep_alive and request.version == HttpVersion11 and request.method != hdrs.METH_HEAD


def _response(answer: Answer, date: str) -> web.Response:
    headers = {"Date": date, "Content-Type": answer.content_type, **answer.headers}
    return web.Response(status=answer.status, body=answer.body, headers=headers)


async def _hang(_request: web.BaseRequest, answer: Answer, response: web.Response) -> web.StreamResponse:
    assert answer.fault is not None  # only faults hang
    await asyncio.sleep(answer.fault.duration_seconds)
    return response


async def _drip(request: web.BaseRequest, answer: Answer, response: web.Response) -> web.StreamResponse:
    assert answer.fault is not None  # only faults drip
    stream = web.StreamResponse(status=response.status, headers=response.headers)
    await stream.prepare(request)
    *pieces, last = _pieces(answer.body)
    for piece in pieces:
        await stream.write(piece)
        await asyncio.sleep(answer.fault.duration_seconds / len(pieces))
    answer.sent()
    await stream.write_eof(last)
    return stream


async def _reset(request: web.BaseRequest, answer: Answer, response: web.Response) -> web.StreamResponse:
    answer.sent()
    if request.transport is not None:
        connection = request.transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        request.transport.abort()
    return response


async def _cut(request: web.BaseRequest, answer: Answer, response: web.Response) -> web.StreamResponse:
    length = {"Content-Length": str(len(answer.body))}
    half = answer.body[: len(answer.body) // 2]
    return _write_and_close(request, answer, response, length, half)


async def _break_chunks(
    request: web.BaseRequest, answer: Answer, response: web.Response
) -> web.StreamResponse:
    half = answer.body[: len(answer.body) // 2]
    chunked = {"Transfer-Encoding": "chunked"}
    return _write_and_close(
        request, answer, response, chunked, b"%x\r\n%s\r\nnot-a-size\r\n" % (len(half), half)
    )


async def _close(_request: web.BaseRequest, _answer: Answer, response: web.Response) -> web.StreamResponse:
    response.force_close()
    return response


_BREAKERS: Mapping[
    FaultKind, Callable[[web.BaseRequest, Answer, web.Response], Awaitable[web.StreamResponse]]
] = {
    FaultKind.RESET: _reset,
    FaultKind.ANSWER_LOST: _reset,
    FaultKind.HANG: _hang,
    FaultKind.SLOW_BODY: _drip,
    FaultKind.CUT_BODY: _cut,
    FaultKind.BROKEN_CHUNKS: _break_chunks,
    FaultKind.CLOSE: _close,
}


def _write_and_close(
    request: web.BaseRequest,
    answer: Answer,
    response: web.Response,
    framing: Mapping[str, str],
    body: bytes,
) -> web.StreamResponse:
    answer.sent()
    if request.transport is not None:
        headers = {**response.headers, **framing}
        lines = [f"HTTP/1.1 {response.status} {response.reason}", *map(": ".join, headers.items()), "", ""]
        request.transport.write("\r\n".join(lines).encode() + body)
        request.transport.close()
    return response


def _pieces(body: bytes) -> list[bytes]:
    size = max(1, -(-len(body) // _DRIPS))
    return [body[start : start + size] for start in range(0, len(body), size)]
