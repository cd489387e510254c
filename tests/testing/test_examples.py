"""The scripts in ``examples`` do what they say."""

import asyncio
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"

pytest_plugins = ["loader.testing.fixtures"]


@pytest.fixture
def arrived(scn_emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Run in an empty folder, with the environment of the emulator."""
    monkeypatch.chdir(tmp_path)
    return lambda: [record["tpartner_id"] for record in scn_emulator.records("inbound_order")]


def test_from_pandas(arrived) -> None:
    """Both orders arrive, with the zeros of their vendors."""
    assert importlib.import_module("examples.from_pandas").main().exit_code == 0
    assert sorted(arrived()) == ["000043", "000044"]


def test_in_a_notebook(arrived) -> None:
    """Loaded twice, the second time as a stream."""
    assert asyncio.run(importlib.import_module("examples.in_a_notebook").main()).events_accepted == 2
    assert sorted(arrived()) == ["000043", "000044"]


def test_from_dlt(arrived, scn_emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both reservations arrive, with their zeros."""
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "dlt"))
    monkeypatch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")
    importlib.import_module("examples.from_dlt").main()
    found = [record["reservation_id"] for record in scn_emulator.records("reservation")]
    assert sorted(found) == ["000043", "000044"]


def test_my_mapping(tmp_path: Path) -> None:
    """The tests run as a user runs them."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", "/dev/null"]
    ran = subprocess.run(
        [*command, str(EXAMPLES / "test_my_mapping.py")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "2 passed" in ran.stdout, ran.stdout
