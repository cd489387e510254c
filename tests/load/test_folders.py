"""Folders as users have them: subfolders, partitions, files that are not an extract, table formats."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from loader.checkpoint.file_names import CHECKPOINT_NAME
from loader.errors import ExtractError, SettingsError
from loader.extract.find_files import find_files
from loader.job import read_job
from loader.preview.preview import plan
from loader.sources.left_out import RUN_DIRECTORY_MARK

RESERVATION = ("--event-type", "scn.data.reservation", "--emulate", "--progress", "none")

INSTANCE = "8928ae12-15e5-4441-825d-ec2184f0a43a"

HEADER = "reservation_id,reservation_detail_id\n"


def write(path: Path, text: str = HEADER + "1,1\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def parquet(path: Path, number: int, **columns: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    row = {"reservation_id": [f"R{number}"], "reservation_detail_id": [str(number)]}
    pl.DataFrame(row | {name: [value] for name, value in columns.items()}).write_parquet(path)
    return path


@dataclass(frozen=True, slots=True)
class Planned:
    """The expected result of a load of an extract.

    Attributes:
        exit_code: Exit code of ``plan``.
        sent: The records, in a fixed order.
        notes: The printed notes.
    """

    exit_code: int
    sent: list[dict[str, str]]
    notes: str


@pytest.fixture
def planned(tmp_path: Path):
    """Plan a load of an extract."""

    def run(extract: Path, **settings: Any) -> Planned:
        emitted = tmp_path / "emitted.jsonl"
        emitted.unlink(missing_ok=True)
        job = read_job(
            extract=[str(extract)], event_type="scn.data.reservation", instance_id=INSTANCE, **settings
        )
        preview = plan(job, emit=emitted)
        sent = [json.loads(json.loads(line)["data"]) for line in emitted.read_text().splitlines()]
        return Planned(preview.exit_code, sorted(sent, key=str), "\n".join(preview.warnings))

    return run


def test_subfolders_are_looked_into_and_the_rest_is_said_once(scn_loader, tmp_path: Path):
    """Hidden files, other names and run directories: a sentence for each kind, however many there are."""
    folder = tmp_path / "t"
    for name in ("a.csv", "sub/b.csv", "sub/deeper/c.csv"):
        write(folder / name)
    for name in ("_SUCCESS", ".a.csv.crc", "sub/_temporary/0/d.csv", "sub/.hidden/e.csv", "_f.csv"):
        write(folder / name)
    write(folder / "notes.md")
    write(folder / "runs/one" / RUN_DIRECTORY_MARK)
    write(folder / "runs/one/rejected/a.csv")
    assert RUN_DIRECTORY_MARK == CHECKPOINT_NAME
    done = scn_loader("load", folder, *RESERVATION, "--summary-json", "s.json", "--run-dir", "run")
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "cwd/s.json").read_text())["rows_read"] == 3
    said = done.stdout + done.stderr
    assert said.count("Hidden files and folders (names that begin with '.' or '_') are left out: /") == 1
    assert f"are left out (a glob includes them; unpack archives): {folder}/notes.md." in said
    assert f"Run directories of scn-loader are left out: {folder}/runs/one." in said


def test_a_glob_takes_the_folders_it_matches_as_a_shell_would(planned, tmp_path: Path):
    """Quoted or not, ``t/*`` is the same extract; a wildcard stands for no hidden name."""
    for name in ("a.csv", "x.parquet/_SUCCESS", "_b.csv", "sub/c.csv"):
        write(tmp_path / "t" / name)
    parquet(tmp_path / "t/x.parquet/part-0.parquet", 9)
    done = planned(tmp_path / "t/*")
    assert len(done.sent) == 3
    assert f"left out: {tmp_path}/t/_b.csv, {tmp_path}/t/x.parquet/_SUCCESS." in done.notes


@pytest.mark.parametrize(
    "metadata",
    [
        "_delta_log/00000000000000000000.json",
        "metadata/v1.metadata.json",
        "metadata/v1.metadata.json.gz",
        ".hoodie/hoodie.properties",
        "_spark_metadata/9.compact",
        "snapshot/snapshot-1",
        "_versions/1.manifest",
    ],
)
@pytest.mark.parametrize(
    "named",
    [
        *("lake", "lake/orders", "lake/orders/*/*.parquet", "lake/orders/data/p.parquet"),
        *("to_folder", "to_folder/*.parquet", "to_file.parquet"),
    ],
)
def test_table_formats_are_refused_however_their_files_are_named(tmp_path: Path, metadata, named):
    """Read as plain files they would bring back rows that were deleted."""
    parquet(tmp_path / "lake/orders/data/p.parquet", 1)
    write(tmp_path / "lake/orders" / metadata, "{}")
    (tmp_path / "to_folder").symlink_to(tmp_path / "lake/orders/data")
    (tmp_path / "to_file.parquet").symlink_to(tmp_path / "lake/orders/data/p.parquet")
    with pytest.raises(ExtractError) as caught:
        find_files([str(tmp_path / named)])
    assert caught.value.where == str(tmp_path / "lake/orders")
    assert "deleted or replaced" in caught.value.why or caught.value.what == "The Delta table cannot be read."


