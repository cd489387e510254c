"""Opening a run directory in every state it can be in."""

import asyncio
import os
import shutil
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loader.checkpoint import Checkpoint, Replacing, RunEnd, open_checkpoint
from loader.checkpoint.connections import connect
from loader.checkpoint.file_names import CHECKPOINT_NAME
from loader.checkpoint.schema import FORMAT_VERSION
from loader.errors import CheckpointCorrupt, CheckpointError, CheckpointMismatch
from tests.checkpoint.sample_loads import (
    WINDOW_ROWS,
    accepted,
    contents,
    ended_complete,
    load_plan,
    put_aside,
    receipts_of,
    source_file,
    up_to,
    window_plan,
)

DONE = RunEnd("done", 0, complete=True)
STOPPED = RunEnd("interrupted", 130, complete=False)


def begin(run_dir: Path, end: RunEnd | None = STOPPED) -> str:
    """Begin a load of one window with three answers, end it, and return its id."""
    with open_checkpoint(run_dir, load_plan()) as checkpoint:
        checkpoint.begin_slice(window_plan())
        checkpoint.record(accepted(0, 0))
        checkpoint.record(accepted(0, 1))
        checkpoint.record(put_aside(0, 2))
        if end is not None:
            checkpoint.finish(end)
        return checkpoint.load_id


async def killed_run_dir(tmp_path: Path) -> Path:
    """Return a run directory as a kill leaves it: copied while the log holds all of the work."""
    with open_checkpoint(tmp_path / "original", load_plan()) as checkpoint:
        checkpoint.begin_slice(window_plan())
        await checkpoint.mark_sendable(up_to(0, 7))
        checkpoint.record(accepted(0, 0))
        await checkpoint.flush()
        shutil.copytree(tmp_path / "original", tmp_path / "killed")
    return tmp_path / "killed"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def test_only_the_owner_may_read_what_is_made(tmp_path: Path) -> None:
    """The directory has mode 0700 and every file in it 0600 at all times, whatever the umask."""
    before = os.umask(0)
    try:
        with open_checkpoint(tmp_path / "deep" / "run", load_plan()) as checkpoint:
            checkpoint.begin_slice(window_plan())
            await checkpoint.flush()
            names = {path.name: mode(path) for path in checkpoint.run_dir.iterdir()}
            assert names.keys() >= {CHECKPOINT_NAME, f"{CHECKPOINT_NAME}-wal", "load.lock"}
            assert set(names.values()) == {0o600}
            assert mode(checkpoint.run_dir) == 0o700
    finally:
        os.umask(before)


def test_other_files_in_the_directory_are_left_alone(tmp_path: Path) -> None:
    """A directory that exists, with files of its own and another mode, is used as it is."""
    tmp_path.chmod(0o755)
    (tmp_path / "notes.txt").write_text("mine")
    begin(tmp_path)
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert mode(tmp_path) == 0o755


def test_a_closed_checkpoint_is_one_file(tmp_path: Path) -> None:
    """Copying the one file copies everything: no log is left beside it."""
    load_id = begin(tmp_path / "run")
    assert contents(tmp_path / "run").keys() == {CHECKPOINT_NAME}
    (tmp_path / "copy").mkdir()
    shutil.copy(tmp_path / "run" / CHECKPOINT_NAME, tmp_path / "copy")
    with open_checkpoint(tmp_path / "copy", load_plan()) as checkpoint:
        assert (checkpoint.load_id, checkpoint.totals().events_accepted) == (load_id, 2)


async def test_the_log_of_a_killed_run_is_read(tmp_path: Path) -> None:
    """What a killed run had committed is there, with or without the log's index beside it."""
    killed = await killed_run_dir(tmp_path)
    shutil.copytree(killed, tmp_path / "moved", ignore=shutil.ignore_patterns("*-shm"))
    for run_dir in (killed, tmp_path / "moved"):
        with open_checkpoint(run_dir, load_plan()) as checkpoint:
            progress = checkpoint.progress.of_window(0)
            assert progress is not None
            assert (list(progress.accepted), len(progress.in_doubt)) == ([0], WINDOW_ROWS - 1)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(share=st.floats(0, 1))
