"""One attempt: build, sign now, send, read. No retry and no limit; those are delivery's."""

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
from loader.job import Job
from loader.model import Destination, Event, Outcome, OutcomeKind
from loader.process.daemon_thread import in_daemon_thread
from loader.service.protocol import EventEncoder, clean, read_date, read_response, send_path
from loader.service.steady_clock import SteadyClock
from loader.service.way_faults import way_fault

TIME_SECONDS = 10.0
"""How long an answer that tells the time is waited for."""

TRUSTED_SECONDS = 60.0
"""A machine's clock that is off by less is left alone: signatures and the margin of tokens bear minutes."""

SCHEMA_BYTES = 256 * 1024
"""What is kept of the description of a dataset; 500 columns with names of 100 characters are half of it."""


class SupplyChainClient:
    """Delivers events to one destination, an attempt at a time.

    Args:
        destination: Where the events go.
        endpoint: Where the service listens.
        credentials: As whom to sign.
        transport: Carries the requests; closed with the client.
        wall_clock: Returns epoch seconds that pass evenly; a `SteadyClock` if not given.
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
        self._get_signer = Signer(endpoint.host_header, endpoint.region, content_type=None)
        self._credentials = credentials
        self._transport = transport
        self._wall_clock = wall_clock or SteadyClock()
        self._clock_offset_seconds = 0.0

    @property
    def caller(self) -> tuple[str, str]:
        """Endpoint and access key: whose quota these attempts use. A temporary key's role is not known."""
        return _caller(self._endpoint, self._credentials)

    @property
    def clock_offset_seconds(self) -> float:
        """How far the server's clock is ahead of ours, as far as is known."""
        return self._clock_offset_seconds

    async def attempt(self, event: Event) -> Outcome:
        """Send an event once and return what came of it.

        Nothing that the network, the service or a proxy does makes this raise; cancellation does.
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

    async def get(self, path: str) -> Response:
        """Ask once for what lies at a path, and return the answer whatever its status.

        Args:
            path: The path as it is sent, percent-encoded.

        Raises:
            TransportError: There was no answer.
        """
        path = self._endpoint.base_path + path
        now = await self._renewed_now()
        headers = self._get_signer.sign(request_line("GET", path), b"", self._credentials.current, now)
        return await self._transport.send(Request("GET", path, headers, b""))

    def service_now(self) -> float:
        """Return the service's time in epoch seconds, as far as it is known: a machine's clock may be off."""
        return self._wall_clock() + self._clock_offset_seconds

    async def ask_time(self) -> None:
        """Ask the service what time it is, and go by its answer if this machine's clock is off.

        Without an answer the machine's clock is believed.
        """
        with suppress(TransportError, TimeoutError):
            async with asyncio.timeout(TIME_SECONDS):
                answer = await self._transport.send(Request("GET", "/", {}, b""))
            told = read_date(answer.headers.get("date"))
            if told is not None and abs(told - self.service_now()) > TRUSTED_SECONDS:
                self.adjust_clock(told)

    async def _renewed_now(self) -> float:
        """Return the server's time, with credentials that are good for a while from then on."""
        now = self.service_now()
        if now >= self._credentials.renew_at:
            await self._credentials.renew(now)
            now = self.service_now()
        return now

    def adjust_clock(self, server_time: float) -> None:
        """Sign by the server's clock from now on.

        Args:
            server_time: ``Outcome.server_time`` of a refusal for skew, in epoch seconds.
        """
        self._clock_offset_seconds = server_time - self._wall_clock()

    async def refresh_credentials(self) -> None:
        """Look for new credentials, because the service refused these.

        Calls that come in together, or right after one that succeeded, share one look-up.

        Raises:
            ServiceStopped: None could be found.
        """
        await self._credentials.refresh()

    async def close(self) -> None:
        """Close every connection and stop what runs in the background."""
        await self._credentials.close()
        await self._transport.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def no_answer(error: TransportError) -> Outcome:
    """Return what it means that a request got no answer."""
    fault = way_fault(error.code)
    return Outcome(
        OutcomeKind.TRANSIENT if fault is None else fault.kind,
        code=error.code,
        message=clean(error.message),
        may_have_been_accepted=error.may_have_been_accepted,
        of_service=False,
    )


async def open_client(job: Job, *, credentials: CredentialSource | None = None) -> SupplyChainClient:
    """Return a client for a job, with everything found by botocore's rules.

    Args:
        job: The settings.
        credentials: As whom to sign; looked for if not given.

    Raises:
        SettingsError: Region, endpoint, credentials, proxy or CA bundle are missing or unusable, or
            the name of the endpoint is not known.
    """
    is_told_all = credentials is not None and job.region is not None and job.endpoint_url is not None
    endpoint, settings = await in_daemon_thread(lambda: _route(job, is_told_all=is_told_all))
    if credentials is None:
        credentials = await open_credentials(job.profile, endpoint.region)
    transport = _transport(job, endpoint, settings)
    return SupplyChainClient(job.destination, endpoint, credentials, transport)


async def find_caller(job: Job) -> tuple[str, str]:
    """Return the ``caller`` that a job's client would have, without connecting to the service.

    Raises:
        SettingsError: Region, endpoint or credentials are missing or unusable.
    """
    endpoint = await in_daemon_thread(lambda: resolve_endpoint(job.region, job.profile, job.endpoint_url))
    credentials = await open_credentials(job.profile, endpoint.region)
    try:
        return _caller(endpoint, credentials)
    finally:
        await credentials.close()


def _caller(endpoint: Endpoint, source: CredentialSource) -> tuple[str, str]:
    credentials = source.current
    return endpoint.url, "" if credentials.session_token else credentials.access_key


def _transport(job: Job, endpoint: Endpoint, settings: TransportSettings) -> Transport:
    if job.transport == "fast" and settings.proxy_url is None:
        return FastTransport(endpoint, settings)
    # Imported here: aiohttp takes a tenth of a second of every start, and few loads need it.
    from loader.http.aiohttp_transport import AiohttpTransport  # noqa: PLC0415

    return AiohttpTransport(endpoint, settings)


def _route(job: Job, *, is_told_all: bool) -> tuple[Endpoint, TransportSettings]:
    """Return where to send and how.

    Args:
        job: The settings.
        is_told_all: Whether key, Region and URL are given (a rehearsal): then nothing is looked for in the
            environment that is not needed, and nothing wrong in it stands in the way.
    """
    if is_told_all and job.endpoint_url and job.region:
        endpoint = endpoint_at(job.endpoint_url, job.region)
    else:
        endpoint = resolve_endpoint(job.region, job.profile, job.endpoint_url)
    settings = TransportSettings(
        max_connections=job.max_in_flight,
        ca_bundle=find_ca_bundle(job.profile) if endpoint.scheme == "https" else None,
        proxy_url=find_proxy(endpoint),
    )
    if job.live_schema:
        settings = replace(settings, max_body_bytes=SCHEMA_BYTES)
    if settings.proxy_url is None:
        check_name(endpoint)
    else:  # the name of the endpoint is the proxy's to know
        check_proxy_name(settings.proxy_url)
    return endpoint, settings
