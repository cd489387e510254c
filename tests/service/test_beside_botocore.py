"""The same way to the service, tried by botocore and by a client of ours: it gets as far, and no further.

Ours has a code for each way that fails; botocore's error beside it is the measure.
"""

import asyncio
import socket
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from loader.errors import SettingsError
from loader.job import Job
from loader.service.client import open_client
from loader.stage_settings.connections import client_settings
from tests.http.authority import Authority
from tests.http.scripted_server import ScriptedServer, Step, answer, raw_unread, reset
from tests.service.samples import INSTANCE_ID, KEY, sample_event

ELSEWHERE = "https://scn.us-east-1.amazonaws.com"
"""Reached through a proxy on this machine only: no test leaves it."""

ONCE = Config(retries={"total_max_attempts": 1}, connect_timeout=10, read_timeout=10)


@dataclass(frozen=True)
class Way:
    """A way to the service.

    Attributes:
        botocore: Name of botocore's error, with the code that it reads; empty if it gets through.
        ours: Code of our outcome; empty if it is accepted, `AT_START` if nothing is sent.
        step: What the server does; None if nothing listens at its port.
        endpoint: The endpoint; PORT and the closed port are filled in.
        has_tls: Whether the server speaks TLS.
        is_trusted: Whether its certificate is.
        environment: Variables; the same is filled in.
    """

    botocore: str
    ours: str
    step: Step = field(default_factory=answer)
    endpoint: str = "http://127.0.0.1:{port}"
    has_tls: bool = False
    is_trusted: bool = True
    environment: dict[str, str] = field(default_factory=dict)


AT_START = "refused at the start"

PROXY = {"HTTPS_PROXY": "http://user:password@127.0.0.1:{port}"}
PAGE = b"<!DOCTYPE html><html><title>Welcome</title></html>"
HTTP_ON_TLS = b"<html><title>400 The plain HTTP request was sent to HTTPS port</title></html>"
NO_CERTIFICATE = b"<html><title>400 No required SSL certificate was sent</title></html>"
VERSION_ALERT = bytes.fromhex("15 0301 0002 0246")
"""The alert protocol_version, as nginx and OpenSSL send it to a client whose versions are all too new."""

REFUSED = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
HTML = "Content-Type: text/html\r\n"

WAYS = {
    "open": Way("", ""),
    "TLS": Way("", "", endpoint="https://127.0.0.1:{port}", has_tls=True),
    "refused connection": Way(
        "EndpointConnectionError", "ConnectFailed", endpoint="http://127.0.0.1:{closed}"
    ),
    "untrusted certificate": Way(
        "SSLError",
        "CertificateNotTrusted",
        endpoint="https://127.0.0.1:{port}",
        has_tls=True,
        is_trusted=False,
    ),
    "TLS to a plain port": Way("SSLError", "NotTls", raw_unread(REFUSED), "https://127.0.0.1:{port}"),
    "TLS 1.1 only": Way("SSLError", "TlsVersion", raw_unread(VERSION_ALERT), "https://127.0.0.1:{port}"),
    "http to a TLS port": Way("ClientError 400", "PlainHttpOnTlsPort", answer(400, HTTP_ON_TLS, HTML)),
    "unknown name": Way("EndpointConnectionError", AT_START, endpoint="https://nobody.invalid"),
    "reset connection": Way("ConnectionClosedError", "ConnectionLost", reset(reads=True)),
    "no proxy there": Way(
        "ProxyConnectionError",
        "ProxyUnreachable",
        endpoint=ELSEWHERE,
        environment={"HTTPS_PROXY": "http://127.0.0.1:{closed}"},
    ),
    "unknown name of a proxy": Way(
        "ProxyConnectionError",
        AT_START,
        endpoint=ELSEWHERE,
        environment={"HTTPS_PROXY": "http://nobody.invalid:3128"},
    ),
    "proxy without a host": Way(
        "ProxyConnectionError", AT_START, environment={"HTTPS_PROXY": "http://"}, endpoint=ELSEWHERE
    ),
    "proxy wants a password": Way(
        "ProxyConnectionError", "ProxyAuthenticationRequired", answer(407, b""), ELSEWHERE, environment=PROXY
    ),
    "proxy refuses": Way(
        "ProxyConnectionError", "ProxyRefused", answer(403, b""), ELSEWHERE, environment=PROXY
    ),
    "proxy fails": Way("ProxyConnectionError", "ProxyFailed", answer(502, b""), ELSEWHERE, environment=PROXY),
    "redirect": Way("ClientError 302", "HTTP302", answer(302, b"", "Location: /elsewhere\r\n")),
    "captive portal": Way("", "HtmlPage", answer(200, PAGE, HTML)),  # a success without a receipt to botocore
    "client certificate wanted": Way(
        "ClientError 400", "ClientCertificateWanted", answer(400, NO_CERTIFICATE, HTML)
    ),
    "codeless 400": Way("ClientError 400", "HTTP400", answer(400, b"")),
    "codeless 403": Way("ClientError 403", "HTTP403", answer(403, b"")),
    "codeless 404": Way("ClientError 404", "HTTP404", answer(404, b"")),
    "codeless 405": Way("ClientError 405", "HTTP405", answer(405, b"")),
    "codeless 421": Way("ClientError 421", "HTTP421", answer(421, b"")),
    "codeless 426": Way("ClientError 426", "HTTP426", answer(426, b"")),
    "codeless 451": Way("ClientError 451", "HTTP451", answer(451, b"")),
    "codeless 495": Way("ClientError 495", "HTTP495", answer(495, b"")),
    "codeless 496": Way("ClientError 496", "HTTP496", answer(496, b"")),
    "codeless 502": Way("ClientError 502", "HTTP502", answer(502, b"")),
    "codeless 503": Way("ClientError 503", "HTTP503", answer(503, b"")),
}


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def ask_botocore(endpoint: str) -> str:
    """Return how botocore's call ends: the name of its error, and the code of an answer that it read."""
    client: Any = botocore.session.Session().create_client(
        "supplychain", region_name="us-east-1", endpoint_url=endpoint, config=ONCE
    )
    try:
        client.send_data_integration_event(
            instanceId=INSTANCE_ID, eventType="scn.data.reservation", data="{}", eventGroupId="g"
        )
    except ClientError as error:
        return f"ClientError {error.response['Error']['Code']}"
    except BotoCoreError as error:
        return type(error).__name__
    except Exception as error:  # noqa: BLE001 - a parser's error has no base class of botocore's
        return type(error).__name__
    return ""