def test_a_torn_log_costs_no_more_than_its_tail(
    tmp_path_factory: pytest.TempPathFactory, share: float
) -> None:
    """Wherever a power loss cut the log, the load resumes with a prefix of the commits."""
    folder = tmp_path_factory.mktemp("torn")
    killed = asyncio.run(killed_run_dir(folder))
    log = killed / f"{CHECKPOINT_NAME}-wal"
    log.write_bytes(log.read_bytes()[: round(share * log.stat().st_size)])
    with open_checkpoint(killed, load_plan()) as checkpoint:
        progress = checkpoint.progress.of_window(0)
        states = (progress and list(progress.accepted), progress and len(progress.in_doubt))
        assert states in ((None, None), ([], 0), ([], WINDOW_ROWS), ([0], WINDOW_ROWS - 1))


@pytest.mark.parametrize("leave", [begin, None])
async def test_another_plan_is_refused_and_nothing_changes(
    tmp_path: Path, leave: Callable[[Path], str] | None
) -> None:
    """The block names each difference and the way out; not a byte of the run directory is touched."""
    if leave is None:
        run_dir = await killed_run_dir(tmp_path)
    else:
        run_dir = tmp_path / "run"
        leave(run_dir)
    before = contents(run_dir)
    other = replace(load_plan(pack="group"), files=[source_file(size_bytes=7)])
    with pytest.raises(CheckpointMismatch) as refused:
        open_checkpoint(run_dir, other)
    block = refused.value.block()
    assert 'setting pack: the load began with "row", now "group"' in block
    assert "file /extracts/orders_0.parquet: 1,000 bytes then, 7 now" in block
    assert "--restart" in block
    assert contents(run_dir) == before
    with open_checkpoint(run_dir, load_plan()) as checkpoint:
        assert checkpoint.resumed


async def test_restart_keeps_the_old_checkpoint_under_its_id(tmp_path: Path) -> None:
    """A restart begins a new load and deletes nothing, in any state of the old one."""
    run_dir = await killed_run_dir(tmp_path)
    with open_checkpoint(run_dir, load_plan()) as checkpoint:
        old_id = checkpoint.load_id
    with open_checkpoint(run_dir, load_plan(), replacing=Replacing(restart=True)) as checkpoint:
        assert not checkpoint.resumed
        assert checkpoint.load_id != old_id
        assert checkpoint.progress.of_window(0) is None
        with sqlite3.connect(run_dir / f"checkpoint-{old_id}.sqlite") as old:
            assert old.execute("SELECT accepted FROM windows").fetchall() == [(1,)]
        old.close()


def test_each_load_that_takes_the_place_of_another_counts_a_generation(tmp_path: Path) -> None:
    """Above all that are kept, and above the number of those that cannot be read; a resume keeps its own."""
    tonight = replace(load_plan(), files=[source_file(fingerprint="f" * 64)])
    begin(tmp_path, DONE)
    seen = []
    for plan, restart in ((load_plan(), False), (tonight, False), (tonight, True), (tonight, False)):
        with open_checkpoint(
            tmp_path, plan, replacing=Replacing(restart=restart), retry_failed=not restart
        ) as checkpoint:
            seen.append(checkpoint.generation)
            checkpoint.finish(DONE)
    assert seen == [0, 1, 2, 2]
    (tmp_path / CHECKPOINT_NAME).write_bytes(b"damaged")
    with open_checkpoint(tmp_path, tonight, replacing=Replacing(restart=True)) as checkpoint:
        assert checkpoint.generation == 3
    for kept in tmp_path.glob("checkpoint-*.sqlite"):
        kept.unlink()
    with open_checkpoint(tmp_path, tonight, replacing=Replacing(restart=True)) as checkpoint:
        assert checkpoint.generation == 4
    (tmp_path / CHECKPOINT_NAME).unlink()
    with open_checkpoint(tmp_path, tonight) as checkpoint:  # killed between putting away and beginning anew
        assert checkpoint.generation == 4