@pytest.mark.parametrize(
    ("name", "table", "beside"),
    [
        ("delta_0000001_0000004_0000/p.parquet", ".", ""),
        ("base_0000005_v0000012/dt=1/p.parquet", ".", ""),
        ("dt=1/delete_delta_0000007_0000007_0000/p.parquet", "dt=1", ""),
        ("x/ducklake-0190a4c2-1b1e-7d3a-8b57-2f6f0f6f0f6f-delete.parquet", "x", ""),
        ("x/part-0-tid-77-ab-3.snappy.parquet", "", "x/_started_77"),
        ("x/part-0-tid-77-ab-3.snappy.parquet", "", "x/_committed_80"),
    ],
)
def test_files_that_only_a_log_elsewhere_counts_are_refused(tmp_path: Path, name, table, beside):
    """The names of Hive ACID, DuckLake and Databricks: files of failed jobs and of deleted rows."""
    parquet(tmp_path / "lake" / name, 1)
    if beside:
        write(tmp_path / "lake" / beside, json.dumps({"removed": [name.rpartition("/")[2]]}))
    for named in (tmp_path / "lake", tmp_path / "lake" / name):
        with pytest.raises(ExtractError) as caught:
            find_files([str(named)])
        where = tmp_path / "lake" / (table or name)
        assert caught.value.where == str(where)
        assert "load" in caught.value.next_step


def test_plain_files_beside_names_like_those_of_tables_are_read(tmp_path: Path):
    """Folders of dates, snapshots and metadata, and what Databricks writes beside files that count."""
    names = (
        "base_20240101/p.parquet",
        "delta_20240101_20240102/p.parquet",
        "metadata/p.parquet",
        "part-0-tid-77-ab-3.snappy.parquet",
        "part-0-tid-78-ab-3.snappy.parquet",
        "snapshot/snapshot-1/p.parquet",
    )
    for name in names:
        parquet(tmp_path / name, 1)
    for committed in (77, 78):
        write(tmp_path / f"_started_{committed}", "{}")
        write(tmp_path / f"_committed_{committed}", json.dumps({"added": [], "removed": ["other.parquet"]}))
    found = find_files([str(tmp_path)])
    assert [each.path.removeprefix(f"{tmp_path}/") for each in found] == list(names)


def test_folders_of_a_path_are_columns(planned, tmp_path: Path):
    """They are decoded and typed; Hive's default name has no value; unused ones are noted once."""
    folders = (
        "site_id=A%2FB/order_date=2024-01-02",
        "site_id=__HIVE_DEFAULT_PARTITION__/order_date=2024-01-03",
    )
    table = tmp_path / "t"
    for number, folder in enumerate((*folders, ".")):
        parquet(table / "load=7" / folder / f"p{number}.parquet", number)
    mapping = {"product_id": "site_id", "reservation_date": "order_date"}
    with pytest.raises(SettingsError) as caught:
        planned(table, mapping=mapping)
    assert "p2.parquet" in caught.value.block()  # it lies in no such folder
    (table / "load=7/p2.parquet").unlink()
    for named in (table, table / "*/*/*", table / "load=7/**/*.parquet"):
        done = planned(named, mapping=mapping)
        assert [row.get("product_id") for row in done.sent] == ["A/B", None]
        assert [row["reservation_date"][:10] for row in done.sent] == ["2024-01-02", "2024-01-03"]
        assert done.notes.count("Columns left out of") == done.notes.count("'load'") == 1
    assert set(planned(table, partitions=False).sent[0]) == {"reservation_id", "reservation_detail_id"}
    assert planned(table, group_by="load").exit_code == 0


@pytest.mark.parametrize("suffix", ["csv", "ndjson", "parquet"])
def test_a_column_in_the_file_wins_over_its_path(planned, tmp_path: Path, suffix: str):
    """And it is said; in NDJSON too, where any column of the dataset may come."""
    texts = {
        "csv": HEADER.replace("\n", ",site_id\n") + "1,1,B\n",
        "ndjson": '{"reservation_id": "1", "reservation_detail_id": "1", "site_id": "B"}\n',
        "parquet": "",
    }
    both = write(tmp_path / f"t/site_id=A/x.{suffix}", texts[suffix])
    if suffix == "parquet":
        parquet(both, 1, site_id="B")
    done = planned(tmp_path / "t")
    assert [row["site_id"] for row in done.sent] == ["B"]
    assert "the file's values are used" in done.notes
    text = (
        '{"reservation_id": "1", "reservation_detail_id": "1"}\n' if suffix == "ndjson" else HEADER + "1,1\n"
    )
    parquet(both, 1) if suffix == "parquet" else both.write_text(text)
    done = planned(tmp_path / "t")
    assert [row["site_id"] for row in done.sent] == ["A"]
    assert "the file's values" not in done.notes


