"""How an answer looks on the wire when nothing breaks it."""

import asyncio
from contextlib import suppress
from uuid import RFC_4122, UUID

import pytest

from loader.emulator.model.ids import new_id

NOT_SERVED = "/_emulator/nothing"  # its answer is the same each time, but for the date


async def exchange(url: str, method: str, version: str, *more: str) -> tuple[list[str], str, bool]:
    """Return the lines of an answer's head, its body, and whether the connection is closed after it."""
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = "\r\n".join([f"{method} {NOT_SERVED} HTTP/{version}", f"Host: {host}", *more, "", ""])
    writer.write(head.encode())
    lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[:-2]
    rest = b""
    with suppress(TimeoutError):
        while piece := await asyncio.wait_for(reader.read(1000), 0.3):
            rest += piece
    closed = reader.at_eof()
    writer.close()
    return [line for line in lines if not line.startswith("Date: ")], rest.decode(), closed


async def test_the_quick_answer_is_the_librarys(client):
    """On a connection that stays the answer is, to the byte, aiohttp's own without its Connection header."""
    quick, body, quick_closed = await exchange(client.emulator.url, "GET", "1.1")
    usual, usual_body, usual_closed = await exchange(client.emulator.url, "GET", "1.1", "Connection: close")
    assert (quick_closed, usual_closed) == (False, True)
    assert [*quick, "Connection: close"] == usual
    assert body == usual_body
    assert body


@pytest.mark.parametrize(
    ("request_", "said", "closes", "has_body"),
    [
        (("HEAD", "1.1"), [], False, False),
        (("GET", "1.0"), [], True, True),
        (("GET", "1.0", "Connection: keep-alive"), ["Connection: keep-alive"], False, True),
    ],
)
async def test_other_connections_get_what_they_ask_for(client, request_, said, closes, has_body):
    """HEAD gets no body, and an HTTP/1.0 answer states whether the connection stays open."""
    lines, body, closed = await exchange(client.emulator.url, *request_)
    assert closed is closes
    assert bool(body) is has_body
    assert [line for line in lines if line.startswith("Connection: ")] == said


def test_ids_are_random_uuids():
    """Ids are UUIDs of version 4 in lower case, and no two are the same."""
    ids = [new_id() for _ in range(1000)]
    assert len(set(ids)) == len(ids)
    for each in ids:
        read = UUID(each)
        assert (str(read), read.version, read.variant) == (each, 4, RFC_4122)
