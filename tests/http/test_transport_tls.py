"""The contract of `loader.http.transport`: TLS, for every transport and event loop."""

import asyncio
import hashlib
import ssl
from dataclasses import replace
from pathlib import Path

import pytest

from loader.errors import SettingsError
from loader.http.transport import Request, TransportError, TransportSettings
from tests.http.authority import Authority
from tests.http.connection_steps import read_slowly
from tests.http.scripted_server import ScriptedServer, Step, answer, endless, raw, silence
from tests.http.transports import PATIENT, POST, MakeTransport
from tests.service.samples import RECEIPT, loopback_endpoint


async def send_once(
    make_transport: MakeTransport, server: ScriptedServer, host: str, settings: TransportSettings
) -> int:
    """Send one request to a server over TLS and return the status."""
    transport = make_transport(loopback_endpoint(server.port, "https", host), settings)
    try:
        return (await transport.send(POST)).status
    finally:
        await transport.close()


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
async def test_certificate_of_a_known_authority_is_accepted(
    make_transport: MakeTransport, authority: Authority, name: str
) -> None:
    """A certificate signed by the CA bundle's authority, for the right host or address, is accepted."""
    async with ScriptedServer([answer()], tls=authority.server_context(name)) as server:
        settings = TransportSettings(ca_bundle=authority.bundle)
        assert await send_once(make_transport, server, name, settings) == 200


@pytest.mark.parametrize("bundle", ["foreign", "system"])
async def test_certificate_of_an_unknown_authority_is_refused(
    make_transport: MakeTransport, bundle: str, authority: Authority, foreign_authority: Authority
) -> None:
    """A certificate from elsewhere is refused before anything is sent."""
    settings = TransportSettings(ca_bundle=foreign_authority.bundle if bundle == "foreign" else None)
    async with ScriptedServer([answer()], tls=authority.server_context("localhost")) as server:
        with pytest.raises(TransportError) as caught:
            await send_once(make_transport, server, "localhost", settings)
        assert not server.requests
    assert (caught.value.code, caught.value.may_have_been_accepted) == ("CertificateNotTrusted", False)


@pytest.mark.parametrize("name", ["other.example", "127.0.0.2"])
async def test_certificate_of_another_host_is_refused(
    make_transport: MakeTransport, name: str, authority: Authority
) -> None:
    """A good certificate for another name is refused before anything is sent."""
    settings = TransportSettings(ca_bundle=authority.bundle)
    async with ScriptedServer([answer()], tls=authority.server_context(name)) as server:
        with pytest.raises(TransportError) as caught:
            await send_once(make_transport, server, "localhost", settings)
        assert not server.requests
    assert (caught.value.code, caught.value.may_have_been_accepted) == ("CertificateNotTrusted", False)


async def test_tls_to_a_server_without_it_fails(make_transport: MakeTransport, authority: Authority) -> None:
    """A server that does not speak TLS is an error, not a plain connection."""
    settings = TransportSettings(ca_bundle=authority.bundle)
    async with ScriptedServer([Step(raw(b"HTTP/1.1 200 OK\r\n\r\n").act, reads=False)]) as server:
        with pytest.raises(TransportError) as caught:
            await send_once(make_transport, server, "localhost", settings)
    assert (caught.value.code, caught.value.may_have_been_accepted) == ("NotTls", False)


async def test_handshake_that_never_ends_is_given_up(
    make_transport: MakeTransport, authority: Authority
) -> None:
    """A server that is silent in the handshake costs the connect timeout, and its connection is closed."""
    settings = TransportSettings(ca_bundle=authority.bundle, connect_timeout_seconds=0.3)
    async with ScriptedServer([silence(reads=False)]) as server:
        with pytest.raises(TransportError) as caught:
            await send_once(make_transport, server, "localhost", settings)
        async with asyncio.timeout(5):
            await server.has_ended.wait()
    assert (caught.value.code, caught.value.may_have_been_accepted) == ("ConnectTimeout", False)


