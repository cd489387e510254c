"""The contract of `loader.http.transport`: how connections come about, for every transport and loop."""

import asyncio
import socket
from dataclasses import replace

import pytest

from loader.http.transport import TransportError
from tests.http.connection_steps import answer_if_alone
from tests.http.names import NAME, deaf_listener, give_name
from tests.http.scripted_server import ScriptedServer, answer
from tests.http.transports import HASTY, PATIENT, POST, MakeTransport
from tests.service.samples import RECEIPT, loopback_endpoint


async def test_refused_connection_was_not_accepted(make_transport: MakeTransport) -> None:
    """If no server listens, the event cannot have been accepted."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        transport = make_transport(loopback_endpoint(unused.getsockname()[1]), HASTY)
        with pytest.raises(TransportError) as caught:
            await transport.send(POST)
        await transport.close()
    assert (caught.value.code, caught.value.may_have_been_accepted) == ("ConnectFailed", False)


async def test_connection_that_fails_does_not_use_up_a_place(make_transport: MakeTransport) -> None:
    """However often connecting fails, the next attempt connects again instead of waiting."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        settings = replace(PATIENT, max_connections=1)
        transport = make_transport(loopback_endpoint(unused.getsockname()[1]), settings)
        results = await asyncio.gather(*(transport.send(POST) for _ in range(5)), return_exceptions=True)
        await transport.close()
    assert [each.code for each in results if isinstance(each, TransportError)] == ["ConnectFailed"] * 5


async def test_unknown_name_was_not_accepted(make_transport: MakeTransport) -> None:
    """A host name that does not exist is an error of its own; nothing can have been accepted."""
    transport = make_transport(loopback_endpoint(80, host="no-such-host.invalid"), HASTY)
    with pytest.raises(TransportError) as caught:
        await transport.send(POST)
    await transport.close()
    assert caught.value.code in {"NameNotResolved", "ConnectTimeout"}
    assert not caught.value.may_have_been_accepted


async def test_connection_that_does_not_come_about_ends_in_time(make_transport: MakeTransport) -> None:
    """A host that drops our SYNs costs the connect timeout, and nothing can have been accepted."""
    with deaf_listener("127.0.0.1") as port:
        transport = make_transport(loopback_endpoint(port), replace(PATIENT, connect_timeout_seconds=0.5))
        with pytest.raises(TransportError) as caught:
            async with asyncio.timeout(10):
                await transport.send(POST)
        await transport.close()
    assert (caught.value.code, caught.value.may_have_been_accepted) == ("ConnectTimeout", False)


async def test_address_that_refuses_is_passed_over(
    make_transport: MakeTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of several addresses of a name one that answers is found, wherever it stands in the list."""
    async with ScriptedServer([answer(headers="Connection: close\r\n", keeps_open=False)]) as server:
        give_name(monkeypatch, "127.0.0.2", "127.0.0.1", "127.0.0.3")
        transport = make_transport(loopback_endpoint(server.port, host=NAME), PATIENT)
        for _ in range(4):
            assert (await transport.send(POST)).body == RECEIPT
        await transport.close()
    assert server.connections == 4


async def test_address_that_is_silent_is_passed_over(
    make_transport: MakeTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An address that drops our SYNs costs less than the connect timeout if there is another."""
    step = answer(headers="Connection: close\r\n", keeps_open=False)
    async with ScriptedServer([step]) as server:
        with deaf_listener("127.0.0.2", server.port):
            give_name(monkeypatch, "127.0.0.2", "127.0.0.1")
            settings = replace(PATIENT, connect_timeout_seconds=4.0)
            transport = make_transport(loopback_endpoint(server.port, host=NAME), settings)
            for _ in range(2):  # in both orders, where they take turns
                assert (await transport.send(POST)).body == RECEIPT
            await transport.close()


async def test_connections_are_spread_over_the_addresses(
    make_transport: MakeTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several connections do not all go to the first address of a name."""
    others = 0

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal others
        others += 1
        await server._accept(reader, writer)

    async with (
        ScriptedServer([answer_if_alone(0.05)]) as server,
        await asyncio.start_server(accept, "127.0.0.2", server.port),
    ):
        give_name(monkeypatch, "127.0.0.1", "127.0.0.2")
        transport = make_transport(loopback_endpoint(server.port, host=NAME), PATIENT)
        await asyncio.gather(*(transport.send(POST) for _ in range(4)))
        await transport.close()
    assert server.connections == 4
    assert 0 < others < 4
