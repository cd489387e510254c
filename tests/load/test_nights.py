"""Nights of one job over an inbox: new, repeated, killed and empty ones. Nothing is lost or doubled."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from loader import Job
from loader.emulator import Emulator, EmulatorSettings, running_emulator
from loader.errors import CheckpointMismatch, ExitCode, Interrupted, LoaderError, NothingToLoad
from loader.job import Keep
from loader.job.sections import Unfinished
from loader.loading.api import open_and_run
from loader.loading.observers import Ending, Observers
from loader.model import EventResult
from loader.status.earlier import earlier_values, read_earlier
from loader.status.overview import read_overview

HEADER = "reservation_id,reservation_detail_id\n"
INSTANCE = "8928ae12-15e5-4441-825d-ec2184f0a43a"


class Inbox:
    """A folder that files come into, and the job that loads it each night."""

    def __init__(self, folder: Path, emulator: Emulator) -> None:
        self.folder = folder / "inbox"
        self.folder.mkdir()
        self.run_dir = folder / "run"
        self.emulator = emulator
        self.keys: set[str] = set()

    def put(self, name: str, *keys: str) -> Path:
        """Write a file of one row for each key."""
        self.keys |= set(keys)
        path = self.folder / name
        path.write_text(HEADER + "".join(f"{key},1\n" for key in keys))
        return path

    async def load(self, *, stop_after: int | None = None, **settings: Any) -> Ending:
        """Load the inbox as one night does; stop it when so many events were accepted."""
        job = Job(
            extract=settings.pop("extract", [str(self.folder / "*.csv")]),
            event_type="scn.data.reservation",
            instance_id=INSTANCE,
            endpoint_url=self.emulator.url,
            run_dir=self.run_dir,
            max_in_flight=1,
            **settings,
        )
        seen = 0

        def count(_: EventResult) -> None:
            nonlocal seen
            seen += 1
            if seen == stop_after:
                observers.stop(Interrupted("stopped by the test"))

        observers = Observers(on_result=count)
        return await open_and_run(job, observers)

    def accepted(self) -> int:
        """Return how many events the service accepted, every one counted."""
        return int(self.emulator.summary()["accepted"])


@pytest.fixture
async def inbox(environment: dict[str, str], tmp_path: Path) -> AsyncIterator[Inbox]:
    async with running_emulator(EmulatorSettings(lake_path=tmp_path / "lake.sqlite")) as emulator:
        yield Inbox(tmp_path, emulator)


async def test_files_that_were_delivered_are_left_out(inbox: Inbox, caplog: pytest.LogCaptureFixture) -> None:
    """Also after a rename, and after other nights; a changed one is sent whole; --again sends all."""
    first = inbox.put("a.csv", "A1", "A2")
    assert (await inbox.load()).summary.exit_code == 0
    inbox.put("b.csv", "B1")
    ended = await inbox.load()
    assert (ended.summary.exit_code, ended.summary.rows_read, inbox.accepted()) == (0, 1, 3)
    assert "1 file is left out" in caplog.text

    ended = await inbox.load()  # nothing is new: the same load, finished
    assert (ended.summary.exit_code, ended.summary.attempts, inbox.accepted()) == (0, 0, 3)
    first.rename(first.with_name("c.csv"))
    (inbox.folder / "b.csv").unlink()
    ended = await inbox.load()
    assert (ended.summary.exit_code, ended.summary.nothing_new, inbox.accepted()) == (0, True, 3)

    inbox.put("c.csv", "A1", "A2", "A3")
    inbox.put("a.csv", "A1", "A2")
    caplog.clear()
    ended = await inbox.load()
    assert (ended.summary.rows_read, inbox.accepted()) == (3, 6)
    inbox.put("c.csv", "A4")
    caplog.clear()
    await inbox.load()
    assert "1 file has changed since delivery" in caplog.text
    ended = await inbox.load(again=True)
    assert ended.summary.rows_read == 3


async def test_a_killed_night_and_a_new_file(inbox: Inbox, caplog: pytest.LogCaptureFixture) -> None:
    """Stop names the files and both ways; resume finishes first and then loads what came since."""
    inbox.put("a.csv", *(f"A{number}" for number in range(20)))
    ended = await inbox.load(stop_after=5)
    assert ended.summary.exit_code is ExitCode.INTERRUPTED
    inbox.put("b.csv", "B1", "B2")
    with pytest.raises(CheckpointMismatch, match="unfinished load of other files") as refused:
        await inbox.load()
    assert "b.csv: not part of the load" in refused.value.why
    assert "--unfinished resume" in refused.value.next_step
    ended = await inbox.load(unfinished=Unfinished.RESUME)
    assert (ended.summary.exit_code, ended.summary.rows_read) == (0, 2)
    assert ended.summary.before is not None
    assert (ended.summary.before.rows_read, inbox.accepted()) == (20, 22)
    assert (await inbox.load()).summary.attempts == 0


async def test_a_changed_file_of_an_unfinished_load_must_be_restored_first(inbox: Inbox) -> None:
    """Resuming would be refused: the file is named, and superseding stays the other way."""
    path = inbox.put("a.csv", *(f"A{number}" for number in range(20)))
    content = path.read_text()
    await inbox.load(stop_after=5)
    path.write_text(content.replace("A7,", "B7,"))
    with pytest.raises(CheckpointMismatch, match="unfinished load of other files") as refused:
        await inbox.load()
    assert f"restore {path} as it was, then finish the unfinished load" in refused.value.next_step
    path.unlink()
    inbox.put("b.csv", "B1")
    with pytest.raises(CheckpointMismatch, match="unfinished load of other files") as refused:
        await inbox.load()
    assert f"restore {path} as it was, then finish the unfinished load" in refused.value.next_step
    (inbox.folder / "c.csv").write_text(content)  # the same file under another name
    with pytest.raises(CheckpointMismatch, match="unfinished load of other files") as refused:
        await inbox.load()
    assert "finish the unfinished load first" in refused.value.next_step


async def test_an_unfinished_load_finds_its_files_by_their_stored_paths(inbox: Inbox) -> None:
    """Its files need not be named again, a bracket in a path is no glob, and a table that came is ignored."""
    inbox.put("a [1].csv", *(f"A{number}" for number in range(20)))
    await inbox.load(stop_after=5)
    (inbox.folder / "_delta_log").mkdir()
    (inbox.folder / "_delta_log" / "00000000000000000000.json").write_text("{}")
    other = inbox.folder.parent / "other.csv"
    other.write_text(HEADER + "B1,1\n")
    ended = await inbox.load(extract=[str(other)], unfinished=Unfinished.RESUME)
    assert (ended.summary.exit_code, inbox.accepted()) == (0, 21)


async def test_files_that_waited_and_cannot_be_loaded(inbox: Inbox) -> None:
    """The unfinished load was delivered, so the code is not that of a refusal before anything was sent."""
    inbox.put("a.csv", *(f"A{number}" for number in range(20)))
    await inbox.load(stop_after=5)
    (inbox.folder / "b.csv").write_text("another_column\n1\n")
    ended = await inbox.load(unfinished=Unfinished.RESUME)
    assert (ended.summary.exit_code, ended.summary.events_accepted) == (ExitCode.STOPPED_RESUMABLE, 20)
    assert ended.error is not None
    assert ended.error.exit_code is ExitCode.REFUSED
    with pytest.raises(LoaderError) as refused:
        await inbox.load(unfinished=Unfinished.RESUME)
    assert refused.value.exit_code is ExitCode.REFUSED


async def test_an_unfinished_load_whose_file_is_gone(inbox: Inbox, caplog: pytest.LogCaptureFixture) -> None:
    """It cannot be resumed, which is said with the file's name; superseding says what is lost."""
    first = inbox.put("a.csv", *(f"A{number}" for number in range(20)))
    await inbox.load(stop_after=5)
    first.unlink()
    inbox.put("b.csv", "B1")
    with pytest.raises(CheckpointMismatch, match="gone or changed") as refused:
        await inbox.load(unfinished=Unfinished.RESUME)
    assert "a.csv" in refused.value.why
    ended = await inbox.load(unfinished=Unfinished.SUPERSEDE)
    assert (ended.summary.exit_code, ended.summary.rows_read) == (0, 1)
    assert "1 file of the superseded load" in caplog.text
    assert "a.csv" in caplog.text