def test_two_values_of_a_column_in_a_path_are_refused_where_it_is_used(planned, tmp_path: Path):
    """Only the user knows which folder counts. Equal values are one, and a column of the file wins."""
    file = write(tmp_path / "t/site_id=A/x/site_id=B/p.csv")
    with pytest.raises(ExtractError) as caught:
        planned(tmp_path / "t")
    assert "several folders name 'site_id', and their values differ" in caught.value.block()
    assert "site_id" not in planned(tmp_path / "t", partitions=False).sent[0]
    own = write(file.with_name("own.csv"), "reservation_id,reservation_detail_id,site_id\n1,1,C\n")
    assert planned(own).sent[0]["site_id"] == "C"
    write(tmp_path / "none/site_id=A/site_id=/p.csv")
    with pytest.raises(ExtractError):
        planned(tmp_path / "none")
    for folders in ("site_id=A/x/site_id=A", "site_id=A/x/site_id=%41", "load=1/load=2/site_id=A"):
        write(tmp_path / "one" / folders / "p.csv")
    assert [row["site_id"] for row in planned(tmp_path / "one").sent] == ["A", "A", "A"]


def test_folders_above_a_run_directory_give_no_columns_to_its_corrected_rows(
    scn_loader, planned, tmp_path: Path
):
    """They are not those of the extract: the rows are loaded as if they were still in their own file."""
    header = "reservation_id,reservation_detail_id,quantity\n"
    write(tmp_path / "t/p.csv", header + "1,1,five\n")
    write(tmp_path / "t/site_id=B/p.csv", header + "2,1,five\n")
    run_dir = tmp_path / "site_id=A" / "run"
    done = scn_loader("load", tmp_path / "t", *RESERVATION, "--run-dir", run_dir)
    assert done.returncode == 1, done.stderr
    assert [row.get("site_id") for row in _corrected(planned, run_dir)] == [None, "B"]
    again = scn_loader("load", run_dir / "rejected", *RESERVATION, "--run-dir", run_dir / "corrected")
    assert again.returncode == 0, again.stderr


def _corrected(planned: Callable[[Path], Planned], run_dir: Path) -> list[dict[str, str]]:
    for path in (run_dir / "rejected").rglob("*.csv"):
        path.write_text(path.read_text().replace("five", "5"))
    return planned(run_dir / "rejected").sent


def test_rejected_rows_keep_their_partition_and_a_moved_one_is_another_extract(
    scn_loader, planned, tmp_path: Path
):
    """The printed command loads corrected rows with the same columns; a renamed folder is not resumed."""
    good, bad = (tmp_path / f"t/site_id={site}/p.csv" for site in "AB")
    write(good, "reservation_id,reservation_detail_id,quantity\n1,1,5\n")
    write(bad, "reservation_id,reservation_detail_id,quantity\n2,1,five\n")
    flags = [*RESERVATION, "--run-dir", "run", "--max-errors", "0"]
    done = scn_loader("load", tmp_path / "t", *flags)
    assert done.returncode == 3, done.stderr
    bad.parent.rename(tmp_path / "t/site_id=C")
    moved = scn_loader("load", tmp_path / "t", *flags)
    assert moved.returncode == 2
    assert 'its path gave {"site_id":"B"} then, {"site_id":"C"} now' in moved.stderr
    (tmp_path / "t/site_id=C").rename(bad.parent)
    done = scn_loader("load", tmp_path / "t", *flags[:-1], "1")
    assert done.returncode == 1, done.stderr
    (rejected,) = (tmp_path / "cwd/run/rejected").glob("*/*.csv")
    assert (rejected.parent.name, rejected.name) == ("site_id=B", "2-p.csv")
    rejected.write_text(rejected.read_text().replace("five", "5"))
    assert planned(rejected).sent[0]["site_id"] == "B"


def test_columns_that_some_files_lack_are_said_once(planned, tmp_path: Path):
    """With the files and the columns, folded; and what is true of many files is one sentence."""
    for number in range(6):
        extra = {"site_id": "A"} if number > 3 else {}
        parquet(tmp_path / f"t/p{number}.parquet", number, other=1, **extra)
    done = planned(tmp_path / "t", ignore_unknown=True)
    assert len(done.sent) == 6
    assert done.notes.count("lack a source of 'site_id'") == 1
    assert "p2.parquet and 1 more file lack" in done.notes
    assert done.notes.count("Columns left out of") == 1


@pytest.mark.parametrize(
    ("name", "head", "command"),
    [
        ("x.zip", b"PK\x03\x04" + b"\0" * 26 + b"orders.csv", "unzip"),
        ("x.csv", b"PK\x03\x04" + b"\0" * 26 + b"[Content_Types].xml", "Excel"),
        ("x.csv", b"a.csv" + b"\0" * 252 + b"ustar\x0000" + b"\0" * 300, "tar -xf"),
    ],
)
def test_archives_are_told_apart(tmp_path: Path, name: str, head: bytes, command: str):
    """With the command that unpacks them."""
    (tmp_path / name).write_bytes(head)
    with pytest.raises(ExtractError) as caught:
        find_files([str(tmp_path / name)])
    assert command in caught.value.block()
