"""Fixtures of the service tests."""

import asyncio
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.service.authority import Authority
from tests.service.transports import LOOPS, TRANSPORTS, MakeTransport


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run what a transport does on every event loop that loads run on, the rest on asyncio's."""
    is_on_every_loop = item.path.name.startswith(("test_transport_", "test_lean_"))
    return LOOPS if is_on_every_loop else {"asyncio": asyncio.new_event_loop}


@pytest.fixture(params=TRANSPORTS)
def make_transport(request: pytest.FixtureRequest) -> MakeTransport:
    """Each transport in turn."""
    return TRANSPORTS[request.param]


@pytest.fixture
def aws_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No AWS setting of this machine is seen: only what a test writes to this folder or sets."""
    for name in list(os.environ):
        if name.startswith("AWS_") or name.lower().endswith(("_proxy", "_ca_bundle")):
            monkeypatch.delenv(name)
    folder = tmp_path / "aws"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(folder / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(folder / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return folder


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The certificate authority that the tests trust."""
    return Authority.make(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def foreign_authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A certificate authority that the tests do not trust."""
    return Authority.make(tmp_path_factory.mktemp("foreign"))
