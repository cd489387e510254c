"""Fixtures for tests of transports and of what uses them."""

import pytest

from tests.http.authority import Authority
from tests.http.transports import TRANSPORTS, MakeTransport


@pytest.fixture(params=TRANSPORTS)
def make_transport(request: pytest.FixtureRequest) -> MakeTransport:
    """Each transport in turn."""
    return TRANSPORTS[request.param]


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The certificate authority that the tests trust."""
    return Authority.make(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def foreign_authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A certificate authority that the tests do not trust."""
    return Authority.make(tmp_path_factory.mktemp("foreign"))
