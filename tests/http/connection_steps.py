"""What a server does with a connection beyond giving an answer."""

import asyncio
import hashlib
import socket
import struct

from tests.http.scripted_server import Step
from tests.service.samples import RECEIPT

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"
WHOLE = HEAD % len(RECEIPT) + RECEIPT


def _socket_of(writer: asyncio.StreamWriter) -> socket.socket:
    raw_socket: socket.socket = writer.get_extra_info("socket")
    return raw_socket


def answer_then_end(how: str) -> Step:
    """Answer on a persistent connection, and then end it: by "close", "reset" or "half-close"."""

    async def act(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(WHOLE)
        await writer.drain()
        if how == "half-close":
            writer.write_eof()
            await reader.read()
        elif how == "reset":
            await asyncio.sleep(0.02)  # a reset overtakes what the other side has not read yet
            _socket_of(writer).setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()

    return Step(act)


def answer_twice(pause_seconds: float, second: bytes) -> Step:
    """Answer, and after a pause send an answer without a request."""

    async def act(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(WHOLE)
        await writer.drain()
        await asyncio.sleep(pause_seconds)
        writer.write(HEAD % len(second) + second)
        await writer.drain()

    return Step(act, keeps_open=True)


def half_close_unanswered() -> Step:
    """End the sending side without an answer, and go on reading."""

    async def act(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write_eof()
        await reader.read()

    return Step(act)


def answer_if_alone(pause_seconds: float) -> Step:
    """Answer 200 after a pause in which nothing more came, else 500."""

    async def act(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        early = b""
        try:
            async with asyncio.timeout(pause_seconds):
                early = await reader.read(1)
        except TimeoutError:
            pass
        writer.write(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n" if early else WHOLE)
        await writer.drain()

    return Step(act, keeps_open=True)


def drip(pause_seconds: float) -> Step:
    """Answer a byte at a time, but to the end."""

    async def act(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for byte in WHOLE:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(pause_seconds)

    return Step(act, keeps_open=True)


def read_slowly(pause_seconds: float) -> Step:
    """Read the body in small pieces with pauses; answer with its SHA-256."""

    async def act(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
        digest = hashlib.sha256()
        while length:
            piece = await reader.read(min(length, 65_536))
            digest.update(piece)
            length -= len(piece)
            await asyncio.sleep(pause_seconds)
        body = digest.hexdigest().encode()
        writer.write(HEAD % len(body) + body)
        await writer.drain()

    return Step(act, reads=False, keeps_open=True)


def refuse_unread(status: int) -> Step:
    """Answer with an error as soon as the head is there, without reading the body, and close."""

    async def act(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 %d No\r\nContent-Length: 2\r\n\r\n{}" % status)
        await writer.drain()

    return Step(act, reads=False)


def echo(pause_seconds: float = 0.0) -> Step:
    """Answer with the body of the request."""

    async def act(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        body = await reader.readexactly(int(head.split(b"content-length:")[1].split(b"\r\n")[0]))
        await asyncio.sleep(pause_seconds)
        writer.write(HEAD % len(body) + body)
        await writer.drain()

    return Step(act, reads=False, keeps_open=True)
