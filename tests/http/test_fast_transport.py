"""What the fast transport does beyond the contract: age, time, its own refusals."""

import asyncio
import contextlib
import gc
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from loader.http.fast.fast_transport import FastTransport
from loader.http.transport import Request, TransportError, TransportSettings
from tests.http.connection_steps import WHOLE, answer_twice, echo
from tests.http.names import deaf_listener
from tests.http.scripted_server import ScriptedServer, answer, reset, silence
from tests.http.transports import PATIENT, POST, talking, until
from tests.service.samples import RECEIPT, loopback_endpoint


async def test_connection_is_renewed_when_it_is_old() -> None:
    """A connection in use is left after its age for a new one, without a fault."""
    settings = replace(PATIENT, max_age_seconds=0.2)
    loop = asyncio.get_running_loop()
    async with talking(FastTransport, answer(), settings=settings) as (transport, server):
        began = loop.time()
        for _ in range(30):
            assert (await transport.send(POST)).body == RECEIPT
            await asyncio.sleep(0.02)
        seconds = loop.time() - began
    assert 2 <= server.connections <= 1 + seconds / (0.5 * settings.max_age_seconds)


async def test_connections_made_together_do_not_age_together() -> None:
    """What was opened at once is not all renewed at once: the ages differ by a quarter."""
    async with talking(FastTransport, echo(0.02)) as (transport, _):
        assert isinstance(transport, FastTransport)
        await asyncio.gather(*(transport.send(POST) for _ in range(4)))
        ages = {connection.last_tick for connection in transport._connections}
        assert len(ages) == 4
        assert min(ages) > 0.7 * max(ages)


async def test_the_connection_used_last_is_used_next() -> None:
    """One request at a time needs one connection, however many are open: the others grow old."""
    settings = replace(PATIENT, max_idle_seconds=0.3)
    async with talking(FastTransport, echo(0.01), settings=settings) as (transport, server):
        assert isinstance(transport, FastTransport)
        await asyncio.gather(*(transport.send(POST) for _ in range(4)))
        assert len(transport._connections) == 4
        for _ in range(40):
            await transport.send(POST)
            await asyncio.sleep(0.01)
        assert len(transport._connections) == 1
    assert server.connections == 4


async def test_answer_that_nobody_asked_for_ends_the_connection() -> None:
    """What comes over an idle connection is never taken for the next answer, as aiohttp would."""
    async with talking(FastTransport, answer_twice(0.03, b"evil"), answer()) as (transport, server):
        assert (await transport.send(POST)).body == RECEIPT
        await asyncio.sleep(0.1)
        assert (await transport.send(POST)).body == RECEIPT
    assert server.connections == 2


