"""Loads as users run them: the command in a process of its own, against an emulator in another."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

import pytest

from loader.emulator import ACCESS_KEY_ID, SECRET_ACCESS_KEY
from tests.load.known_rate import know_rate
from tests.prepared.starts import run, start

INSTANCE = "8928ae12-15e5-4441-825d-ec2184f0a43a"


@dataclass(frozen=True, slots=True)
class EmulatorProcess:
    """A running emulator and where it writes."""

    url: str
    lake: Path
    ledger: Path

    def flush(self) -> None:
        """Wait until everything that was accepted is in the files: they are written in batches."""
        with urlopen(f"{self.url}/_emulator/lake", timeout=60) as answer:
            answer.read()


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[EmulatorProcess]:
    with emulator_process(tmp_path) as running:
        yield running


@contextmanager
def emulator_process(folder: Path, *flags: str) -> Iterator[EmulatorProcess]:
    """Run ``scn-loader emulator`` with some flags."""
    lake, ledger = folder / "lake.sqlite", folder / "ledger.sqlite"
    command = ["emulator", "--port", "0", "--until-stdin-ends", *flags]
    with start(
        [*command, "--lake", lake, "--ledger", ledger],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[-1]
        know_rate(url, INSTANCE)
        yield EmulatorProcess(url, lake, ledger)
        process.terminate()


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, str]:
    """The environment of a machine that knows the emulator's keys and nothing else."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "SCN_LOADER_")):
            monkeypatch.delenv(name)
    settings = {
        "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
        "AWS_REGION": "us-east-1",
        "AWS_CONFIG_FILE": str(tmp_path / "no-config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "no-credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return settings


Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def scn_loader(environment: dict[str, str], tmp_path: Path) -> Run:
    """Run ``scn-loader ARGUMENTS`` to its end in an empty folder."""
    folder = tmp_path / "cwd"
    folder.mkdir()

    def scn_loader(*arguments: object) -> "subprocess.CompletedProcess[str]":
        return run(arguments, cwd=folder, text=True)

    return scn_loader
