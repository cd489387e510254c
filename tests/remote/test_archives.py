"""Archives of finished windows: written once, before the head, used by each later one, and never doubted."""

import resource
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from loader.checkpoint import Replacing, RunEnd
from loader.checkpoint.connections import connect
from loader.checkpoint.file_names import CHECKPOINT_NAME
from loader.checkpoint.reading import open_for_reading
from loader.errors import CheckpointCorrupt, CheckpointError
from loader.model import EventResult, EventState
from loader.remote.answers import ConditionFailed, Unreachable
from loader.remote.copies.archived import ARCHIVE_LIST_NAME
from loader.remote.copies.files import pack, unpack
from loader.remote.copies.heads import COPY_NAME
from loader.remote.pace import ArchiveSizes
from tests.checkpoint.sample_loads import Clock, accepted, event, put_aside, window_plan
from tests.remote.archived_loads import (
    NO_WINDOW,
    a_load,
    archives_in,
    content,
    copier_of,
    finish,
    placed,
    restored,
)
from tests.remote.memory_objects import MemoryObjects


@pytest.fixture
def objects() -> MemoryObjects:
    return MemoryObjects()


@pytest.fixture
def here(tmp_path: Path) -> Path:
    return tmp_path / "here"


def is_equal(objects: MemoryObjects, folder: Path, elsewhere: Path) -> bool:
    """Return whether the copy, restored elsewhere, is equal to the checkpoint of a folder."""
    return content(restored(objects, elsewhere)) == content(folder / CHECKPOINT_NAME)


async def test_a_finished_window_is_written_once(objects: MemoryObjects, here: Path, tmp_path: Path) -> None:
    """By this process, by the next one of this machine, and by one of another machine."""
    with a_load(here) as checkpoint:
        await finish(checkpoint, 0, 1, 2)
        copier = copier_of(objects, here)
        copier.copy(Clock())
        assert len(archives_in(objects)) == 3
        await finish(checkpoint, 3)
        copier.copy(Clock())
    there = archives_in(objects)
    assert len(there) == 4
    with a_load(here) as checkpoint:
        copier_of(objects, here).copy(Clock(), thorough=True)
    restored(objects, tmp_path / "there")
    with a_load(tmp_path / "there") as checkpoint:
        await finish(checkpoint, 4)
        copier_of(objects, tmp_path / "there").copy(Clock(), thorough=True)
    assert len(archives_in(objects) - there) == 1
    assert archives_in(objects) > there
    assert sorted(objects.bytes_put) == [*sorted(archives_in(objects)), COPY_NAME]
    assert is_equal(objects, tmp_path / "there", tmp_path / "third")


@pytest.mark.parametrize("seconds", [0, 100])
async def test_a_window_with_another_answer_is_in_the_head(
    objects: MemoryObjects, here: Path, tmp_path: Path, seconds: int
) -> None:
    """After a retry the archive no longer stands for it, also by a clock that stood still. A new one does."""
    with a_load(here) as checkpoint:
        await finish(checkpoint, 0, failed=3)
        copier_of(objects, here).copy(Clock())
        checkpoint.finish(RunEnd("failures", 1, complete=True))
    before = archives_in(objects)
    clock = Clock()
    clock.now += seconds
    with a_load(here, clock, retry_failed=True) as checkpoint:
        checkpoint.record(accepted(0, 3))
        await checkpoint.flush()
        copier_of(objects, here, NO_WINDOW).copy(clock)
        assert is_equal(objects, here, tmp_path / "there")
        assert archives_in(objects) == before
        copier_of(objects, here).copy(clock, thorough=True)
    after = archives_in(objects)
    assert len(after) == 1
    assert not after & before  # the old one is removed
    assert is_equal(objects, here, tmp_path / "later")


