"""The interface to HTTP clients: a request in, an answer or a `TransportError` out.

The contract, which tests/http/test_transport_contract.py checks for every implementation:

1. ``send`` makes at most one HTTP request: no retry, no redirect, no ``Expect: 100-continue``. (A GET,
   which is idempotent, may be repeated once if the server has closed a persistent connection.)
2. It sends method, path, headers and body unchanged, plus ``Host`` (`Endpoint.host_header`),
   ``Content-Length`` and headers that no signature covers.
3. It ends within the total timeout, even if the peer sends nothing, single bytes, or endless 1xx
   answers or headers. Memory per answer is bounded: a longer body is cut to its first
   ``max_body_bytes``.
4. It returns the first final answer of any status, with the body as sent (no decompression, no
   cookies), or raises `TransportError`. The only other exception is cancellation.
5. ``TransportError.may_have_been_accepted`` is False only if the service cannot have received the whole
   request: no connection was made, or it ended before anything was sent. In doubt it is True.
6. A connection is reused only after an answer that was read to its end.
7. TLS certificates are always verified.
8. Cancellation leaves no request open; ``close`` leaves no connection open.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Protocol


def _version() -> str:
    try:
        return version("scn-loader")
    except PackageNotFoundError:  # run from a source folder, without installation
        return "unknown"


USER_AGENT = f"scn-loader/{_version()}"
"""Name and version, for the logs of proxies and of the service (RFC 9110 10.1.5)."""

DNS_CACHE_SECONDS = 30
"""Half of the TTL of AWS's endpoint names (60 s), so that connections soon leave a removed host."""


@dataclass(slots=True)  # not frozen: creation would take three times as long, once for every request
class Request:
    """One HTTP request.

    Attributes:
        method: HTTP method.
        path: Path and query as sent, percent-encoded.
        headers: Headers to send, without ``Host`` and ``Content-Length``.
        body: The body, or empty.
    """

    method: str
    path: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(slots=True)  # not frozen, for the reason given at `Request`
class Response:
    """One HTTP answer.

    Attributes:
        status: HTTP status.
        headers: Headers by lower-case name.
        body: The body, up to the transport's limit.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


class TransportError(Exception):
    """No answer arrived. Internal: it becomes an outcome and never reaches the user.

    Args:
        code: The loader's code for the failure (`loader.service.path_faults`).
        message: The message of the library or the system.
        may_have_been_accepted: Whether the service may have received the whole request.
    """

    def __init__(self, code: str, message: str = "", *, may_have_been_accepted: bool) -> None:
        super().__init__(f"{code}: {message}" if message else code)
        self.code = code
        self.message = message
        self.may_have_been_accepted = may_have_been_accepted


class Transport(Protocol):
    """Sends requests to one endpoint. The docstring of this module is the contract."""

    async def send(self, request: Request) -> Response:
        """Send a request and return the answer.

        Raises:
            TransportError: No answer arrived.
        """
        ...

    async def close(self) -> None:
        """Close every connection."""
        ...


@dataclass(frozen=True, slots=True)
class TransportSettings:
    """Settings of a transport.

    Attributes:
        max_connections: Limit of open connections. Further requests wait for one, and the wait counts as
            connecting, so the limit must be at least the limit of requests in flight.
        connect_timeout_seconds: Limit for name look-up, TCP and TLS together. 5 s cover a lost SYN and its
            two repeats; the 60 s of AWS's SDKs would block a lane for a minute.
        total_timeout_seconds: Limit for the whole request; the value is botocore's read timeout.
        max_idle_seconds: Idle time after which a connection is closed. It is shorter than the idle timeout
            of load balancers, which could close the connection just as a request is sent. The value is
            aiohttp's default.
        max_age_seconds: Age from which a connection takes no request, so that a load of days follows
            changes of the endpoint's addresses. The aiohttp transport has no such limit.
        max_body_bytes: Limit of the body that is kept of an answer. Bodies of the service are below 1 KiB.
        ca_bundle: File or directory of the certificates to trust, or None for the system's.
        proxy_url: HTTP proxy to tunnel through, or None; may contain a password.
    """

    max_connections: int = 256
    connect_timeout_seconds: float = 5.0
    total_timeout_seconds: float = 60.0
    max_idle_seconds: float = 15.0
    max_age_seconds: float = 600.0
    max_body_bytes: int = 65_536
    ca_bundle: str | None = None
    proxy_url: str | None = field(default=None, repr=False)