async def test_keep_removes_loads_and_not_the_memory_of_their_files(
    inbox: Inbox, caplog: pytest.LogCaptureFixture
) -> None:
    """The inbox keeps all files and the run directory one earlier load; each file is sent once."""
    for night in range(5):
        inbox.put(f"{night}.csv", f"N{night}")
        with caplog.at_level("INFO", logger="loader"):
            assert (await inbox.load(keep=Keep(loads=1))).summary.exit_code == 0
    assert len(list(inbox.run_dir.glob("checkpoint-*.sqlite"))) == 1
    assert "Earlier loads were removed by --keep 1." in caplog.text
    ended = await inbox.load(keep=Keep(loads=0))  # the present load again: nothing to send
    assert (ended.summary.exit_code, inbox.accepted()) == (0, 5)
    assert list(inbox.run_dir.glob("checkpoint-*.sqlite")) == []
    values = earlier_values(read_earlier(read_overview(inbox.run_dir, 0.0), 0.0))
    assert (values["keep"], values["earlier_removed"], values["earlier"]) == ("0", 4, [])


async def test_a_night_of_rows_that_do_not_fit_blames_the_mapping(inbox: Inbox) -> None:
    """Every row lacks the same column: one reason for all. With a second reason it is not the mapping."""
    inbox.put("a.csv").write_text(f"{HEADER},1\n,2\n")
    ended = await inbox.load()
    assert (ended.summary.end, ended.summary.exit_code) == ("none_delivered", 1)
    assert ended.summary.rejected_because.startswith("column 'reservation_id': ")
    inbox.put("b.csv").write_text(f"{HEADER},1\nA,\n")
    ended = await inbox.load()
    assert (ended.summary.rows_rejected, ended.summary.rejected_because) == (2, "")