async def test_a_head_comes_after_its_archives(objects: MemoryObjects, here: Path, tmp_path: Path) -> None:
    """A process that is killed between the two leaves an archive without effect; the next one removes it."""
    with a_load(here) as checkpoint:
        copier_of(objects, here).copy(Clock())
        await finish(checkpoint, 0)

        def kill(method: str, name: str) -> None:
            if (method, name) == ("PUT", COPY_NAME):
                raise Unreachable("killed")

        objects.before = kill
        with pytest.raises(Unreachable):
            copier_of(objects, here).copy(Clock())
    objects.before = lambda _method, _name: None
    orphans = archives_in(objects)
    assert len(orphans) == 1
    restored(objects, tmp_path / "there")
    with a_load(tmp_path / "there") as checkpoint:
        assert checkpoint.totals().events_accepted == 0
        await finish(checkpoint, 0)
        copier_of(objects, tmp_path / "there").copy(Clock(), thorough=True)
    assert not archives_in(objects) & orphans
    assert is_equal(objects, tmp_path / "there", tmp_path / "third")


async def test_a_refused_writer_removes_nothing(objects: MemoryObjects, here: Path, tmp_path: Path) -> None:
    """Its archives do not count, and those of the other writer stay."""
    with a_load(here) as checkpoint:
        stale = copier_of(objects, here)
        stale.copy(Clock())
        restored(objects, tmp_path / "there")
        with a_load(tmp_path / "there") as other:
            await finish(other, 0)
            copier_of(objects, tmp_path / "there").copy(Clock(), thorough=True)
        there = archives_in(objects)
        await finish(checkpoint, 0)
        with pytest.raises(ConditionFailed):
            stale.copy(Clock(), thorough=True)
        assert archives_in(objects) >= there
    assert is_equal(objects, tmp_path / "there", tmp_path / "third")


async def test_a_suspended_writer_removes_nothing_that_is_newer_than_its_head(
    objects: MemoryObjects, here: Path, tmp_path: Path
) -> None:
    """Between its head and its removals, another runner may have taken over."""
    with a_load(here) as checkpoint:
        await finish(checkpoint, 0)
        copier_of(objects, here).copy(Clock())

        taken: list[str] = []

        def take_over(method: str, name: str) -> None:
            if (method, name) == ("PUT", COPY_NAME) and not taken:
                taken.append(name)
                objects.kept["archives/000002-of-the-next.sqlite.zst"] = objects.kept[COPY_NAME]

        objects.kept["archives/000001-an-orphan.sqlite.zst"] = objects.kept[COPY_NAME]
        objects.after = take_over
        copier_of(objects, here).copy(Clock(), thorough=True)
    assert taken
    assert "archives/000002-of-the-next.sqlite.zst" in objects.kept
    assert "archives/000001-an-orphan.sqlite.zst" not in objects.kept


async def test_two_writers_never_write_the_same_archive(objects: MemoryObjects, here: Path) -> None:
    """Not even of the same content, so that the removal of one never takes that of the other."""
    with a_load(here) as checkpoint:
        await finish(checkpoint, 0)
        for _ in range(2):
            copier_of(objects, here).copy(Clock())
            (here / ARCHIVE_LIST_NAME).unlink()
    first, second = archives_in(objects)
    assert first.split("-")[:2] == second.split("-")[:2]
    assert first != second


async def test_restart_begins_a_new_list(objects: MemoryObjects, here: Path, tmp_path: Path) -> None:
    """The windows of the next load have the same numbers, and other receipts."""
    with a_load(here) as checkpoint:
        await finish(checkpoint, 0, 1)
        copier_of(objects, here).copy(Clock())
    before = archives_in(objects)
    with a_load(here, replacing=Replacing(restart=True)) as checkpoint:
        copier_of(objects, here).copy(Clock(), thorough=True)
        assert archives_in(objects) == set()
        await finish(checkpoint, 0)
        copier_of(objects, here).copy(Clock())
    assert len(archives_in(objects)) == 1
    assert not archives_in(objects) & before
    assert is_equal(objects, here, tmp_path / "there")


async def test_a_removed_archive_is_written_again_by_the_machine_that_has_its_rows(
    objects: MemoryObjects, here: Path, tmp_path: Path
) -> None:
    """At its next start, or at its end: somebody's rule removed old objects."""
    with a_load(here) as checkpoint:
        await finish(checkpoint, 0, 1)
        copier = copier_of(objects, here)
        copier.copy(Clock())
        del objects.kept[min(archives_in(objects))]
        copier.copy(Clock(), thorough=True)
    assert len(archives_in(objects)) == 2
    assert is_equal(objects, here, tmp_path / "there")


