"""The seam to the HTTP library: a request goes in, an answer or a `TransportError` comes out.

The contract, which tests/http/test_transport_contract.py holds against every implementation:

1. ``send`` makes at most one HTTP request: no retry, no redirect, no ``Expect: 100-continue``. (A GET,
   which changes nothing, may be repeated once if a kept connection turns out to be closed.)
2. It sends the method, path, headers and body as they are, plus ``Host`` (`Endpoint.host_header`),
   ``Content-Length`` and headers that no signature covers.
3. It ends within the total timeout, whatever the other side does: says nothing, drips, sends 1xx
   answers or headers without end. Memory per answer is bounded: of a longer body only the first
   ``max_body_bytes`` are handed on.
4. It returns the first final answer whatever its status, with the body as it was sent (no
   decompression, no cookies), or raises `TransportError`. It raises nothing else but cancellation.
5. ``TransportError.may_have_been_accepted`` is False only if the service cannot have seen the whole
   request: no connection came about, or it ended before anything was sent. When in doubt it is True.
6. A connection is used again only after an answer that was read to its end.
7. TLS certificates are always verified.
8. After cancellation no request of its own is left under way; after ``close`` no connection is.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Protocol


def _version() -> str:
    try:
        return version("scn-loader")
    except PackageNotFoundError:  # run from a folder, without being installed
        return "unknown"


USER_AGENT = f"scn-loader/{_version()}"
"""Name and version, for the logs of proxies and of the service (RFC 9110 10.1.5)."""

DNS_CACHE_SECONDS = 30
"""Half of the 60 s that AWS gives its endpoint names, so that a host taken out is left soon."""


@dataclass(slots=True)  # not frozen, as one is made for every request: that would take three times as long
class Request:
    """One HTTP request.

    Attributes:
        method: HTTP method.
        path: Path and query as they are sent, percent-encoded.
        headers: Headers to send, all but ``Host`` and ``Content-Length``.
        body: The body; empty for none.
    """

    method: str
    path: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(slots=True)  # not frozen, as `Request`
class Response:
    """One HTTP answer.

    Attributes:
        status: HTTP status.
        headers: Headers; found by their lower-case names.
        body: The body, up to the transport's limit.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


class TransportError(Exception):
    """There was no answer. Internal: it becomes an outcome and never reaches the user.

    Args:
        code: What happened, in one word.
        message: What happened, in the words of the library or the system.
        may_have_been_accepted: Whether the service may have seen the whole request.
    """

    def __init__(self, code: str, message: str = "", *, may_have_been_accepted: bool) -> None:
        super().__init__(f"{code}: {message}" if message else code)
        self.code = code
        self.message = message
        self.may_have_been_accepted = may_have_been_accepted


class Transport(Protocol):
    """Sends requests to one endpoint. The module's docstring is its contract."""

    async def send(self, request: Request) -> Response:
        """Send a request and return the answer.

        Raises:
            TransportError: There was no answer.
        """
        ...

    async def close(self) -> None:
        """Close every connection."""
        ...


@dataclass(frozen=True, slots=True)
class TransportSettings:
    """How requests leave this machine.

    Attributes:
        max_connections: Connections to keep open at most. More requests at once wait for one, which
            counts as connecting: give as many as there may be requests in flight.
        connect_timeout_seconds: For name look-up, TCP and TLS together. Five seconds are a lost SYN
            and its two repeats; AWS's SDKs allow 60, which holds a lane for a minute.
        total_timeout_seconds: For the whole request. botocore's read timeout.
        max_idle_seconds: A connection that was not used for so long is closed: less than load balancers
            wait before they close it, perhaps just when the next request goes out. aiohttp's own.
        max_age_seconds: A connection is used for no longer, so that a load of days follows changes of the
            endpoint's addresses. With aiohttp only the service ends a connection that is in use.
        max_body_bytes: What is kept of an answer. The service's are below 1 KiB.
        ca_bundle: File or directory of the certificates to trust, or None for the system's.
        proxy_url: HTTP proxy to tunnel through, or None; may hold a password.
    """

    max_connections: int = 256
    connect_timeout_seconds: float = 5.0
    total_timeout_seconds: float = 60.0
    max_idle_seconds: float = 15.0
    max_age_seconds: float = 600.0
    max_body_bytes: int = 65_536
    ca_bundle: str | None = None
    proxy_url: str | None = field(default=None, repr=False)
