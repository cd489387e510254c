"""What is special to aiohttp: its exceptions, and proxies."""

import asyncio
import base64
import re
import ssl
from collections.abc import Iterator

import aiohttp
import pytest
from aiohttp.client_exceptions import UnixClientConnectorError
from aiohttp.client_reqrep import ConnectionKey
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from loader.aws.endpoint import Endpoint
from loader.http.aiohttp_transport import AiohttpTransport, transport_error
from loader.http.transport import Request, TransportError, TransportSettings
from tests.http.authority import Authority
from tests.http.scripted_server import ScriptedServer, Step, answer
from tests.service.samples import loopback_endpoint

POST = Request("POST", "/a", {}, b"{}")

KEY = ConnectionKey(
    "h.example", 443, is_ssl=True, ssl=True, proxy=None, proxy_auth=None, proxy_headers_hash=None
)
PRIVATE_URL = URL("http://u:pass-word@h.example")
ASKED = aiohttp.RequestInfo(PRIVATE_URL, "POST", CIMultiDictProxy(CIMultiDict[str]()), PRIVATE_URL)
SAMPLES: tuple[Exception, ...] = (
    aiohttp.ClientError("x"),
    aiohttp.ClientConnectionError("x"),
    aiohttp.ClientConnectionResetError("x"),
    aiohttp.ClientOSError(104, "reset"),
    aiohttp.ClientConnectorError(KEY, OSError(111, "refused")),
    aiohttp.ClientConnectorDNSError(KEY, OSError(-2, "unknown name")),
    aiohttp.ClientProxyConnectionError(KEY, OSError(111, "refused")),
    UnixClientConnectorError("/socket", KEY, OSError(2, "no such file")),
    aiohttp.ClientSSLError(KEY, OSError(0, "handshake")),
    aiohttp.ClientConnectorSSLError(KEY, ssl.SSLError(1, "handshake")),
    aiohttp.ClientConnectorCertificateError(KEY, ssl.SSLCertVerificationError(1, "self-signed")),
    aiohttp.ServerConnectionError("x"),
    aiohttp.ServerDisconnectedError("x"),
    aiohttp.ServerTimeoutError("x"),
    aiohttp.ConnectionTimeoutError("x"),
    aiohttp.SocketTimeoutError("x"),
    aiohttp.ServerFingerprintMismatch(b"a", b"b", "h.example", 443),
    aiohttp.ClientPayloadError("x"),
    # The oldest version that is allowed has no such error.
    *([aiohttp.UploadAbortedError("x")] if hasattr(aiohttp, "UploadAbortedError") else ()),
    aiohttp.InvalidURL("http://u:pass-word@["),
    aiohttp.InvalidUrlClientError("http://u:pass-word@["),
    aiohttp.RedirectClientError("http://u:pass-word@["),
    aiohttp.NonHttpUrlClientError("ftp://u:pass-word@a"),
    aiohttp.InvalidUrlRedirectClientError("http://u:pass-word@["),
    aiohttp.NonHttpUrlRedirectClientError("ftp://u:pass-word@a"),
    aiohttp.ClientResponseError(ASKED, (), status=400, message="Bad status line"),
    aiohttp.ContentTypeError(ASKED, ()),
    aiohttp.WSServerHandshakeError(ASKED, ()),
    aiohttp.ClientHttpProxyError(ASKED, (), status=502, message="Bad Gateway"),
    aiohttp.TooManyRedirects(ASKED, ()),
    TimeoutError(),
    ConnectionResetError(104, "reset"),
    ssl.SSLError(1, "bad record"),
)
BEFORE_SENDING = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.ClientHttpProxyError,
    aiohttp.ServerFingerprintMismatch,
    aiohttp.InvalidURL,
    aiohttp.NonHttpUrlClientError,
    aiohttp.ClientConnectorCertificateError,
)


def subclasses(kind: type[Exception]) -> Iterator[type[Exception]]:
    """A class and everything below it, as far as aiohttp defines it."""
    if kind.__module__.startswith("aiohttp"):
        yield kind
    for child in kind.__subclasses__():
        yield from subclasses(child)


def test_every_client_error_of_aiohttp_is_tried_below() -> None:
    """A release of aiohttp with a new exception makes this fail, so that it is given a meaning."""
    assert set(subclasses(aiohttp.ClientError)) <= {type(sample) for sample in SAMPLES}


@pytest.mark.parametrize("error", SAMPLES, ids=lambda error: type(error).__name__)
def test_every_exception_is_mapped(error: Exception) -> None:
    """Each exception has a code; only those from before sending rule out that the event arrived."""
    mapped = transport_error(error)
    assert re.fullmatch(r"[A-Za-z]+", mapped.code)
    assert mapped.may_have_been_accepted is not isinstance(error, BEFORE_SENDING)
    assert "pass-word" not in f"{mapped} {mapped.message}"


def test_a_fault_of_this_program_is_not_hidden() -> None:
    """An exception that no network can cause is passed on as it is."""
    with pytest.raises(ZeroDivisionError):
        transport_error(ZeroDivisionError())


async def send_once(server: ScriptedServer, scheme: str, host: str, settings: TransportSettings) -> int:
    """Send one request to a server and return the status."""
    async with AiohttpTransport(loopback_endpoint(server.port, scheme, host), settings) as transport:
        return (await transport.send(POST)).status


def tunnel(port: int) -> Step:
    """What a proxy does with CONNECT: says yes, then carries bytes to and fro."""

    async def act(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(carry(reader, far_writer), carry(far_reader, writer))

    return Step(act)


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass bytes on until there are no more."""
    while data := await reader.read(65_536):
        writer.write(data)
    writer.close()


async def test_https_goes_through_a_proxy_by_tunnel(authority: Authority) -> None:
    """Through a proxy the request is tunnelled: the proxy sees the host and its own password, no more."""
    async with (
        ScriptedServer([answer()], tls=authority.server_context("localhost")) as service,
        ScriptedServer([tunnel(service.port)]) as proxy,
    ):
        settings = TransportSettings(
            ca_bundle=authority.bundle, proxy_url=f"http://user:pass-word@127.0.0.1:{proxy.port}"
        )
        assert await send_once(service, "https", "localhost", settings) == 200
        target = f"localhost:{service.port}"
    (connect,) = proxy.requests
    assert (connect.method, connect.target) == ("CONNECT", target)
    assert connect.headers["proxy-authorization"].split()[1] == base64.b64encode(b"user:pass-word").decode()
    assert "proxy-authorization" not in service.requests[0].headers


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (407, "ProxyAuthenticationRequired"),
        (401, "ProxyAuthenticationRequired"),
        (403, "ProxyRefused"),
        (302, "ProxyRefused"),
        (502, "ProxyFailed"),
    ],
)
async def test_refusal_of_the_proxy(status: int, code: str) -> None:
    """A proxy that refuses the tunnel is an error of its own, and the event was not sent."""
    async with ScriptedServer([answer(status, b"")]) as proxy:
        settings = TransportSettings(proxy_url=f"http://user:pass-word@127.0.0.1:{proxy.port}")
        endpoint = Endpoint("https://h.example", "https", "h.example", 443, "h.example", "us-east-1")
        async with AiohttpTransport(endpoint, settings) as transport:
            with pytest.raises(TransportError) as caught:
                await transport.send(POST)
    assert (caught.value.code, caught.value.may_have_been_accepted) == (code, False)
    assert "pass-word" not in str(caught.value)