async def test_an_archive_is_listed_after_s3_acknowledged_it(
    objects: MemoryObjects, here: Path, tmp_path: Path
) -> None:
    """An upload that fails is tried again; no head refers to it before."""
    with a_load(here) as checkpoint:
        await finish(checkpoint, 0)

        def cut(method: str, name: str) -> None:
            if method == "PUT" and name != COPY_NAME:
                objects.before = lambda _method, _name: None
                raise Unreachable("cut")

        objects.before = cut
        copier = copier_of(objects, here)
        with pytest.raises(Unreachable):
            copier.copy(Clock())
        assert objects.kept == {}
        copier.copy(Clock())
    assert len(archives_in(objects)) == 1
    assert is_equal(objects, here, tmp_path / "there")


async def test_an_orphan_that_cannot_be_removed_does_no_harm(objects: MemoryObjects, here: Path) -> None:
    with a_load(here) as checkpoint:
        await finish(checkpoint, 0)
        copier = copier_of(objects, here)
        copier.copy(Clock())
        objects.kept["archives/000001-an-orphan.sqlite.zst"] = objects.kept[COPY_NAME]

        def refuse(method: str, name: str) -> None:
            if method == "DELETE":
                raise CheckpointError("AccessDenied", where=name)

        objects.before = refuse
        copier.copy(Clock(), thorough=True)
    assert len(archives_in(objects)) == 2


async def test_a_window_that_lost_a_slice_is_in_the_head(
    objects: MemoryObjects, here: Path, tmp_path: Path
) -> None:
    """Damage on this machine: the copy has what the checkpoint has, and not a mixture of two states."""
    with a_load(here) as checkpoint:
        checkpoint.begin_slice(placed(window_plan(0)))
        for index in range(8):
            checkpoint.record(put_aside(0, index))
        await checkpoint.flush()
        copier_of(objects, here).copy(Clock())
    assert len(archives_in(objects)) == 1
    with closing(connect(here / CHECKPOINT_NAME)) as connection:
        connection.execute("DELETE FROM slices WHERE window = 0")
    with a_load(here) as checkpoint:
        assert checkpoint.disagreement.windows
        copier_of(objects, here).copy(Clock())
    assert is_equal(objects, here, tmp_path / "there")


async def test_a_checkpoint_that_was_put_back_has_its_own_receipts(
    objects: MemoryObjects, here: Path, tmp_path: Path
) -> None:
    """The same load, window and number of receipts as in the archive, but other receipts."""
    clock = Clock()
    with a_load(here, clock) as checkpoint:
        checkpoint.begin_slice(window_plan(0))
    backup = (here / CHECKPOINT_NAME).read_bytes()
    for text in ("first", "second"):
        (here / CHECKPOINT_NAME).write_bytes(backup)
        clock.now += 10
        with a_load(here, clock) as checkpoint:
            for index in range(8):
                receipt = f"{text} {index}"
                checkpoint.record(EventResult(event(0, index), EventState.ACCEPTED, receipt, attempts=1))
            await checkpoint.flush()
            copier_of(objects, here).copy(clock)
    assert is_equal(objects, here, tmp_path / "there")


@pytest.fixture
async def in_s3(objects: MemoryObjects, here: Path) -> str:
    """A copy with archives; the name of one of them."""
    with a_load(here) as checkpoint:
        await finish(checkpoint, 0, 1)
        copier_of(objects, here).copy(Clock())
    return max(archives_in(objects))


@pytest.mark.parametrize("how", ["missing", "damaged", "other", "truncated"])
async def test_a_copy_without_all_its_archives_is_refused(
    objects: MemoryObjects, in_s3: str, tmp_path: Path, how: str
) -> None:
    """With the name of the object; the checkpoint of this machine stays as it is."""
    if how == "missing":
        del objects.kept[in_s3]
    elif how == "damaged":
        objects.damage(in_s3)
    elif how == "other":
        objects.kept[in_s3] = objects.kept[min(archives_in(objects))]
    else:
        objects.kept[in_s3] = replace(objects.kept[in_s3], body=objects.kept[in_s3].body[:-9])
    folder = tmp_path / "there"
    with a_load(folder):
        pass
    before = content(folder / CHECKPOINT_NAME)
    with pytest.raises(CheckpointCorrupt) as refused:
        restored(objects, folder)
    assert in_s3 in refused.value.where
    assert content(folder / CHECKPOINT_NAME) == before


