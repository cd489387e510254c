"""The contract of `loader.http.transport`: connections, for every transport and event loop."""

import asyncio
import hashlib
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from random import Random

import pytest

from loader.http.transport import Request, Response, TransportError
from tests.http.connection_steps import (
    WHOLE,
    answer_if_alone,
    answer_then_end,
    drip,
    echo,
    half_close_unanswered,
    read_slowly,
    refuse_unread,
)
from tests.http.scripted_server import ScriptedServer, answer, reset, silence
from tests.http.transports import HASTY, PATIENT, POST, MakeTransport, talking
from tests.service.samples import RECEIPT, loopback_endpoint

LARGE = bytes(range(256)) * 8192  # 2 MiB: the largest event with every character escaped


async def test_connections_are_kept_and_limited(make_transport: MakeTransport) -> None:
    """Requests one after the other share a connection; many at once use no more than allowed."""
    async with talking(make_transport, answer()) as (transport, server):
        for _ in range(5):
            await transport.send(POST)
        assert server.connections == 1
        await asyncio.gather(*(transport.send(POST) for _ in range(40)))
    assert server.connections <= PATIENT.max_connections
    assert len(server.requests) == 45


async def test_no_request_is_sent_before_the_answer_to_the_last(make_transport: MakeTransport) -> None:
    """Requests are not pipelined: while a connection waits for an answer nothing more comes over it."""
    async with talking(make_transport, answer_if_alone(0.03)) as (transport, server):
        answers = await asyncio.gather(*(transport.send(POST) for _ in range(12)))
    assert [each.status for each in answers] == [200] * 12
    assert server.connections == PATIENT.max_connections


async def test_request_waits_for_a_connection_no_longer_than_for_connecting(
    make_transport: MakeTransport,
) -> None:
    """If all connections stay busy, a further request ends with ConnectTimeout and was not sent."""
    settings = replace(PATIENT, max_connections=1, connect_timeout_seconds=0.2)
    async with talking(make_transport, silence(), settings=settings) as (transport, server):
        busy = asyncio.create_task(transport.send(POST))
        await server.has_read.wait()
        with pytest.raises(TransportError) as caught:
            await transport.send(POST)
        busy.cancel()
        await asyncio.gather(busy, return_exceptions=True)
    assert (caught.value.code, caught.value.may_have_been_accepted) == ("ConnectTimeout", False)
    assert len(server.requests) == 1


@pytest.mark.parametrize("how", ["close", "reset", "half-close"])
async def test_connection_that_ended_while_idle_is_not_used(make_transport: MakeTransport, how: str) -> None:
    """A kept connection that the server ended is left; the next request has a new one."""
    async with talking(make_transport, answer_then_end(how), answer()) as (transport, server):
        assert (await transport.send(POST)).body == RECEIPT
        await asyncio.sleep(0.1)
        assert (await transport.send(POST)).body == RECEIPT
    assert server.connections == 2
    assert len(server.requests) == 2


async def test_half_closed_without_an_answer_is_in_doubt(make_transport: MakeTransport) -> None:
    """A server that ends its side without an answer will not give one: that is not waited for."""
    async with talking(make_transport, half_close_unanswered()) as (transport, _):
        with pytest.raises(TransportError) as caught:
            async with asyncio.timeout(5):
                await transport.send(POST)
    assert caught.value.may_have_been_accepted


async def test_reset_on_a_kept_connection_is_in_doubt_and_not_sent_again(
    make_transport: MakeTransport,
) -> None:
    """The server may have taken a request before it reset a kept connection: sending again is delivery's."""
    async with talking(make_transport, answer(), reset(reads=True), answer()) as (transport, server):
        await transport.send(POST)
        with pytest.raises(TransportError) as caught:
            await transport.send(POST)
        assert caught.value.may_have_been_accepted
        assert len(server.requests) == 2
        assert (await transport.send(POST)).body == RECEIPT


@contextmanager
def closing_server(*, resets: bool) -> Iterator[tuple[int, threading.Event, threading.Event]]:
    """A server on a thread that answers once, and closes the connection on request."""
    may_close, has_closed = threading.Event(), threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with listener.accept()[0] as connection:
                connection.recv(65_536)
                connection.sendall(WHOLE)
                may_close.wait(10)
                if resets:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            has_closed.set()

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1], may_close, has_closed
        may_close.set()
        thread.join()