@contextlib.contextmanager
def steady_server() -> Iterator[int]:
    """A server on a thread of its own that answers one request after a tenth of a second."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with listener.accept()[0] as connection:
                connection.settimeout(10)
                connection.recv(65_536)
                time.sleep(0.1)
                connection.sendall(WHOLE)
                connection.recv(65_536)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            thread.join()


async def test_time_the_loop_did_not_run_does_not_count() -> None:
    """An answer that came in time is not lost because this program was busy with something else."""
    with steady_server() as port:
        async with FastTransport(
            loopback_endpoint(port), replace(PATIENT, total_timeout_seconds=1.0)
        ) as transport:
            attempt = asyncio.create_task(transport.send(POST))
            await until(lambda: bool(transport._connections))
            time.sleep(1.3)  # noqa: ASYNC251 - the program is busy
            assert (await attempt).body == RECEIPT


async def test_connecting_counts_towards_the_whole_time() -> None:
    """Waiting for a connection and waiting for the answer take no longer than one request may."""
    settings = replace(PATIENT, max_connections=1, total_timeout_seconds=1.8, connect_timeout_seconds=1.75)
    async with talking(FastTransport, echo(1.2), silence(), settings=settings) as (transport, _):
        began = asyncio.get_running_loop().time()
        first = asyncio.create_task(transport.send(POST))
        await asyncio.sleep(0)
        with pytest.raises(TransportError) as caught:
            await transport.send(POST)
        assert (await first).body == POST.body
        assert asyncio.get_running_loop().time() - began < 1.8 + 0.9
    assert caught.value.code == "Timeout"


async def test_request_that_cannot_be_written_is_refused() -> None:
    """A header that would end its line is refused before anything is sent."""
    async with talking(FastTransport, answer()) as (transport, server):
        with pytest.raises(TransportError) as caught:
            await transport.send(Request("POST", "/", {"A": "b\r\nX-Smuggled: yes"}, b""))
        assert (caught.value.code, caught.value.may_have_been_accepted) == ("InvalidRequest", False)
        assert "Smuggled" not in str(caught.value)
        assert server.connections == 0


async def test_closed_transport_sends_nothing() -> None:
    """After close, and for requests that still wait for a connection, nothing was sent."""
    settings = replace(PATIENT, max_connections=1)
    async with talking(FastTransport, silence(), settings=settings) as (transport, server):
        busy = asyncio.create_task(transport.send(POST))
        await server.has_read.wait()
        waiting = asyncio.create_task(transport.send(POST))
        await asyncio.sleep(0)
        await transport.close()
        results = await asyncio.gather(busy, waiting, transport.send(POST), return_exceptions=True)
        assert len(server.requests) == 1
    errors = [
        (each.code, each.may_have_been_accepted) for each in results if isinstance(each, TransportError)
    ]
    assert errors == [("TransportClosed", True), ("TransportClosed", False), ("TransportClosed", False)]


async def test_close_does_not_wait_for_a_connection_that_is_being_made() -> None:
    """What is still connecting when the transport is closed ends at once, and was not sent."""
    with deaf_listener("127.0.0.1") as port:
        transport = FastTransport(loopback_endpoint(port), PATIENT)
        connecting = asyncio.create_task(transport.send(POST))
        await asyncio.sleep(0.05)
        async with asyncio.timeout(2):
            await transport.close()
        (result,) = await asyncio.gather(connecting, return_exceptions=True)
    assert isinstance(result, TransportError)
    assert (result.code, result.may_have_been_accepted) == ("TransportClosed", False)


async def test_name_that_cannot_be_asked_for_is_not_resolved() -> None:
    """A host name that breaks the rules of names is an error of the transport, not an exception."""
    async with FastTransport(loopback_endpoint(80, host="a..b"), PATIENT) as transport:
        with pytest.raises(TransportError) as caught:
            await transport.send(POST)
    assert (caught.value.code, caught.value.may_have_been_accepted) == ("NameNotResolved", False)


async def test_fault_and_cancellation_at_once_leave_no_complaint() -> None:
    """If a request has failed when it is cancelled, its error is not reported as unhandled."""
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    async with talking(FastTransport, answer(), reset(reads=True)) as (transport, _):
        assert isinstance(transport, FastTransport)
        await transport.send(POST)
        (connection,) = transport._connections
        cancelled = asyncio.create_task(transport.send(POST))
        await asyncio.sleep(0)
        connection.close(TransportError("Timeout", may_have_been_accepted=True))
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        del cancelled
        gc.collect()
    assert not complaints


async def test_connection_that_ended_in_this_very_moment_is_not_used() -> None:
    """A connection whose end is known is left, also before the event loop has closed it."""
    async with talking(FastTransport, answer()) as (transport, server):
        assert isinstance(transport, FastTransport)
        await transport.send(POST)
        (connection,) = transport._idle
        connection.eof_received()
        assert (await transport.send(POST)).body == RECEIPT
    assert server.connections == 2


async def test_proxy_is_refused() -> None:
    """A proxy is the other transport's business; to ignore it would go around it."""
    with pytest.raises(ValueError, match="proxy"):
        FastTransport(loopback_endpoint(1), TransportSettings(proxy_url="http://user:pass-word@127.0.0.1:1"))


async def test_no_timer_is_left_when_nothing_is_open() -> None:
    """Without connections no clock ticks: an idle transport costs nothing."""
    settings = replace(PATIENT, max_idle_seconds=0.1)
    async with talking(FastTransport, answer(), settings=settings) as (transport, _):
        assert isinstance(transport, FastTransport)
        await transport.send(POST)
        assert transport._ticker is not None
        await until(lambda: transport._ticker is None)
        assert not transport._connections
        assert not transport._idle
        assert (await transport.send(POST)).body == RECEIPT


async def test_answer_and_cancellation_at_once_keep_the_connection_right() -> None:
    """If the answer is there when a request is cancelled, the connection serves others undisturbed."""
    async with ScriptedServer([echo()]) as server:
        transport = FastTransport(loopback_endpoint(server.port), replace(PATIENT, max_connections=1))
        await transport.send(POST)
        cancelled = asyncio.create_task(transport.send(Request("POST", "/", {}, b"first")))
        await asyncio.sleep(0)
        await until(lambda: bool(transport._idle))
        following = asyncio.create_task(transport.send(Request("POST", "/", {}, b"second")))
        cancelled.cancel()
        results = await asyncio.gather(cancelled, following, return_exceptions=True)
        await transport.close()
    assert not isinstance(results[1], BaseException)
    assert results[1].body == b"second"
    assert server.connections == 1