def change_head(objects: MemoryObjects, folder: Path, statement: str) -> None:
    """Change the head in S3 by a statement of SQL."""
    folder.mkdir()
    (folder / "packed").write_bytes(objects.kept[COPY_NAME].body)
    unpack(folder / "packed", folder / "plain")
    with closing(sqlite3.connect(folder / "plain", isolation_level=None)) as connection:
        connection.execute(statement)
    pack(folder / "plain", folder / "changed")
    body = (folder / "changed").read_bytes()
    objects.kept[COPY_NAME] = replace(objects.kept[COPY_NAME], body=body)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE archived SET accepted = accepted - 1 WHERE window = 1",
        "UPDATE archived SET window = 9 WHERE window = 1",
        "INSERT INTO receipts VALUES (1, x'00')",
        "DROP TABLE slices",
        "PRAGMA application_id = 1",
    ],
)
async def test_a_head_that_contradicts_its_archive_is_refused(
    objects: MemoryObjects, in_s3: str, tmp_path: Path, statement: str
) -> None:
    """No row of another state is restored, none is left out, and no file of another program is restored."""
    change_head(objects, tmp_path / "head", statement)
    with pytest.raises(CheckpointCorrupt):
        restored(objects, tmp_path / "there")
    assert not (tmp_path / "there" / CHECKPOINT_NAME).exists()


async def test_a_head_of_a_later_version_is_refused_as_one(
    objects: MemoryObjects, in_s3: str, tmp_path: Path
) -> None:
    """Its archives may have another form: the error names the versions."""
    change_head(objects, tmp_path / "head", "PRAGMA user_version = 1099")
    restored(objects, tmp_path / "there")
    with (
        pytest.raises(CheckpointError, match="newer version of the loader"),
        open_for_reading(tmp_path / "there", alive=False),
    ):
        pass


async def test_a_copy_that_is_replaced_while_it_is_read_is_read_again(
    objects: MemoryObjects, in_s3: str, here: Path, tmp_path: Path
) -> None:
    """Its writer removed an archive of the head that was read: no damage, and worth another try."""

    def take(method: str, name: str) -> None:
        if (method, name) == ("GET", in_s3):
            objects.before = lambda _method, _name: None
            with a_load(here, replacing=Replacing(restart=True)):
                copier_of(objects, here).copy(Clock(), thorough=True)

    objects.before = take
    with pytest.raises(Unreachable, match="was removed while it was read"):
        restored(objects, tmp_path / "there")
    assert is_equal(objects, here, tmp_path / "there")


async def test_a_full_disk_is_not_damage(objects: MemoryObjects, here: Path, tmp_path: Path) -> None:
    """The head fits on the disk, and the rows of its archive do not."""
    with a_load(here) as checkpoint:
        checkpoint.begin_slice(placed(window_plan(0, 4000)))
        for index in range(4000):
            checkpoint.record(accepted(0, index))
        await checkpoint.flush()
        copier_of(objects, here).copy(Clock())
    (tmp_path / "packed").write_bytes(objects.kept[COPY_NAME].body)
    unpack(tmp_path / "packed", tmp_path / "plain")
    enough = (tmp_path / "plain").stat().st_size + 2**14
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (enough, hard))
    try:
        with pytest.raises(OSError, match="disk"):
            restored(objects, tmp_path / "there")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert is_equal(objects, here, tmp_path / "there")


