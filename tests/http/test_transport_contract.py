"""The contract of `loader.http.transport`: requests, answers and faults, for every transport and loop.

What concerns connections is in test_transport_connections.py.
"""

import asyncio
import itertools
import time
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loader.http.transport import Request, Response, TransportError, TransportSettings
from tests.http.scripted_server import (
    ScriptedServer,
    answer,
    close,
    endless,
    raw,
    raw_unread,
    reset,
    silence,
)
from tests.http.transports import HASTY, LOOPS, PATIENT, POST, TRANSPORTS, MakeTransport, talking
from tests.service.samples import RECEIPT, loopback_endpoint


async def test_request_arrives_as_it_is(make_transport: MakeTransport) -> None:
    """Method, target, headers and body arrive unchanged, with Host and length and nothing signed added."""
    request = Request("POST", "/a%2Fb/c?d=%20e&f", {"X-Amz-Date": "x", "Authorization": "y"}, b'"\xc3\xa9\n"')
    async with talking(make_transport, answer()) as (transport, server):
        await transport.send(request)
        host = f"127.0.0.1:{server.port}"
    (received,) = server.requests
    assert (received.method, received.target, received.body) == ("POST", request.path, request.body)
    assert received.headers.items() >= {"x-amz-date": "x", "authorization": "y"}.items()
    assert received.headers["host"] == host
    assert received.headers["content-length"] == str(len(request.body))
    assert "cookie" not in received.headers
    assert "content-type" not in received.headers
    assert "expect" not in received.headers


async def test_host_header_is_the_one_that_was_signed(make_transport: MakeTransport) -> None:
    """The Host header is the endpoint's, not what the library makes of the address."""
    async with ScriptedServer([answer()]) as server:
        endpoint = replace(loopback_endpoint(server.port), host_header="signed.example:99")
        transport = make_transport(endpoint, PATIENT)
        await transport.send(POST)
        await transport.close()
    assert server.requests[0].headers["host"] == "signed.example:99"


async def test_get_has_no_body(make_transport: MakeTransport) -> None:
    """A request without a body is sent without one."""
    async with talking(make_transport, answer()) as (transport, server):
        await transport.send(Request("GET", "/a", {}, b""))
    (received,) = server.requests
    assert (received.method, received.body) == ("GET", b"")
    assert "transfer-encoding" not in received.headers


@pytest.mark.parametrize("size", [0, 1, 100_000, 2_200_000])
async def test_body_of_any_size_arrives(make_transport: MakeTransport, size: int) -> None:
    """A body arrives whole, up to the largest event with every character escaped."""
    body = b"x" * size
    async with talking(make_transport, answer()) as (transport, server):
        await transport.send(Request("POST", "/", {}, body))
    assert server.requests[0].body == body


@pytest.mark.parametrize("status", [200, 204, 302, 400, 403, 407, 413, 429, 500, 503, 599])
async def test_any_status_is_an_answer(make_transport: MakeTransport, status: int) -> None:
    """Whatever the status, the answer is returned, and a redirect is not followed."""
    body = b"" if status == 204 else b'{"message":"no"}'
    step = answer(status, body, "Location: /elsewhere\r\nX-Amzn-ErrorType: Odd\r\n")
    async with talking(make_transport, step) as (transport, server):
        response = await transport.send(POST)
    assert (response.status, response.body) == (status, body)
    assert response.headers.get("x-amzn-errortype") == "Odd"
    assert len(server.requests) == 1


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
GOOD_ANSWERS = {
    "chunked": raw(CHUNKED + b"%x\r\n%s\r\n0\r\n\r\n" % (len(RECEIPT), RECEIPT)),
    "ended by closing": raw(b"HTTP/1.1 200 OK\r\n\r\n" + RECEIPT),
    "HTTP/1.0": raw(b"HTTP/1.0 200 OK\r\n\r\n" + RECEIPT),
    "closed by the server": answer(headers="Connection: close\r\n", keeps_open=False),
    "no reason phrase": raw(b"HTTP/1.1 200 \r\nContent-Length: %d\r\n\r\n%s" % (len(RECEIPT), RECEIPT)),
    "after 100 Continue": raw(
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(RECEIPT), RECEIPT)
    ),
    "before the request was read": raw_unread(
        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(RECEIPT), RECEIPT)
    ),
}


@pytest.mark.parametrize("name", GOOD_ANSWERS)
async def test_every_form_of_answer_is_read(make_transport: MakeTransport, name: str) -> None:
    """The body is the same in every form that HTTP/1.1 allows."""
    async with talking(make_transport, GOOD_ANSWERS[name]) as (transport, _):
        response = await transport.send(POST)
    assert (response.status, response.body) == (200, RECEIPT)


async def test_body_is_not_decompressed_and_cookies_are_not_kept(make_transport: MakeTransport) -> None:
    """The body is returned as it was sent, and nothing of an answer gets into the next request."""
    step = answer(200, b"not gzip", "Content-Encoding: gzip\r\nSet-Cookie: a=b; Path=/\r\n")
    async with talking(make_transport, step) as (transport, server):
        for _ in range(2):
            assert (await transport.send(POST)).body == b"not gzip"
    assert "cookie" not in server.requests[1].headers