@pytest.mark.parametrize("resets", [False, True])
async def test_connection_closed_just_as_the_request_goes_out_ends_it(
    make_transport: MakeTransport,
    resets: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """If the server closes an idle connection at the moment of sending, the request ends with an error.

    It may be in doubt or not, because the fast transport may detect the end before it writes anything.
    """
    with closing_server(resets=resets) as (port, may_close, has_closed):
        transport = make_transport(loopback_endpoint(port), HASTY)
        assert (await transport.send(POST)).body == RECEIPT
        may_close.set()
        has_closed.wait(10)  # on purpose without letting the event loop see it
        with pytest.raises(TransportError) as caught:
            async with asyncio.timeout(10):
                await transport.send(POST)
        await transport.close()
    assert caught.value.code == "ConnectionLost"


async def test_idle_connection_grows_old(make_transport: MakeTransport) -> None:
    """A connection that was idle for longer than the limit is closed and not used again."""
    settings = replace(PATIENT, max_idle_seconds=0.8)
    async with talking(make_transport, answer(), settings=settings) as (transport, server):
        await transport.send(POST)
        await asyncio.sleep(0.1)
        await transport.send(POST)
        assert server.connections == 1
        await asyncio.sleep(1.2)
        await transport.send(POST)
    assert server.connections == 2


async def test_slow_answer_within_the_time_is_read(make_transport: MakeTransport) -> None:
    """An answer that comes byte by byte is whole in the end, and the connection is kept."""
    async with talking(make_transport, drip(0.001)) as (transport, server):
        for _ in range(2):
            assert (await transport.send(POST)).body == RECEIPT
    assert server.connections == 1


async def test_limits_of_an_answer_are_exact(make_transport: MakeTransport) -> None:
    """Headers of 7 KiB and a body at its limit are taken whole; the connection is kept."""
    step = answer(200, b"x" * PATIENT.max_body_bytes, f"A: {'a' * 3500}\r\nB: {'b' * 3500}\r\n")
    async with talking(make_transport, step) as (transport, server):
        for _ in range(2):
            response = await transport.send(POST)
            assert response.body == b"x" * PATIENT.max_body_bytes
            assert response.headers["b"] == "b" * 3500
    assert server.connections == 1


async def test_large_bodies_arrive_while_small_ones_pass(make_transport: MakeTransport) -> None:
    """Bodies of 2 MiB arrive whole at servers that read slowly, and do not hold up other requests."""
    request = Request("POST", "/", {}, LARGE)
    async with talking(make_transport, read_slowly(0.01)) as (transport, _):
        large = [asyncio.create_task(transport.send(request)) for _ in range(3)]
        await asyncio.sleep(0.05)
        small = await transport.send(POST)
        assert not any(task.done() for task in large)
        answers = await asyncio.gather(*large)
    assert small.body == hashlib.sha256(POST.body).hexdigest().encode()
    assert {each.body for each in answers} == {hashlib.sha256(LARGE).hexdigest().encode()}


async def test_large_body_that_is_refused_unread_ends_the_connection(make_transport: MakeTransport) -> None:
    """A refusal before the body was read is the answer or a doubt; its rest does not meet the next one."""
    async with talking(make_transport, refuse_unread(413), answer()) as (transport, server):
        large = transport.send(Request("POST", "/", {}, LARGE))
        (result,) = await asyncio.gather(large, return_exceptions=True)
        await asyncio.sleep(0.1)  # until the end of the connection has come through
        assert (await transport.send(POST)).body == RECEIPT
    if isinstance(result, TransportError):
        assert result.may_have_been_accepted
    else:
        assert isinstance(result, Response)
        assert result.status == 413
    assert server.connections == 2


async def test_cancellation_ends_the_request(make_transport: MakeTransport) -> None:
    """A cancelled request raises CancelledError, and its connection is closed at once."""
    async with talking(make_transport, silence()) as (transport, server):
        attempt = asyncio.create_task(transport.send(POST))
        await server.has_read.wait()
        attempt.cancel()
        with pytest.raises(asyncio.CancelledError):
            await attempt
        async with asyncio.timeout(5):
            await server.has_ended.wait()


@pytest.mark.parametrize("seed", range(4))
async def test_every_answer_belongs_to_its_request(make_transport: MakeTransport, seed: int) -> None:
    """Whatever is cancelled and whenever, each answer is that of its own request, and no place is lost."""
    random = Random(seed)
    loop = asyncio.get_running_loop()

    async with talking(make_transport, echo(0.002)) as (transport, _):
        tasks = [
            asyncio.create_task(transport.send(Request("POST", "/", {}, b"%d" % number)))
            for number in range(200)
        ]
        for task in tasks:
            if random.random() < 0.4:
                loop.call_later(random.random() * 0.1, task.cancel)
        results = await asyncio.gather(*tasks, return_exceptions=True)
        last = await asyncio.gather(*(transport.send(POST) for _ in range(8)))
    assert all(isinstance(result, Response | asyncio.CancelledError) for result in results)
    answered = {number: result for number, result in enumerate(results) if isinstance(result, Response)}
    assert 100 < len(answered) < 200
    for number, result in answered.items():
        assert result.body == b"%d" % number
    assert [each.body for each in last] == [POST.body] * 8


async def test_after_close_no_connection_is_left(make_transport: MakeTransport) -> None:
    """Closing ends idle and busy connections alike, as the server sees at once."""
    async with ScriptedServer([answer(), silence()]) as server:
        transport = make_transport(loopback_endpoint(server.port), PATIENT)
        await transport.send(POST)
        server.has_read.clear()
        busy = asyncio.create_task(transport.send(POST))
        await server.has_read.wait()
        await transport.close()
        async with asyncio.timeout(5):
            await server.has_ended.wait()
            (result,) = await asyncio.gather(busy, return_exceptions=True)
    assert isinstance(result, TransportError)
    assert result.may_have_been_accepted
