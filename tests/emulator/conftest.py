"""A running emulator with a client that signs, for each test that asks for one."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import aiohttp
import pytest

from loader.emulator import EmulatorSettings, running_emulator
from tests.emulator.signed_client import SignedClient

Start = Callable[..., Awaitable[SignedClient]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Start an emulator with the given settings; it stops with the test."""
    async with AsyncExitStack() as stack:

        async def start_one(**settings) -> SignedClient:
            emulator = await stack.enter_async_context(running_emulator(EmulatorSettings(**settings)))
            session = await stack.enter_async_context(aiohttp.ClientSession())
            return SignedClient(emulator, session)

        yield start_one


@pytest.fixture
async def client(start: Start) -> SignedClient:
    """A client of an emulator with default settings."""
    return await start()