BROKEN = {
    "reset before reading": reset(reads=False),
    "reset after reading": reset(reads=True),
    "closed before reading": close(reads=False),
    "closed after reading": close(reads=True),
    "cut in the head": raw(b"HTTP/1.1 200 OK\r\nContent-Le"),
    "cut in the body": raw(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + RECEIPT),
    "cut in a chunk": raw(CHUNKED + b"ff\r\n" + RECEIPT),
    "no status line": raw(b"hello there\r\n\r\n"),
    "no HTTP at all": raw(bytes(range(256)) * 10),
    "a TLS alert": raw(b"\x15\x03\x01\x00\x02\x02\x46"),
    "status is not a number": raw(b"HTTP/1.1 abc OK\r\n\r\n"),
    "length is not a number": raw(b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n"),
    "length is negative": raw(b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nabc"),
    "chunk size is not a number": raw(CHUNKED + b"zz\r\nabc\r\n0\r\n\r\n"),
    "header without end": raw(b"HTTP/1.1 200 OK\r\nA: " + b"x" * 1_000_000 + b"\r\n\r\n"),
    "headers without end": endless(b"HTTP/1.1 200 OK\r\n", b"A: b\r\n"),
    "1xx answers without end": endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100, pause_seconds=0.01),
    "silence": silence(),
    "silence without reading": silence(reads=False),
    "dripping head": endless(b"HTTP/1.1 200 OK\r\nA: ", b"x", pause_seconds=0.05),
    "dripping body": endless(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b"x", pause_seconds=0.05),
}


def settings_for(name: str) -> TransportSettings:
    """Return a short timeout for a fault without an end only: a busy machine would end other requests too."""
    is_endless = name.startswith(("silence", "dripping", "1xx"))
    return HASTY if is_endless else PATIENT


@pytest.mark.parametrize("name", BROKEN)
async def test_no_whole_answer_is_an_error_in_doubt(make_transport: MakeTransport, name: str) -> None:
    """Once connected, every fault ends in time, in a TransportError that leaves the event in doubt.

    The exception is a connection whose end is detected before anything is sent.
    """
    async with talking(make_transport, BROKEN[name], settings=settings_for(name)) as (transport, _):
        with pytest.raises(TransportError) as caught:
            async with asyncio.timeout(10):
                await transport.send(POST)
    assert caught.value.may_have_been_accepted or name.endswith("before reading")
    assert caught.value.code


ENDLESS_BODIES = {
    "without a length": endless(b"HTTP/1.1 403 No\r\n\r\n", b"x" * 65_536),
    "with a great length": endless(b"HTTP/1.1 403 No\r\nContent-Length: 99999999999\r\n\r\n", b"x" * 65_536),
    "in chunks": endless(CHUNKED.replace(b"200", b"403"), b"8\r\nxxxxxxxx\r\n" * 1000),
}


@pytest.mark.parametrize("name", ENDLESS_BODIES)
async def test_only_the_start_of_a_long_body_is_kept(make_transport: MakeTransport, name: str) -> None:
    """Of a body beyond the limit the start is returned, and the next request is not confused by the rest."""
    async with talking(make_transport, ENDLESS_BODIES[name], answer()) as (transport, _):
        response = await transport.send(POST)
        assert response.status == 403
        assert response.body == b"x" * PATIENT.max_body_bytes
        assert (await transport.send(POST)).body == RECEIPT


@pytest.mark.parametrize("name", BROKEN)
async def test_a_fault_does_not_stick(make_transport: MakeTransport, name: str) -> None:
    """The request after a fault gets its own answer."""
    async with talking(make_transport, BROKEN[name], answer(), settings=settings_for(name)) as (transport, _):
        with pytest.raises(TransportError):
            await transport.send(POST)
        assert (await transport.send(POST)).body == RECEIPT


async def test_bytes_after_an_answer_are_not_the_next_one(make_transport: MakeTransport) -> None:
    """What a server sends beyond its answer is never taken for the answer to another request."""
    smuggled = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
    first = raw(b"HTTP/1.1 400 No\r\nContent-Length: 2\r\n\r\n{}" + smuggled, keeps_open=True)
    async with talking(make_transport, first, answer()) as (transport, _):
        assert (await transport.send(POST)).status == 400
        await asyncio.sleep(0.05)
        assert (await transport.send(POST)).body == RECEIPT


@given(
    data=st.binary(min_size=1, max_size=200), start=st.sampled_from([b"", b"HTTP/1.1 200 OK\r\n", CHUNKED])
)
@settings(deadline=None, max_examples=80)
def test_no_bytes_can_raise_anything_else(start: bytes, data: bytes) -> None:
    """Whatever bytes come back, the end is an answer or a TransportError."""

    async def one_request(make: MakeTransport) -> Response | TransportError:
        async with talking(make, raw(start + data)) as (transport, _):
            try:
                return await transport.send(POST)
            except TransportError as error:
                return error

    for make, make_loop in itertools.product(TRANSPORTS.values(), LOOPS.values()):
        began = time.monotonic()
        with asyncio.Runner(loop_factory=make_loop) as runner:
            result = runner.run(one_request(make))
        assert isinstance(result, Response) or result.may_have_been_accepted
        assert time.monotonic() - began < 10
