"""``report --live``: a process of its own serves the page on loopback and builds it at most twice a second.

Rules kept here:

1. The address holds a random token, so that another user of this machine cannot guess it.
2. A request whose Host header is not this address is refused, so that another site's name cannot lead here.
3. Only GET of the one path is answered. Nothing is written.
"""

import hmac
import secrets
import time
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from loader.errors import LoaderError

POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; "
    "img-src data:"
)
"""The page loads nothing from other servers and sends requests to this server only."""

LEAST_SECONDS_BETWEEN = 0.5
"""Minimum interval between two builds of the page: several open pages cost as much as one."""

MOST_SECONDS_BETWEEN = 30.0
"""Maximum interval between two builds, so that the page follows the load."""

BUILD_SHARE = 0.003
"""Share of a processor that builds may take. A build of 15 ms is followed by 5 s without one. Answers to the
requests of a browser take another 0.0015."""


class LiveServer(ThreadingHTTPServer):
    """Serves one page on 127.0.0.1.

    Args:
        make_page: Returns the document.
        port: Port to listen on; 0 for a free one.
    """

    daemon_threads = True

    def __init__(self, make_page: Callable[[], str], port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.token = secrets.token_urlsafe(24)
        self._make_page = make_page
        self._page = b""
        self._next_build = float("-inf")

    @property
    def address(self) -> str:
        """The address to open."""
        return f"http://127.0.0.1:{self.server_address[1]}/{self.token}"

    @property
    def hosts(self) -> frozenset[str]:
        """Permitted values of the Host header."""
        port = self.server_address[1]
        return frozenset({f"127.0.0.1:{port}", f"localhost:{port}"})

    def page(self) -> bytes:
        """Return the document. Builds of it take at most BUILD_SHARE of a processor.

        Raises:
            LoaderError: The run directory cannot be read.
        """
        if time.monotonic() >= self._next_build:
            began = time.process_time()
            self._page = self._make_page().encode()
            pause = (time.process_time() - began) / BUILD_SHARE
            self._next_build = time.monotonic() + min(max(pause, LEAST_SECONDS_BETWEEN), MOST_SECONDS_BETWEEN)
        return self._page


class _Handler(BaseHTTPRequestHandler):
    server: LiveServer
    protocol_version = "HTTP/1.1"
    timeout = 30.0

    def do_GET(self) -> None:
        """Answer with the page, or refuse."""
        if self.headers.get("Host") not in self.server.hosts:
            self._refuse(HTTPStatus.MISDIRECTED_REQUEST)
        elif not hmac.compare_digest(self.path.encode(), f"/{self.server.token}".encode()):
            self._refuse(HTTPStatus.NOT_FOUND)
        else:
            try:
                page = self.server.page()
            except LoaderError:
                self._refuse(HTTPStatus.SERVICE_UNAVAILABLE)
            else:
                self._answer(HTTPStatus.OK, page, "text/html; charset=utf-8")

    def log_message(self, *_: object) -> None:
        """Write nothing: the address is secret."""

    def version_string(self) -> str:
        """Return the value of the Server header."""
        return "scn-loader"

    def _refuse(self, status: HTTPStatus) -> None:
        self._answer(status, status.phrase.encode(), "text/plain; charset=utf-8")

    def _answer(self, status: HTTPStatus, body: bytes, content_type: str) -> None:
        self.send_response(status)
        for name, value in (
            ("Content-Type", content_type),
            ("Content-Length", str(len(body))),
            ("Content-Security-Policy", POLICY),
            ("Cache-Control", "no-store"),
            ("Referrer-Policy", "no-referrer"),
            ("X-Content-Type-Options", "nosniff"),
            ("Cross-Origin-Resource-Policy", "same-origin"),
        ):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
