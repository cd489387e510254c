"""The reference transport: one aiohttp session.

Loads that use a proxy, or ask for it with ``--transport aiohttp``, use it; all others use `fast_transport`.
"""

from io import BytesIO
from types import TracebackType
from typing import Self

import aiohttp
from yarl import URL

from loader.aws.endpoint import Endpoint
from loader.http.proxy_and_tls import tls_context
from loader.http.tls_faults import code_of
from loader.http.transport import (
    DNS_CACHE_SECONDS,
    USER_AGENT,
    Request,
    Response,
    TransportError,
    TransportSettings,
)

_MAX_BYTES_IN_ONE_WRITE = 2**20
"""A larger body is passed to aiohttp as a file, which it sends in pieces. An escaped full event is 2 MiB."""

NOT_SENT = False
MAY_BE_SENT = True

_FAULTS: tuple[tuple[type[Exception], str, bool], ...] = (
    # While connecting: no part of the request is sent yet.
    (aiohttp.ClientConnectorDNSError, "NameNotResolved", NOT_SENT),
    (aiohttp.ClientConnectorCertificateError, "CertificateNotTrusted", NOT_SENT),
    (aiohttp.ClientSSLError, "TlsFailed", NOT_SENT),
    (aiohttp.ClientProxyConnectionError, "ProxyUnreachable", NOT_SENT),
    (aiohttp.ClientHttpProxyError, "ProxyRefused", NOT_SENT),
    (aiohttp.ServerFingerprintMismatch, "CertificateNotTrusted", NOT_SENT),
    (aiohttp.ClientConnectorError, "ConnectFailed", NOT_SENT),
    (aiohttp.ConnectionTimeoutError, "ConnectTimeout", NOT_SENT),
    (aiohttp.InvalidURL, "InvalidUrl", NOT_SENT),
    (aiohttp.NonHttpUrlClientError, "InvalidUrl", NOT_SENT),
    # After connecting: how much of the request was sent is unknown.
    (TimeoutError, "Timeout", MAY_BE_SENT),
    (aiohttp.ClientPayloadError, "AnswerCutShort", MAY_BE_SENT),
    (aiohttp.ClientConnectionError, "ConnectionLost", MAY_BE_SENT),
    (aiohttp.ClientError, "UnreadableAnswer", MAY_BE_SENT),
    (OSError, "ConnectionLost", MAY_BE_SENT),
)
"""Meaning of each exception: class, code, and whether the request may be sent. The first match counts."""


class AiohttpTransport:
    """Sends requests to one endpoint over persistent connections. See `loader.http.transport`.

    It must be created inside a running event loop.

    Args:
        endpoint: The target.
        settings: Timeouts, limits, proxy and certificates.

    Raises:
        SettingsError: The CA bundle cannot be read.
    """

    def __init__(self, endpoint: Endpoint, settings: TransportSettings) -> None:
        self._origin = endpoint.url
        self._max_body_bytes = settings.max_body_bytes
        connector = aiohttp.TCPConnector(
            limit=settings.max_connections,
            ttl_dns_cache=DNS_CACHE_SECONDS,
            keepalive_timeout=settings.max_idle_seconds,
            ssl=tls_context(settings.ca_bundle) if endpoint.scheme == "https" else True,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(
                total=settings.total_timeout_seconds,
                connect=settings.connect_timeout_seconds,
            ),
            headers={
                "Host": endpoint.host_header,
                "User-Agent": USER_AGENT,
                "Accept-Encoding": "identity",
            },
            skip_auto_headers=("Accept", "Content-Type"),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            # trust_env is not used: it reads the proxy settings and .netrc again for every request.
            proxy=settings.proxy_url,
        )

    async def send(self, request: Request) -> Response:
        """Send a request and return the answer.

        Raises:
            TransportError: No answer arrived.
        """
        try:
            async with self._session.request(
                request.method,
                URL(f"{self._origin}{request.path}", encoded=True),
                headers=request.headers,
                data=_sendable(request.body),
                allow_redirects=False,
            ) as response:
                body = await self._read_body(response)
                return Response(response.status, response.headers, body)
        except (aiohttp.ClientError, OSError) as error:  # asyncio.TimeoutError is an OSError
            raise transport_error(error) from error

    async def _read_body(self, response: aiohttp.ClientResponse) -> bytes:
        length = response.content_length
        if length is not None and length <= self._max_body_bytes:
            return await response.read()
        body = b""
        while len(body) < self._max_body_bytes:
            chunk = await response.content.readany()
            if not chunk:
                return body
            body += chunk
        # The rest is not read; releasing a partly read response closes the connection.
        return body[: self._max_body_bytes]

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def _sendable(body: bytes) -> bytes | BytesIO | None:
    # A single write of a larger body would delay all other requests.
    return BytesIO(body) if len(body) > _MAX_BYTES_IN_ONE_WRITE else body or None


def transport_error(error: Exception) -> TransportError:
    """Return the `TransportError` for an exception of aiohttp or the operating system.

    Raises:
        Exception: ``error`` itself if it comes from neither, which is a bug of this program.
    """
    for kind, code, may_have_been_accepted in _FAULTS:
        if isinstance(error, kind):
            return TransportError(
                _code_of_proxy(error) or _code_of_tls(error) or code,
                _words(error),
                may_have_been_accepted=may_have_been_accepted,
            )
    raise error


def _code_of_proxy(error: Exception) -> str:
    if not isinstance(error, aiohttp.ClientHttpProxyError):
        return ""
    if error.status in (401, 407):  # RFC 9110 15.5.8; tinyproxy answers 401 to a wrong password
        return "ProxyAuthenticationRequired"
    return "ProxyFailed" if error.status >= 500 else "ProxyRefused"  # noqa: PLR2004 - server errors


def _code_of_tls(error: Exception) -> str | None:
    return code_of(error.os_error) if isinstance(error, aiohttp.ClientConnectorSSLError) else None


def _words(error: Exception) -> str:
    """Return the message of the system, never of aiohttp, which quotes URLs that may contain a password."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return str(error.certificate_error)
    if isinstance(error, aiohttp.ClientConnectorError):
        return str(error.os_error)
    if isinstance(error, aiohttp.ClientResponseError):
        return f"{error.status} {error.message}"
    return type(error).__name__
