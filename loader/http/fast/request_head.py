"""The head of a request: request line and headers, as they are sent.

Rules:

1. No argument can contain a line break, and so inject a header or a request.
2. The parts that requests share are built once.
"""

import re
from collections.abc import Mapping

from loader.aws.signing import SignedHeaders
from loader.http.transport import USER_AGENT, Request

MAX_KEPT_STARTS = 64
"""Limit of cached request lines. A load posts to one path; only paths that contain an event id are many."""

_METHOD = re.compile(r"[A-Z]+", re.ASCII)
_TARGET = re.compile(r"/[!-~]*", re.ASCII)


class RequestHeads:
    """Builds the heads of requests to one endpoint.

    Args:
        host_header: The ``Host`` header to send.
    """

    __slots__ = ("_host_header", "_starts")

    def __init__(self, host_header: str) -> None:
        self._host_header = host_header
        self._starts: dict[tuple[str, str], str] = {}

    def head(self, request: Request) -> bytes:
        """Return the head of a request, with the empty line after it.

        Raises:
            ValueError: A part of the head contains a line break or is not valid. The message omits it.
        """
        start = self._starts.get((request.method, request.path)) or self._start(request)
        headers = request.headers
        lines = headers.lines if isinstance(headers, SignedHeaders) else _lines(headers)
        if request.body or request.method != "GET":
            return f"{start}{lines}Content-Length: {len(request.body)}\r\n\r\n".encode()
        return f"{start}{lines}\r\n".encode()

    def _start(self, request: Request) -> str:
        if not (_METHOD.fullmatch(request.method) and _TARGET.fullmatch(request.path)):
            raise ValueError("the method or path cannot be sent as it is")
        start = (
            f"{request.method} {request.path} HTTP/1.1\r\nHost: {self._host_header}\r\n"
            f"User-Agent: {USER_AGENT}\r\nAccept-Encoding: identity\r\n"
        )
        if len(self._starts) >= MAX_KEPT_STARTS:
            self._starts.clear()
        self._starts[request.method, request.path] = start
        return start


def _lines(headers: Mapping[str, str]) -> str:
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    if lines.count("\n") != len(headers) or lines.count("\r") != len(headers):
        raise ValueError("a header contains a line break")
    return lines
