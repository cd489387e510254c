"""Opens connections for the fast transport: look-up of addresses, TCP to the first that answers, TLS."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import TypeVar

import aiohappyeyeballs
from aiohappyeyeballs import AddrInfoType

from loader.aws.endpoint import Endpoint
from loader.http.tls_faults import code_of
from loader.http.transport import DNS_CACHE_SECONDS, TransportError

NEXT_ADDRESS_SECONDS = 0.25
"""Time without an answer after which the next address is tried in parallel (RFC 8305 section 5)."""

_FAULTS: tuple[tuple[type[Exception], str], ...] = (
    (socket.gaierror, "NameNotResolved"),
    (ssl.SSLCertVerificationError, "CertificateNotTrusted"),
    (ssl.SSLError, "TlsFailed"),
    (ValueError, "NameNotResolved"),  # the name is not valid in DNS
    (OSError, "ConnectFailed"),
    (RuntimeError, "ConnectFailed"),  # uvloop raises it if the socket is closed
)
"""Code of each exception; the first match counts. No part of a request is sent yet."""

P = TypeVar("P", bound=asyncio.Protocol)


class Dialer:
    """Opens connections to one endpoint, spread over its addresses.

    Args:
        endpoint: The target.
        tls: Context that verifies the endpoint's certificate; None for plain http.
    """

    def __init__(self, endpoint: Endpoint, tls: ssl.SSLContext | None) -> None:
        self._endpoint = endpoint
        self._tls = tls
        self._addresses: list[AddrInfoType] = []
        self._looked_up_at = 0.0
        self._look_up_lock = asyncio.Lock()

    async def dial(self, make_protocol: Callable[[], P]) -> P:
        """Return the protocol of a new connection. The caller sets the time limit.

        Raises:
            TransportError: The connection failed.
        """
        try:
            return await self._connect(make_protocol)
        except (OSError, RuntimeError, ValueError) as error:
            raise _transport_error(error) from error

    async def _connect(self, make_protocol: Callable[[], P]) -> P:
        loop = asyncio.get_running_loop()
        connected = await aiohappyeyeballs.start_connection(
            await self._next_addresses(), happy_eyeballs_delay=NEXT_ADDRESS_SECONDS, interleave=1
        )
        try:
            # The event loop disables Nagle's algorithm on every connection.
            _, protocol = await loop.create_connection(
                make_protocol,
                sock=connected,
                ssl=self._tls,
                server_hostname=self._endpoint.host if self._tls else None,
            )
        except BaseException:
            connected.close()  # the event loop closes it only if it has already used it
            raise
        return protocol

    async def _next_addresses(self) -> list[AddrInfoType]:
        """Return the addresses of the host, rotated by one at each call."""
        loop = asyncio.get_running_loop()
        async with self._look_up_lock:  # concurrent connection attempts share one look-up
            if not self._addresses or loop.time() - self._looked_up_at > DNS_CACHE_SECONDS:
                found = await loop.getaddrinfo(
                    self._endpoint.host,
                    self._endpoint.port,
                    type=socket.SOCK_STREAM,
                    flags=socket.AI_ADDRCONFIG,
                )
                self._addresses = list(found)
                self._looked_up_at = loop.time()
        addresses = self._addresses
        self._addresses = addresses[1:] + addresses[:1]
        return addresses


def _transport_error(error: Exception) -> TransportError:
    code = code_of(error) or next(code for kind, code in _FAULTS if isinstance(error, kind))
    return TransportError(code, str(error), may_have_been_accepted=False)
