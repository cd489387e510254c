"""Names and addresses for tests: a name with several addresses, and an address that does not answer."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

NAME = "scn.example"


@contextmanager
def deaf_listener(address: str, port: int = 0) -> Iterator[int]:
    """A port that drops every SYN: more connections wait there than its backlog takes."""
    with socket.socket() as deaf:
        deaf.bind((address, port))
        deaf.listen(0)
        port = deaf.getsockname()[1]
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.settimeout(0)
            filler.connect_ex((address, port))
        yield port
        for filler in fillers:
            filler.close()


def give_name(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """Let a name stand for these addresses, in this order, as the event loop looks it up."""

    async def getaddrinfo(host: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
        found = addresses if host == NAME else (host,)  # uvloop looks up addresses too
        return [
            (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, port)) for address in found
        ]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
