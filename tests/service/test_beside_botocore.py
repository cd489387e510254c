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

from loader.job import Job
from loader.service.client import open_client
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
        ours: Code of our outcome; empty if it is accepted.
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


PROXY = {"HTTPS_PROXY": "http://user:password@127.0.0.1:{port}"}
PAGE = b"<!DOCTYPE html><html><title>Welcome</title></html>"
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
    "reset connection": Way("ConnectionClosedError", "ConnectionLost", reset(reads=True)),
    "no proxy there": Way(
        "ProxyConnectionError",
        "ProxyUnreachable",
        endpoint=ELSEWHERE,
        environment={"HTTPS_PROXY": "http://127.0.0.1:{closed}"},
    ),
    "proxy wants a password": Way(
        "ProxyConnectionError", "ProxyAuthenticationRequired", answer(407, b""), ELSEWHERE, environment=PROXY
    ),
    "proxy refuses": Way(
        "ProxyConnectionError", "ProxyRefused", answer(403, b""), ELSEWHERE, environment=PROXY
    ),
    "proxy fails": Way("ProxyConnectionError", "ProxyFailed", answer(502, b""), ELSEWHERE, environment=PROXY),
    "redirect": Way("ClientError 302", "HTTP302", answer(302, b"", "Location: http://127.0.0.1:1/\r\n")),
    "captive portal": Way("", "HtmlPage", answer(200, PAGE, HTML)),  # a success without a receipt to botocore
    "codeless 403": Way("ClientError 403", "HTTP403", answer(403, b"")),
    "codeless 404": Way("ClientError 404", "HTTP404", answer(404, b"")),
    "codeless 405": Way("ClientError 405", "HTTP405", answer(405, b"")),
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
        client = await stack.enter_async_context(await open_client(job))
        outcome = await client.attempt(sample_event())
    assert (theirs, outcome.code) == (way.botocore, way.ours)