async def test_a_killed_restore_leaves_no_list_of_another_checkpoint(
    objects: MemoryObjects, in_s3: str, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list of the replaced checkpoint goes before the new one comes."""
    real = Path.rename

    def killed(path: Path, target: Path) -> Path:
        if target.name == ARCHIVE_LIST_NAME:
            raise KeyboardInterrupt
        return real(path, target)

    monkeypatch.setattr(Path, "rename", killed)
    with pytest.raises(KeyboardInterrupt):
        restored(objects, here)
    assert not (here / ARCHIVE_LIST_NAME).exists()


async def test_a_head_with_archives_is_refused_as_a_checkpoint(
    objects: MemoryObjects, in_s3: str, tmp_path: Path
) -> None:
    """An earlier version of the loader would send everything again, without its receipts."""
    (tmp_path / "packed").write_bytes(objects.kept[COPY_NAME].body)
    unpack(tmp_path / "packed", tmp_path / CHECKPOINT_NAME)
    with (
        pytest.raises(CheckpointError, match="newer version of the loader"),
        open_for_reading(tmp_path, alive=False),
    ):
        pass


async def test_a_copy_without_archives_is_a_checkpoint(
    objects: MemoryObjects, here: Path, tmp_path: Path
) -> None:
    """As earlier versions wrote it: it is read, and continued with archives."""
    with a_load(here) as checkpoint:
        await finish(checkpoint, 0, 1)
        copier_of(objects, here, NO_WINDOW).copy(Clock())
    assert archives_in(objects) == set()
    (tmp_path / "packed").write_bytes(objects.kept[COPY_NAME].body)
    unpack(tmp_path / "packed", tmp_path / CHECKPOINT_NAME)
    assert content(tmp_path / CHECKPOINT_NAME) == content(here / CHECKPOINT_NAME)
    restored(objects, tmp_path / "there")
    with a_load(tmp_path / "there"):
        copier_of(objects, tmp_path / "there").copy(Clock(), thorough=True)
    assert len(archives_in(objects)) == 2
    assert is_equal(objects, tmp_path / "there", tmp_path / "third")


async def test_a_checkpoint_of_another_version_is_copied_as_it_is(
    objects: MemoryObjects, here: Path, in_s3: str, tmp_path: Path
) -> None:
    """It may refer to archives in a way that this version does not know: none is removed."""
    with closing(connect(here / CHECKPOINT_NAME)) as connection:
        connection.execute("PRAGMA user_version = 1099")
    there = archives_in(objects)
    copier_of(objects, here).copy(Clock(), thorough=True)
    assert archives_in(objects) == there
    assert is_equal(objects, here, tmp_path / "there")


@pytest.mark.parametrize("from_page", [0, 2])
async def test_an_unreadable_list_is_an_empty_one(
    objects: MemoryObjects, here: Path, in_s3: str, from_page: int
) -> None:
    """Also if only its later pages are damaged."""
    whole = (here / ARCHIVE_LIST_NAME).read_bytes()
    damaged = whole[: from_page * 4096].ljust(len(whole), b"\xff")
    (here / ARCHIVE_LIST_NAME).write_bytes(damaged)
    copier_of(objects, here).copy(Clock(), thorough=True)
    assert len(archives_in(objects)) == 2
    assert in_s3 not in objects.kept


def sizes_of(sizes: ArchiveSizes, total_bytes: int) -> Iterator[int]:
    """Yield the sizes of the archives of a load that grows to a size."""
    archived = 0
    while archived + sizes.enough(archived) <= total_bytes:
        yield sizes.enough(archived)
        archived += sizes.enough(archived)


def test_archives_are_few_and_the_head_stays_small() -> None:
    """Of 10 million events: what is not archived yet is less than a copy of every event would be by far."""
    sizes = list(sizes_of(ArchiveSizes(), 24 * 10**7))
    assert len(sizes) < 120
    assert max(sizes) <= 4 * 2**20
    early = list(sizes_of(ArchiveSizes(), 24 * 10**5))
    assert max(early) < 2 * 2**20 / 5


async def test_an_archive_is_made_only_of_enough_windows(objects: MemoryObjects, here: Path) -> None:
    with a_load(here) as checkpoint:
        copier = copier_of(objects, here, ArchiveSizes(least_bytes=700, most_bytes=10**6))
        for window, archives in enumerate([0, 0, 1, 1, 1, 2]):
            await finish(checkpoint, window)
            copier.copy(Clock())
            assert len(archives_in(objects)) == archives


async def test_archives_grow_within_one_copy_too(objects: MemoryObjects, here: Path) -> None:
    """The first copy of a large checkpoint, as an earlier version left it: 1, 1, 2, 4 and 8 windows."""
    with a_load(here) as checkpoint:
        await finish(checkpoint, *range(20))
        copier_of(objects, here, ArchiveSizes(least_bytes=320, most_bytes=10**6, share=1.0)).copy(Clock())
    assert len(archives_in(objects)) == 5