async def test_unusable_ca_bundle_is_a_settings_error(make_transport: MakeTransport, tmp_path: Path) -> None:
    """A CA bundle that is missing or holds no certificate is refused before anything is sent."""
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing")
    for bundle in (str(empty), str(tmp_path / "missing.pem")):
        with pytest.raises(SettingsError) as caught:
            make_transport(loopback_endpoint(1, "https"), TransportSettings(ca_bundle=bundle))
        assert bundle in caught.value.where


async def test_faults_under_tls_are_the_same(make_transport: MakeTransport, authority: Authority) -> None:
    """An answer cut short, also without the good-bye of TLS, is in doubt; the next request is not."""
    cut = raw(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n")
    garbage = endless(b"", b"x" * 1000)
    tls = authority.server_context("localhost")
    async with ScriptedServer([answer(), cut, answer(), garbage, answer()], tls=tls) as server:
        endpoint = loopback_endpoint(server.port, "https", "localhost")
        transport = make_transport(endpoint, replace(PATIENT, ca_bundle=authority.bundle))
        for code in ("AnswerCutShort", "UnreadableAnswer"):
            assert (await transport.send(POST)).body == RECEIPT
            with pytest.raises(TransportError) as caught:
                await transport.send(POST)
            assert (caught.value.code, caught.value.may_have_been_accepted) == (code, True)
        assert (await transport.send(POST)).body == RECEIPT
        await transport.close()


async def test_large_bodies_arrive_over_tls(make_transport: MakeTransport, authority: Authority) -> None:
    """A body of 2 MiB arrives whole over TLS at a server that reads slowly."""
    body = bytes(range(256)) * 8192
    tls = authority.server_context("localhost")
    async with ScriptedServer([read_slowly(0.002)], tls=tls) as server:
        endpoint = loopback_endpoint(server.port, "https", "localhost")
        transport = make_transport(endpoint, replace(PATIENT, ca_bundle=authority.bundle))
        response = await transport.send(Request("POST", "/", {}, body))
        await transport.close()
    assert response.body == hashlib.sha256(body).hexdigest().encode()


def noting_resumption(step: Step, seen: list[bool]) -> Step:
    """The same step; it notes whether the connection took up an earlier session."""

    async def act(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection: ssl.SSLObject = writer.get_extra_info("ssl_object")
        seen.append(bool(connection.session_reused))
        await step.act(reader, writer)

    return Step(act, step.reads, step.keeps_open)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_session_is_resumed_when_a_connection_is_made_anew(
    make_transport: MakeTransport, authority: Authority, version: ssl.TLSVersion
) -> None:
    """After the first connection a handshake takes up the session of an earlier one."""
    seen: list[bool] = []
    tls = authority.server_context("localhost")
    tls.maximum_version = version
    step = noting_resumption(answer(headers="Connection: close\r\n", keeps_open=False), seen)
    async with ScriptedServer([step], tls=tls) as server:
        endpoint = loopback_endpoint(server.port, "https", "localhost")
        transport = make_transport(endpoint, replace(PATIENT, ca_bundle=authority.bundle))
        for _ in range(3):
            assert (await transport.send(POST)).body == RECEIPT
        await transport.close()
    assert seen == [False, True, True]


async def test_session_the_server_has_forgotten_does_no_harm(
    make_transport: MakeTransport, authority: Authority
) -> None:
    """If another server took over the address, the handshake is a whole one, and verified again."""
    step = answer(headers="Connection: close\r\n", keeps_open=False)
    async with ScriptedServer([step], tls=authority.server_context("localhost")) as server:
        port = server.port
        settings = replace(PATIENT, ca_bundle=authority.bundle)
        transport = make_transport(loopback_endpoint(port, "https", "localhost"), settings)
        await transport.send(POST)
    renewed, foreign = authority.server_context("localhost"), authority.server_context("other.example")
    async with await asyncio.start_server(server._accept, "127.0.0.1", port, ssl=renewed):
        assert (await transport.send(POST)).body == RECEIPT
    async with await asyncio.start_server(server._accept, "127.0.0.1", port, ssl=foreign):
        with pytest.raises(TransportError) as caught:
            await transport.send(POST)
    await transport.close()
    assert (caught.value.code, caught.value.may_have_been_accepted) == ("CertificateNotTrusted", False)