async def test_restart_of_a_killed_run_loses_nothing_of_its_log(tmp_path: Path) -> None:
    """What only the log of a killed run held is in the file that is put away."""
    run_dir = await killed_run_dir(tmp_path)
    open_checkpoint(run_dir, load_plan(), replacing=Replacing(restart=True)).close()
    (put_away,) = run_dir.glob("checkpoint-*.sqlite")
    (tmp_path / "old").mkdir()
    put_away.rename(tmp_path / "old" / CHECKPOINT_NAME)
    with open_checkpoint(tmp_path / "old", load_plan()) as checkpoint:
        assert receipts_of(checkpoint, 0).keys() == {0}


def test_a_finished_load_makes_way_for_the_next_extract(tmp_path: Path) -> None:
    """The same plan finds its finished load; another extract begins a new one and keeps the old file."""
    old_id = begin(tmp_path, DONE)
    assert ended_complete(tmp_path)
    with open_checkpoint(tmp_path, load_plan()) as checkpoint:
        assert (checkpoint.resumed, checkpoint.load_id) == (True, old_id)
    tonight = replace(load_plan(), files=[source_file(fingerprint="f" * 64)])
    with open_checkpoint(tmp_path, tonight) as checkpoint:
        assert not checkpoint.resumed
    assert mode(tmp_path / f"checkpoint-{old_id}.sqlite") == 0o600


def test_a_finished_load_of_another_job_stays(tmp_path: Path) -> None:
    """A run directory given to the wrong job is refused, with what differs, and left as it is."""
    old_id = begin(tmp_path, DONE)
    with pytest.raises(CheckpointMismatch, match="another job") as refused:
        open_checkpoint(tmp_path, load_plan(pack="group"))
    assert "pack" in refused.value.why
    with open_checkpoint(tmp_path, load_plan()) as checkpoint:
        assert checkpoint.load_id == old_id
    open_checkpoint(tmp_path, load_plan(pack="group"), replacing=Replacing(restart=True)).close()
    assert (tmp_path / f"checkpoint-{old_id}.sqlite").exists()


def test_a_moved_extract_resumes_under_its_new_path(tmp_path: Path) -> None:
    """Files of the same content at another place go on, and are reported from there."""
    begin(tmp_path)
    moved = replace(load_plan(), files=[source_file(path="/elsewhere/orders.parquet")])
    with open_checkpoint(tmp_path, moved) as checkpoint:
        assert checkpoint.resumed
    with sqlite3.connect(tmp_path / CHECKPOINT_NAME) as connection:
        assert connection.execute("SELECT path FROM files").fetchall() == [("/elsewhere/orders.parquet",)]
    connection.close()


@pytest.mark.parametrize(("version", "words"), [(2, "older version"), (FORMAT_VERSION + 1, "newer version")])
def test_another_format_is_refused(tmp_path: Path, version: int, words: str) -> None:
    """A checkpoint of another version is left alone, with a word on which version to use."""
    begin(tmp_path)
    with sqlite3.connect(tmp_path / CHECKPOINT_NAME) as connection:
        connection.execute(f"PRAGMA user_version = {version}")
    connection.close()
    before = contents(tmp_path)
    with pytest.raises(CheckpointError, match=words) as refused:
        open_checkpoint(tmp_path, load_plan())
    assert not isinstance(refused.value, CheckpointCorrupt)
    assert contents(tmp_path) == before


def foreign_database(path: Path) -> None:
    path.unlink()
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE load (id TEXT)")
    connection.close()


