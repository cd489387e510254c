"""One attempt: build, sign, send and read the answer. `loader.delivery` retries and limits attempts."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from types import TracebackType
from typing import Self

from loader.aws.credentials import CredentialSource, open_credentials
from loader.aws.endpoint import Endpoint, endpoint_at, resolve_endpoint
from loader.aws.signing import Signer, request_line
from loader.http.fast.fast_transport import FastTransport
from loader.http.proxy_and_tls import check_name, check_proxy_name, find_ca_bundle, find_proxy
from loader.http.transport import (
    Request,
    Response,
    Transport,
    TransportError,
    TransportSettings,
)
from loader.model import Destination, Event, Outcome, OutcomeKind
from loader.process.daemon_thread import in_daemon_thread
from loader.service.path_faults import path_fault
from loader.service.protocol import EventEncoder, clean, read_date, read_response, send_path
from loader.service.settings import ClientSettings, ServiceAccess
from loader.service.steady_clock import SteadyClock

TIME_SECONDS = 10.0
"""Time limit of a request for the service's time."""

TRUSTED_SECONDS = 60.0
"""A smaller clock error is not corrected: signatures and the token margin tolerate minutes."""

LONG_ANSWER_BYTES = 256 * 1024
"""Limit of a dataset description or a page of events; 500 columns with names of 100 characters take half."""


