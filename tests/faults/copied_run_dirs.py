"""Run directories as a copy, a lost part or a damaged disk leaves them.

One load is run and killed; while it runs, its run directory is copied at several moments. Each draw begins
with one of the copies, some of them torn, and with the ledger of that load.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from loader.checkpoint.file_names import CHECKPOINT_NAME
from tests.faults.extracts import ExtractShape, random_rows, write_extract
from tests.faults.harness import Trial

SHAPE = ExtractShape(rows=30, groups=30)

WAL_NAME = f"{CHECKPOINT_NAME}-wal"
PAGE_BYTES = 4096

COPIES = ("killed", "taken early", "log before database", "database before log")
"""When and how the copy was taken."""

Tear = Callable[[Path, Random], None]


def _cut(name: str) -> Tear:
    def cut(run_dir: Path, chance: Random) -> None:
        path = run_dir / name
        if path.exists():
            content = path.read_bytes()
            path.write_bytes(content[: chance.randint(0, len(content))])

    return cut


def _without(name: str) -> Tear:
    return lambda run_dir, _: (run_dir / name).unlink(missing_ok=True)


def _page_of_zeros(run_dir: Path, chance: Random) -> None:
    path = run_dir / CHECKPOINT_NAME
    pages = path.stat().st_size // PAGE_BYTES
    with path.open("r+b") as file:
        file.seek(PAGE_BYTES * chance.randrange(max(pages, 1)))
        file.write(bytes(PAGE_BYTES))


def _rubbish_in_the_log(run_dir: Path, chance: Random) -> None:
    path = run_dir / WAL_NAME
    content = bytearray(path.read_bytes()) if path.exists() else bytearray()
    for _ in range(min(10, len(content))):
        content[chance.randrange(len(content))] ^= 0xFF
    path.write_bytes(content)


TEARS: dict[str, Tear] = {
    "whole": lambda _, __: None,
    "no log": _without(WAL_NAME),
    "no index of the log": _without(f"{CHECKPOINT_NAME}-shm"),
    "no database": _without(CHECKPOINT_NAME),
    "no lock": _without("load.lock"),
    "database cut": _cut(CHECKPOINT_NAME),
    "log cut": _cut(WAL_NAME),
    "page of zeros": _page_of_zeros,
    "rubbish in the log": _rubbish_in_the_log,
}
"""What happened to the copy."""


@dataclass(frozen=True, slots=True)
class KilledLoad:
    """A load that was killed, and the copies of its run directory.

    Attributes:
        folder: Holds its extract, its ledger, and a folder for each of COPIES.
    """

    folder: Path

    def put_into(self, trial: Trial, copy: str, tear: str, chance: Random) -> None:
        """Let a trial begin with a copy of the run directory and with the ledger."""
        shutil.copytree(self.folder / copy, trial.run_dir)
        TEARS[tear](trial.run_dir, chance)
        for part in self.folder.glob("ledger.sqlite*"):
            shutil.copyfile(part, trial.folder / part.name)


async def killed_load(folder: Path) -> KilledLoad:
    """Run a load, copy its run directory at several moments, and kill it.

    Args:
        folder: An empty folder.
    """
    trial = Trial(folder)
    extract = folder / "extract.csv"
    write_extract(extract, random_rows(Random(1), SHAPE))
    trial.settings["extract"] = (str(extract),)
    log_first, database_first = folder / COPIES[2], folder / COPIES[3]
    async with trial.service(latency_seconds=0.01) as emulator:
        run = await trial.start(emulator.url, "--rate", "40", "--burst", "1")
        assert await run.until(lambda: emulator.summary()["accepted"] >= 6)
        shutil.copytree(trial.run_dir, folder / COPIES[1])
        shutil.copytree(folder / COPIES[1], log_first)
        shutil.copytree(folder / COPIES[1], database_first)
        assert await run.until(lambda: emulator.summary()["accepted"] >= 14)
        shutil.copyfile(trial.run_dir / CHECKPOINT_NAME, log_first / CHECKPOINT_NAME)
        shutil.copyfile(trial.run_dir / WAL_NAME, database_first / WAL_NAME)
        assert await run.until(lambda: emulator.summary()["accepted"] >= 20)
        await run.kill()
    trial.run_dir.rename(folder / COPIES[0])
    return KilledLoad(folder)