def without_a_table(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE runs")
    connection.close()


def without_a_plan(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM load")
    connection.close()


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"not a database at all, but long enough to look at" * 100),
        lambda path: path.write_bytes(path.read_bytes()[:-4096]),
        lambda path: path.write_bytes(path.read_bytes()[:5000]),
        lambda path: path.write_bytes(path.read_bytes()[:8192] + bytes(path.stat().st_size - 8192)),
        foreign_database,
        without_a_table,
        without_a_plan,
    ],
    ids=["empty", "text", "cut page", "cut", "zeroed", "foreign", "table gone", "plan gone"],
)
def test_a_damaged_checkpoint_is_reported_and_not_changed(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    """Damage is an error with a way out; the file stays as it was, and --restart puts it away."""
    begin(tmp_path)
    damage(tmp_path / CHECKPOINT_NAME)
    before = contents(tmp_path)
    with pytest.raises(CheckpointCorrupt, match="damaged") as refused:
        open_checkpoint(tmp_path, load_plan())
    assert "--restart" in refused.value.block()
    assert contents(tmp_path) == before
    with open_checkpoint(tmp_path, load_plan(), replacing=Replacing(restart=True)) as checkpoint:
        assert not checkpoint.resumed
    (put_away,) = tmp_path.glob("checkpoint-unreadable-*.sqlite")
    assert put_away.read_bytes() == before[CHECKPOINT_NAME]


@pytest.fixture(scope="module")
def sample_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample")
    begin(folder)
    return folder / CHECKPOINT_NAME


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), junk=st.binary(min_size=1, max_size=600), cut=st.booleans())
def test_no_damage_ends_in_anything_but_a_loader_error(
    tmp_path: Path, sample_checkpoint: Path, place: float, junk: bytes, *, cut: bool
) -> None:
    """Whatever bytes are overwritten or cut off, the load resumes or is refused in words, unharmed."""
    whole = sample_checkpoint.read_bytes()
    start = int(place * len(whole))
    rest = b"" if cut else whole[start + len(junk) :]
    damaged = (whole[:start] + junk + rest)[: len(whole)]
    (tmp_path / CHECKPOINT_NAME).write_bytes(damaged)
    try:
        open_checkpoint(tmp_path, load_plan()).close()
    except CheckpointError:
        assert contents(tmp_path) == {CHECKPOINT_NAME: damaged}


@pytest.mark.parametrize("byte", [0x04, 0x82, 0xFF])
def test_a_damaged_index_is_found_before_the_file_is_changed(
    tmp_path: Path, sample_checkpoint: Path, byte: int
) -> None:
    """Each byte of its entry is damaged in turn: a write of the new run would find it too late."""
    whole = sample_checkpoint.read_bytes()
    with closing(sqlite3.connect(sample_checkpoint)) as connection:
        query = "SELECT name, rootpage FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
        ((name, page),) = connection.execute(query).fetchall()
        ((page_bytes,),) = connection.execute("PRAGMA page_size").fetchall()
    assert name == "events_by_token"
    entry = whole[(page - 1) * page_bytes : page * page_bytes].rstrip(b"\0").rpartition(bytes(16))[2]
    found = 0
    for place in range(page * page_bytes - len(entry), page * page_bytes):
        damaged = whole[:place] + bytes([byte]) + whole[place + 1 :]
        (tmp_path / CHECKPOINT_NAME).write_bytes(damaged)
        try:
            open_checkpoint(tmp_path, load_plan()).close()
        except CheckpointCorrupt:
            assert contents(tmp_path) == {CHECKPOINT_NAME: damaged}
            found += 1
    assert found > len(entry) // 2


@pytest.mark.parametrize("byte", [b"\xff", b"x"])
def test_a_garbled_table_is_damage(tmp_path: Path, byte: bytes) -> None:
    """A definition with one wrong byte is damage, be it readable or not; the file stays as it was."""
    begin(tmp_path)
    path = tmp_path / CHECKPOINT_NAME
    content = path.read_bytes()
    assert content.count(b"token            TEXT") == 1
    path.write_bytes(content.replace(b"token            TEXT", b"toke" + byte + b"            TEXT"))
    before = contents(tmp_path)
    with pytest.raises(CheckpointCorrupt):
        open_checkpoint(tmp_path, load_plan())
    assert contents(tmp_path) == before