@pytest.fixture
def machine(aws_files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with credentials in its environment, and no other setting of AWS."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", KEY.secret_key)


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize("name", WAYS)
async def test_both_get_through_or_neither(
    name: str, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where botocore's call ends well, ours does; where it fails, ours has the code of the cause."""
    way = WAYS[name]
    tls = authority.server_context("127.0.0.1") if way.has_tls else None
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(ScriptedServer([way.step], tls=tls))
        ports = {"port": server.port, "closed": closed_port()}
        if way.is_trusted:
            monkeypatch.setenv("AWS_CA_BUNDLE", authority.bundle)
        for variable, value in way.environment.items():
            monkeypatch.setenv(variable, value.format(**ports))
        endpoint = way.endpoint.format(**ports)
        theirs = await asyncio.to_thread(ask_botocore, endpoint)
        job = Job(
            event_type="scn.data.reservation",
            instance_id=INSTANCE_ID,
            region="us-east-1",
            endpoint_url=endpoint,
        )
        ours = [
            await ask_ours(stack, job.model_copy(update={"transport": each})) for each in ("fast", "aiohttp")
        ]
    assert (theirs, set(ours)) == (way.botocore, {way.ours})
    assert not any("/elsewhere" in request.target for request in server.requests)  # nobody follows a redirect


async def ask_ours(stack: AsyncExitStack, job: Job) -> str:
    """Return the code of an attempt of ours."""
    try:
        client = await stack.enter_async_context(await open_client(client_settings(job)))
    except SettingsError:
        return AT_START
    return (await client.attempt(sample_event())).code


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize("transport", ["fast", "aiohttp"])
async def test_a_host_may_end_in_a_dot(
    transport: str, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name is looked up as it is; the certificate is compared without the dot."""
    monkeypatch.setenv("AWS_CA_BUNDLE", authority.bundle)
    async with (
        ScriptedServer([answer()], tls=authority.server_context("localhost")) as server,
        AsyncExitStack() as stack,
    ):
        job = Job(
            event_type="scn.data.reservation",
            instance_id=INSTANCE_ID,
            region="us-east-1",
            endpoint_url=f"https://localhost.:{server.port}",
            transport=transport,
        )
        assert await ask_ours(stack, job) == ""


def test_the_guide_has_both_answers() -> None:
    """The table of docs/troubleshooting.md is that of the ways above."""
    page = (Path(__file__).parents[2] / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    for name, way in WAYS.items():
        ours = f"`{way.ours}`" if way.ours not in ("", AT_START) else way.ours or "accepted"
        theirs = f"`{way.botocore}`" if way.botocore else "succeeds"
        assert f"| {name} | {theirs} | {ours} |" in page
