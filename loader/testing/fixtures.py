"""Fixtures for pytest: ``pytest_plugins = ["loader.testing.fixtures"]``."""

from collections.abc import Iterator

import pytest

from loader.testing.emulated_service import EmulatedService, emulated_service


@pytest.fixture
def scn_emulator() -> Iterator[EmulatedService]:
    """An emulator of the service, empty at the start of each test."""
    with emulated_service() as service:
        yield service