def test_other_comments_in_the_definitions_are_accepted(tmp_path: Path) -> None:
    """A version of the loader that explains a column in other words goes on with the load."""
    load_id = begin(tmp_path)
    with closing(sqlite3.connect(tmp_path / CHECKPOINT_NAME, isolation_level=None)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("UPDATE sqlite_master SET sql = replace(sql, '-- counted from 0', '--  a number')")
        assert connection.execute("SELECT changes()").fetchone()[0] > 0
    with open_checkpoint(tmp_path, load_plan()) as checkpoint:
        assert checkpoint.load_id == load_id
        assert checkpoint.resumed


def test_damage_is_found_where_opening_does_not_look(tmp_path: Path) -> None:
    """A page of receipts that is not read at the start is checked too."""
    with open_checkpoint(tmp_path, load_plan()) as checkpoint:
        checkpoint.begin_slice(window_plan(events=5000))
    path = tmp_path / CHECKPOINT_NAME
    content = bytearray(path.read_bytes())
    # The last page belongs to the chain of the large blob; its first bytes name the next page.
    content[-4096:-4092] = (3).to_bytes(4, "big")
    path.write_bytes(content)
    with pytest.raises(CheckpointCorrupt):
        open_checkpoint(tmp_path, load_plan())


def test_a_log_without_its_checkpoint_is_not_taken_for_the_new_ones(tmp_path: Path) -> None:
    """A log left behind by a removed checkpoint is put away: SQLite would play it into the new file."""
    log = tmp_path / f"{CHECKPOINT_NAME}-wal"
    log.write_bytes(b"left behind")
    with open_checkpoint(tmp_path, load_plan()) as checkpoint:
        assert not checkpoint.resumed
    assert [path.read_bytes() for path in tmp_path.glob("checkpoint-unreadable-*-wal")] == [b"left behind"]


def test_a_half_made_checkpoint_is_made_anew(tmp_path: Path) -> None:
    """A kill during the creation of the first checkpoint leaves a draft that does not count."""
    (draft := tmp_path / ".scn-loader-abc.part").mkdir()
    (draft / CHECKPOINT_NAME).write_bytes(b"half")
    with open_checkpoint(tmp_path, load_plan()) as checkpoint:
        assert not checkpoint.resumed
    assert contents(tmp_path).keys() == {CHECKPOINT_NAME}


def test_a_change_of_the_header_cut_short_is_rolled_back(tmp_path: Path) -> None:
    """A kill between the header's old and new journal mode is undone; reading it first changes nothing."""
    begin(tmp_path / "run")
    # A rollback journal that is hot: made by a writer that is copied in the middle of its transaction.
    with sqlite3.connect(tmp_path / "run" / CHECKPOINT_NAME, isolation_level=None) as writer:
        writer.execute("PRAGMA cache_size = 1")
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("UPDATE load SET settings = '{}'")
        writer.executemany(
            "INSERT INTO rejected VALUES (0, ?, '', '', '', ?)", [(n, "x" * 900) for n in range(500)]
        )
        shutil.copytree(tmp_path / "run", tmp_path / "killed")
        writer.execute("ROLLBACK")
    writer.close()
    assert (tmp_path / "killed" / f"{CHECKPOINT_NAME}-journal").stat().st_size > 0
    before = contents(tmp_path / "killed")
    with pytest.raises(CheckpointMismatch):
        open_checkpoint(tmp_path / "killed", load_plan(pack="group"))
    assert contents(tmp_path / "killed") == before
    with open_checkpoint(tmp_path / "killed", load_plan()) as checkpoint:
        assert checkpoint.resumed
        assert checkpoint.totals().rows_rejected == 0


@pytest.mark.parametrize("what", ["file", "checkpoint is a folder"])
def test_a_place_that_cannot_be_used_is_refused(tmp_path: Path, what: str) -> None:
    """A path through a file, or a folder in the checkpoint's place, is an error with a way out."""
    run_dir = tmp_path / "run"
    if what == "file":
        run_dir.write_text("in the way")
    else:
        (run_dir / CHECKPOINT_NAME).mkdir(parents=True)
    with pytest.raises(CheckpointError) as refused:
        open_checkpoint(run_dir, load_plan())
    assert refused.value.exit_code == 2
    assert "--run-dir" in refused.value.block()


def test_a_refused_start_lets_go_of_the_directory(tmp_path: Path) -> None:
    """After an error the same process can open the directory again."""
    begin(tmp_path)
    with pytest.raises(CheckpointMismatch):
        open_checkpoint(tmp_path, load_plan(pack="group"))
    opened: Checkpoint = open_checkpoint(tmp_path, load_plan())
    opened.close()
    opened.close()


def test_every_commit_is_flushed_to_the_disk(tmp_path: Path) -> None:
    """Receipts and marks must survive a power loss: SQLite's FULL (2), also on macOS."""
    begin(tmp_path)
    with closing(connect(tmp_path / CHECKPOINT_NAME)) as connection:
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
        assert connection.execute("PRAGMA fullfsync").fetchone() == (1,)
