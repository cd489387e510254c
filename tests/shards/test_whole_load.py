"""status, report, rejects, verify and receipts speak of the load, not of its shards."""

import csv
import sqlite3
from contextlib import closing
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from loader.checkpoint.file_names import CHECKPOINT_NAME
from loader.cli import app
from loader.shards.whole import whole_load
from loader.testing import EmulatedService
from tests.shards.conftest import EVERY_REJECTED, ROWS, Load

REJECTED = ROWS // EVERY_REJECTED
RECORDS = ROWS - REJECTED


def run(*arguments: object) -> tuple[int, str]:
    """Run a command in this process; return its exit code and what it printed."""
    done = CliRunner().invoke(app, [str(each) for each in arguments])
    return done.exit_code, done.stdout


def status_of(run_dir: Path) -> dict[str, object]:
    code, printed = run("status", run_dir, "--json")
    assert code == 0
    values: dict[str, object] = orjson.loads(printed)
    return values


def test_every_command_speaks_of_the_whole(load: Load, tmp_path: Path, service: EmulatedService) -> None:
    """Counts, rejected rows, receipts and verdicts of three shards are those of one load."""
    run_dir = tmp_path / "run"
    load("1/3", window_rows=50)
    load("2/3", window_rows=50)
    values = status_of(run_dir)
    assert (values["state"], values["exit_code"]) == ("stopped", 5)
    assert values["shards"] == "3: 2 finished, 1 not begun"
    assert values["cause"] == "1 shard of 3 not begun"
    assert not (run_dir / "rejected").exists()

    load("3/3", window_rows=50)
    values = status_of(run_dir)
    assert (values["state"], values["exit_code"]) == ("finished", 1)
    sums = ("rows_read", "rows_rejected", "rows_elsewhere", "records", "events_total", "events_accepted")
    assert [values[name] for name in sums] == [ROWS, REJECTED, 0, RECORDS, RECORDS, RECORDS]
    assert values["run_dir"] == str(run_dir)

    with (run_dir / "rejected" / "reservations.csv").open(encoding="utf-8", newline="") as lines:
        assert [row["reservation_id"] for row in csv.DictReader(lines)] == [""] * REJECTED
    assert run("rejects", run_dir)[0] == 0
    assert run("report", run_dir, "-o", tmp_path / "page.html")[0] == 0
    assert f"{RECORDS} accepted" in run("status", run_dir)[1]
    assert run("status", run_dir, "--rejected", tmp_path / "rejected.csv")[0] == 0
    assert len((tmp_path / "rejected.csv").read_text(encoding="utf-8").splitlines()) == REJECTED + 1
    assert run("status", tmp_path)[1].count("accepted") == 1  # a folder of run directories

    code, printed = run("receipts", run_dir)
    assert code == 0
    receipts = list(csv.DictReader(printed.splitlines()))
    assert len({each["event_id"] for each in receipts}) == len(receipts) == RECORDS
    code, printed = run("verify", run_dir, "--json", "--endpoint-url", service.url)
    verdicts = orjson.loads(printed)
    assert (code, verdicts["receipts"], verdicts["known"]) == (0, RECORDS, RECORDS)
    assert f"{RECORDS} known" in run("status", run_dir)[1]


def test_a_killed_shard_is_in_doubt_for_the_whole(load: Load, tmp_path: Path) -> None:
    """What a dead shard left without an answer is in doubt, and the next step is its own command."""
    for number in (1, 2):
        load(f"{number}/2")
    with closing(sqlite3.connect(tmp_path / "run" / "shards" / "2of2" / CHECKPOINT_NAME)) as connection:
        connection.execute("UPDATE runs SET ended_at = NULL")
        connection.execute("UPDATE windows SET accepted = accepted - 1, finished_at = NULL")
        connection.execute(
            "UPDATE receipts SET event_ids = CAST(zeroblob(16) || substr(event_ids, 17) AS BLOB)"
        )
        connection.execute("INSERT INTO marks VALUES (0, 1, unixepoch(), x'0000000000000000')")
        connection.commit()
    values = status_of(tmp_path / "run")
    assert values["state"] == "killed"
    assert values["shards"] == "2: 1 finished, 1 killed"
    assert (values["events_in_doubt"], values["events_accepted"]) == (1, RECORDS - 1)
    with whole_load(tmp_path / "run") as whole:
        assert whole is not None
        assert [each.run_dir.name for each in whole.stopped] == ["2of2"]


def test_a_load_without_shards_after_one_with_shards_is_the_present_one(load: Load, tmp_path: Path) -> None:
    """The load that began last is the one that is shown."""
    load("1/2")
    load()
    assert status_of(tmp_path / "run")["shards"] == ""
    load("1/2")
    assert status_of(tmp_path / "run")["shards"] == ""


@pytest.mark.parametrize("shards", [0, 1])
def test_a_damaged_checkpoint_of_a_shard_is_reported(load: Load, tmp_path: Path, shards: int) -> None:
    """What cannot be read is not passed over in the sums."""
    for number in range(1, shards + 2):
        load(f"{number}/2")
    damaged = tmp_path / "run" / "shards" / "1of2" / CHECKPOINT_NAME
    damaged.write_bytes(b"no database" * 1000)
    code, printed = run("status", tmp_path / "run")
    assert code == 2
    assert "1of2" in printed