class SupplyChainClient:
    """Makes attempts to deliver events to one destination.

    Args:
        destination: Target of the events.
        endpoint: Address of the service.
        credentials: Credentials used for signing.
        transport: Sends the requests; closed with the client.
        wall_clock: Returns epoch seconds without jumps; the default is a `SteadyClock`.
    """

    def __init__(
        self,
        destination: Destination,
        endpoint: Endpoint,
        credentials: CredentialSource,
        transport: Transport,
        wall_clock: Callable[[], float] | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._path = endpoint.base_path + send_path(destination.instance_id)
        self._request_line = request_line("POST", self._path)
        self._encoder = EventEncoder(destination)
        self._signer = Signer(endpoint.host_header, endpoint.region)
        self._bodiless_signer = Signer(endpoint.host_header, endpoint.region, content_type=None)
        self._credentials = credentials
        self._transport = transport
        self._wall_clock = wall_clock or SteadyClock()
        self._clock_offset_seconds = 0.0

    @property
    def caller(self) -> tuple[str, str]:
        """Endpoint and access key, which identify the quota. The key is "" if it is temporary."""
        return _caller(self._endpoint, self._credentials)

    @property
    def endpoint_url(self) -> str:
        """URL of the service's endpoint."""
        return self._endpoint.url

    @property
    def is_on_loopback(self) -> bool:
        """Whether the endpoint is on this machine. Requests to it pass no proxy."""
        return self._endpoint.is_loopback

    @property
    def region(self) -> str:
        """Region that requests are signed for."""
        return self._endpoint.region

    async def attempt(self, event: Event) -> Outcome:
        """Send an event once and return the outcome.

        Only cancellation raises; each failure of the network, the service or a proxy is an outcome.
        """
        now = self._wall_clock() + self._clock_offset_seconds
        if now >= self._credentials.renew_at:
            now = await self._renewed_now()
        body = self._encoder.body(event)
        body_hash = self._encoder.body_hash(event, body)
        headers = self._signer.sign(self._request_line, body, self._credentials.current, now, body_hash)
        try:
            response = await self._transport.send(Request("POST", self._path, headers, body))
        except TransportError as error:
            return no_answer(error)
        return read_response(response.status, response.headers, response.body)

    async def get(self, path: str, query: str = "") -> Response:
        """Send one GET request, and return the answer of any status.

        Args:
            path: The path as sent, percent-encoded.
            query: The query, percent-encoded, without the question mark.

        Raises:
            TransportError: No answer arrived.
        """
        return await self.request("GET", path, query)

    async def request(self, method: str, path: str, query: str = "", body: bytes = b"") -> Response:
        """Send one request of any method, and return the answer of any status.

        Args:
            method: HTTP method.
            path: The path as sent, percent-encoded.
            query: The query, percent-encoded, without the question mark.
            body: A JSON document, or empty for a request without a body.

        Raises:
            TransportError: No answer arrived.
        """
        path = self._endpoint.base_path + path
        now = await self._renewed_now()
        signer = self._signer if body else self._bodiless_signer
        headers = signer.sign(request_line(method, path, query), body, self._credentials.current, now)
        target = f"{path}?{query}" if query else path
        return await self._transport.send(Request(method, target, headers, body))

    def service_now(self) -> float:
        """Return the service's time in epoch seconds: the local clock plus the known offset."""
        return self._wall_clock() + self._clock_offset_seconds

    async def ask_time(self) -> None:
        """Request the service's time, and adopt it if the local clock is off by more than 60 s.

        Without an answer the local clock stays in use.
        """
        with suppress(TransportError, TimeoutError):
            async with asyncio.timeout(TIME_SECONDS):
                answer = await self._transport.send(Request("GET", "/", {}, b""))
            server_time = read_date(answer.headers.get("date"))
            if server_time is not None and abs(server_time - self.service_now()) > TRUSTED_SECONDS:
                self.adjust_clock(server_time)

    async def _renewed_now(self) -> float:
        """Renew the credentials if they are due, and return the server's time."""
        now = self.service_now()
        if now >= self._credentials.renew_at:
            await self._credentials.renew(now)
            now = self.service_now()
        return now

    def adjust_clock(self, server_time: float) -> None:
        """Use the server's clock for all further signatures.

        Args:
            server_time: The server's time in epoch seconds: ``Outcome.server_time`` of a refusal for clock
                skew, or the date of an answer.
        """
        self._clock_offset_seconds = server_time - self._wall_clock()

    async def refresh_credentials(self) -> None:
        """Look up new credentials, because the service refused the current ones.

        Concurrent calls, and calls within a few seconds, share one look-up.

        Raises:
            ServiceStopped: The look-up found none.
        """
        await self._credentials.refresh()

    async def close(self) -> None:
        """Close every connection and stop background work."""
        await self._credentials.close()
        await self._transport.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def no_answer(error: TransportError) -> Outcome:
    """Return the outcome of a request without an answer."""
    fault = path_fault(error.code)
    return Outcome(
        OutcomeKind.TRANSIENT if fault is None else fault.kind,
        code=error.code,
        message=clean(error.message),
        may_have_been_accepted=error.may_have_been_accepted,
        of_service=False,
    )


async def open_client(
    settings: ClientSettings, *, credentials: CredentialSource | None = None, reads: bool = False
) -> SupplyChainClient:
    """Return a client; missing settings are resolved by botocore's rules.

    Args:
        settings: The settings.
        credentials: Credentials used for signing; the default is botocore's chain.
        reads: Whether answers are descriptions or lists, not receipts.

    Raises:
        SettingsError: Region, endpoint, credentials, proxy or CA bundle are missing or unusable, or
            the name of the endpoint or proxy cannot be resolved.
    """
    access = settings.access
    has_key = credentials is not None
    endpoint, route = await in_daemon_thread(lambda: _route(access, settings.max_in_flight, has_key=has_key))
    if credentials is None:
        credentials = await open_credentials(access.profile, endpoint.region)
    if reads or settings.reads_schema:
        route = replace(route, max_body_bytes=LONG_ANSWER_BYTES)
    transport = _transport(settings.transport, endpoint, route)
    return SupplyChainClient(settings.destination, endpoint, credentials, transport)


async def find_caller(access: ServiceAccess) -> tuple[str, str]:
    """Return the ``caller`` that a client would have, without connecting to the service.

    Raises:
        SettingsError: Region, endpoint or credentials are missing or unusable.
    """
    endpoint = await in_daemon_thread(
        lambda: resolve_endpoint(access.region, access.profile, access.endpoint_url)
    )
    credentials = await open_credentials(access.profile, endpoint.region)
    try:
        return _caller(endpoint, credentials)
    finally:
        await credentials.close()


def _caller(endpoint: Endpoint, source: CredentialSource) -> tuple[str, str]:
    credentials = source.current
    return endpoint.url, "" if credentials.session_token else credentials.access_key


def _transport(name: str, endpoint: Endpoint, settings: TransportSettings) -> Transport:
    if name == "fast" and settings.proxy_url is None:
        return FastTransport(endpoint, settings)
    # Imported here, because few loads need aiohttp and its import takes 0.1 s.
    from loader.http.aiohttp_transport import AiohttpTransport  # noqa: PLC0415

    return AiohttpTransport(endpoint, settings)


def _route(
    access: ServiceAccess, max_connections: int, *, has_key: bool
) -> tuple[Endpoint, TransportSettings]:
    """Return the endpoint and the transport settings.

    Args:
        access: How the service is reached.
        max_connections: Maximum number of connections.
        has_key: Whether the key is given. If Region and URL are given too, as in a rehearsal, the environment
            is not read where it is not needed, so mistakes in it do not matter.
    """
    if has_key and access.endpoint_url and access.region:
        endpoint = endpoint_at(access.endpoint_url, access.region)
    else:
        endpoint = resolve_endpoint(access.region, access.profile, access.endpoint_url)
    settings = TransportSettings(
        max_connections=max_connections,
        ca_bundle=find_ca_bundle(access.profile) if endpoint.scheme == "https" else None,
        proxy_url=find_proxy(endpoint),
    )
    if settings.proxy_url is None:
        check_name(endpoint)
    else:  # the proxy resolves the name of the endpoint
        check_proxy_name(settings.proxy_url)
    return endpoint, settings
