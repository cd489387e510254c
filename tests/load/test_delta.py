"""Delta tables: the current rows of one version, judged by deltalake's own reader."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable, write_deltalake

from loader.errors import ExtractError
from loader.extract.find_files import find_files
from loader.sources.delta_table import delta_files

FLAGS = ("--event-type", "scn.data.reservation", "--emulate", "--progress", "none", "--ignore-unknown")


def rows(first: int, count: int, site: str = "a b") -> pl.DataFrame:
    """Rows of reservations of one site."""
    ids = [f"{number:04}" for number in range(first, first + count)]
    return pl.DataFrame(
        {"reservation_id": ids, "reservation_detail_id": ids, "quantity": range(first, first + count)}
    ).with_columns(site_id=pl.lit(site))


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A partitioned table with a history: appended, partly deleted, overwritten in part."""
    folder = tmp_path / "orders"
    write_deltalake(folder, rows(0, 50), partition_by=["site_id"])
    write_deltalake(folder, rows(50, 50, "c/d"), mode="append")
    DeltaTable(folder).delete("quantity < 10 OR quantity = 60")
    write_deltalake(folder, rows(200, 5, "a b"), mode="append")
    return folder


def lake_rows(run_dir: Path) -> list[tuple[str, str, str]]:
    """The rows that arrived."""
    with closing(sqlite3.connect(run_dir / "lake.sqlite")) as lake:
        return sorted(lake.execute("SELECT reservation_id, site_id, quantity FROM reservation"))


def current_rows(folder: Path, version: int | None = None) -> list[tuple[str, str, str]]:
    """The rows with a key that deltalake reads."""
    frame = pl.DataFrame(DeltaTable(folder, version=version).to_pyarrow_table())
    return sorted(
        (row["reservation_id"], row["site_id"], str(row["quantity"]))
        for row in frame.to_dicts()
        if row["reservation_id"] is not None
    )


def test_the_current_rows_arrive(scn_loader, table: Path, tmp_path: Path):
    """Deleted rows do not come back; a version may be named; only new files are sent the next night."""
    done = scn_loader("load", table, *FLAGS, "--run-dir", "run", "--summary-json", "s.json")
    assert done.returncode == 0, done.stderr
    run = tmp_path / "cwd/run"
    assert lake_rows(run) == current_rows(table)
    assert f"version 3 of {table}" in done.stderr + done.stdout
    write_deltalake(table, rows(300, 7), mode="append")
    done = scn_loader("load", table, *FLAGS, "--run-dir", "run", "--summary-json", "s.json")
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "cwd/s.json").read_text())["rows_read"] == 7
    done = scn_loader("load", table, *FLAGS, "--run-dir", "old", "--delta-version", "1")
    assert done.returncode == 0, done.stderr
    assert lake_rows(tmp_path / "cwd/old") == current_rows(table, 1)


def test_an_unfinished_load_goes_on_with_its_version(scn_loader, table: Path, tmp_path: Path):
    """A stopped load is resumed with the files of its version; then the newer files are loaded."""
    without_id = rows(0, 1).with_columns(reservation_id=pl.lit(None, pl.String))
    write_deltalake(table, without_id, mode="append")
    flags = (*FLAGS, "--run-dir", "run")
    stopped = scn_loader("load", table, *flags, "--max-errors", "0")
    assert stopped.returncode == 3, stopped.stderr
    write_deltalake(table, rows(300, 7), mode="append")
    resumed = scn_loader("load", table, *flags, "--max-errors", "1", "--unfinished", "resume")
    assert resumed.returncode == 1, resumed.stderr
    assert lake_rows(tmp_path / "cwd/run") == current_rows(table)
    assert "version 4 of" in stopped.stderr + stopped.stdout
    assert "is resumed first; 1 file waits" in resumed.stderr + resumed.stdout


def edit_log(folder: Path, **changes: dict[str, object]) -> None:
    """Add members to actions of the first commit."""
    log = folder / "_delta_log/00000000000000000000.json"
    actions = [json.loads(line) for line in log.read_text().splitlines()]
    for action in actions:
        for name, members in changes.items():
            if name in action:
                action[name] |= members
    log.write_text("\n".join(map(json.dumps, actions)) + "\n")


VECTOR = {"storageType": "u", "pathOrInlineDv": "vBn[lx{q8@P<9BNH/isA", "offset": 1, "sizeInBytes": 36}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        (
            {
                "protocol": {"minReaderVersion": 3, "minWriterVersion": 7}
                | {"readerFeatures": ["deletionVectors"], "writerFeatures": ["deletionVectors"]},
                "add": {"deletionVector": VECTOR | {"cardinality": 1}},
            },
            "deletion vectors mark rows",
        ),
        (
            {
                "protocol": {"minReaderVersion": 2, "minWriterVersion": 5},
                "metaData": {"configuration": {"delta.columnMapping.mode": "name"}},
            },
            "",
        ),
        ({"add": {"partitionValues": {"site_id": "elsewhere"}}}, "differs from the one in the path"),
        ({"protocol": {"minReaderVersion": 99}}, ""),
    ],
)
def test_a_table_that_is_more_than_its_files_is_refused(tmp_path: Path, changes, why):
    """Deletion vectors, other names, other partitions, an unknown protocol."""
    folder = tmp_path / "t"
    write_deltalake(folder, rows(0, 3), partition_by=["site_id"])
    edit_log(folder, **changes)
    with pytest.raises(ExtractError) as refused:
        delta_files(folder)
    assert refused.value.where.startswith(str(folder))
    assert why in refused.value.why


@pytest.mark.parametrize("zone", [None, "UTC"])
def test_a_moment_in_a_path_is_not_read_as_a_local_time(tmp_path: Path, zone: str | None):
    """A path gives no zone, so that the job's zone would shift a moment in UTC. A local time has none."""
    folder = tmp_path / "t"
    moment = pl.datetime(2024, 7, 2, 3, 4, 5, time_zone=zone).alias("reservation_date")
    write_deltalake(folder, rows(0, 3).with_columns(moment), partition_by=["reservation_date"])
    if zone is None:
        assert len(find_files([str(folder)])) == 1
        return
    with pytest.raises(ExtractError, match="a time without its zone") as refused:
        find_files([str(folder)])
    assert "'reservation_date'" in refused.value.why


def test_a_damaged_log_and_a_missing_version_are_refused(table: Path):
    """The error names the table and the setting."""
    with pytest.raises(ExtractError) as refused:
        find_files([str(table)], delta_version=99)
    error = refused.value
    assert (error.what, error.why) == (
        "The Delta table has no version 99.",
        f"its newest version is {DeltaTable(table).version()}",
    )
    assert "--delta-version" in error.next_step
    (table / "_delta_log/00000000000000000001.json").write_text("{")
    with pytest.raises(ExtractError, match="cannot be read"):
        find_files([str(table)])


def test_a_file_inside_a_table_is_still_refused(table: Path):
    """Only the folder of the table gives its current rows."""
    file = next(table.rglob("*.parquet"))
    for named in (file, table.parent, f"{table}/*/*.parquet"):
        with pytest.raises(ExtractError) as refused:
            find_files([str(named)])
        assert "name the folder of the table" in refused.value.next_step
    shutil.rmtree(table / "_delta_log")
    assert len(find_files([str(table)])) >= 1