NIGHTS = 7
MONTH = 30


@pytest.mark.parametrize("nights", [NIGHTS, pytest.param(MONTH, marks=pytest.mark.soak)])
async def test_the_lake_is_the_union_of_the_files(inbox: Inbox, tmp_path: Path, nights: int) -> None:
    """Each night brings a file, or repeats, or is killed, or is empty; each row arrives, and arrives once."""
    for night in range(nights):
        kind = ("new", "killed", "new", "repeated", "empty", "renamed", "new")[night % 7]
        name = f"orders_{night:02d}.csv"
        if kind in {"new", "killed"}:
            inbox.put(name, *(f"N{night}-{row}" for row in range(30)))
        elif kind == "renamed":
            (inbox.folder / f"orders_{night - 3 - night % 7 % 3:02d}.csv").rename(inbox.folder / name)
        elif kind == "empty":
            inbox.put(name)
        stop_after = 7 if kind == "killed" else None
        try:
            ended = await inbox.load(unfinished=Unfinished.RESUME, stop_after=stop_after)
            code = ended.summary.exit_code
        except NothingToLoad as nothing:
            code = nothing.exit_code
        expected = {"killed": ExitCode.INTERRUPTED, "empty": ExitCode.NOTHING_TO_LOAD}
        assert code is expected.get(kind, ExitCode.DELIVERED), (night, kind)
        if kind == "empty":
            (inbox.folder / name).unlink()
    await inbox.load(unfinished=Unfinished.RESUME)
    assert inbox.accepted() == len(inbox.keys)
    await inbox.emulator.flush()
    with closing(sqlite3.connect(tmp_path / "lake.sqlite")) as lake:
        rows = lake.execute("SELECT reservation_id FROM reservation").fetchall()
    assert {key for (key,) in rows} == inbox.keys
    assert len(rows) == len(inbox.keys)
