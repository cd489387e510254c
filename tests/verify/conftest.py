"""The environment of the loads that are verified."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.load.conftest import EmulatorProcess, emulator_process, environment, scn_loader

__all__ = ["environment", "scn_loader"]


@pytest.fixture
def failing_emulator(tmp_path: Path) -> Iterator[EmulatorProcess]:
    """An emulator that refuses company c3 and lets the load of c4 fail."""
    with emulator_process(
        tmp_path, "--refuse-record-where", "id=c3", "--fail-load-where", "id=c4"
    ) as running:
        yield running
