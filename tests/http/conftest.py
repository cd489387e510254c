"""The event loops that the transport tests run on."""

import asyncio
from collections.abc import Callable, Mapping

import pytest

from tests.http.transports import LOOPS

ONE_LOOP = ("test_aiohttp_transport.py", "test_proxy_and_tls.py")


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run what a transport does on every event loop that loads run on, the rest on asyncio's."""
    is_on_every_loop = item.path.name not in ONE_LOOP
    return LOOPS if is_on_every_loop else {"asyncio": asyncio.new_event_loop}
