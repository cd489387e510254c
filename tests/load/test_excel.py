"""Excel workbooks from the command line: drafted, planned, loaded, killed and continued, corrected."""

import importlib.util
import json
import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import openpyxl
import pytest

from loader import LoaderError, plan, planned_events, read_job, run_load
from loader.testing import emulated_service
from tests.formats.workbooks import workbook
from tests.prepared.starts import start

NAMES = ("reservation_id", "reservation_detail_id", "quantity", "reservation_date")
TYPE = ("--event-type", "scn.data.reservation")
INSTANCE = "8928ae12-15e5-4441-825d-ec2184f0a43a"


def test_a_workbook_is_drafted_planned_and_loaded(scn_loader, tmp_path: Path) -> None:
    """Rejected rows have the sheet's row numbers, and are files to correct and load with the same job."""
    rows = [
        ("Bookings, May",),
        ("Reservation", "RESERVATION DETAIL ID", "Quantity", "Reservation Date"),
        ("000043", "1", 5, "2024-01-31"),
        (43, "1", 6, None),
        ("R3", "1", "#N/A", None),
        ("R4", "1", 0.1, "2024-02-01"),
    ]
    path = workbook(tmp_path / "cwd" / "Bookings.xlsx", rows, sheet="May")
    book = openpyxl.load_workbook(path)
    book["May"]["C5"].data_type = "e"
    book.save(path)
    drafted = scn_loader("init", "Bookings.xlsx", *TYPE, "--excel-header-row", "2")
    assert drafted.returncode == 0, drafted.stderr
    job = tmp_path / "cwd/Bookings.toml"
    assert "[excel]\nheader_row = 2" in job.read_text()
    planned = scn_loader("plan", "--job", job, "--values")
    assert planned.returncode == 1, planned.stdout + planned.stderr
    assert "Bookings.xlsx row 4" in planned.stdout
    loaded = scn_loader("load", "--job", job, "--emulate", "--run-dir", "run", "--progress", "none")
    assert loaded.returncode == 1, loaded.stderr
    run = tmp_path / "cwd/run"
    reasons = [json.loads(line) for line in (run / "rejected/reasons.jsonl").read_text().splitlines()]
    assert [(each["row"], each["code"], each["column"]) for each in reasons] == [
        (4, "NotAText", "Reservation"),
        (5, "CellError", "Quantity"),
    ]
    status = json.loads(scn_loader("status", "run", "--json").stdout)
    assert sorted(place["row"] for each in status["rejected"] for place in each["first"]) == [4, 5]
    with closing(sqlite3.connect(run / "lake.sqlite")) as lake:
        found = sorted(lake.execute("SELECT reservation_id, quantity, reservation_date FROM reservation"))
    assert found == [("000043", "5", "2024-01-31T00:00:00Z"), ("R4", "0.1", "2024-02-01T00:00:00Z")]
    (copy,) = (run / "rejected").glob("*.xlsx")
    corrected = openpyxl.load_workbook(copy)
    corrected.active["A3"] = "000044"
    corrected.active["C4"] = 7
    corrected.save(copy)
    again = scn_loader("load", copy, "--job", job, "--emulate", "--run-dir", "again", "--progress", "none")
    assert again.returncode == 0, again.stderr
    with closing(sqlite3.connect(tmp_path / "cwd/again/lake.sqlite")) as lake:
        assert sorted(lake.execute("SELECT reservation_id, quantity FROM reservation")) == [
            ("000044", "6"),
            ("R3", "7"),
        ]


def bookings(path: Path, count: int) -> Path:
    """Write a workbook with so many rows that arrive."""
    return workbook(path, [NAMES, *((f"R{row:05}", "1", row, None) for row in range(count))])


def test_a_killed_load_of_a_workbook_goes_on(emulator, scn_loader, tmp_path: Path) -> None:
    """Each row once, and the same tokens as without the kill."""
    path = bookings(tmp_path / "x.xlsx", 1500)
    flags = [*TYPE, "--instance-id", INSTANCE, "--endpoint-url", emulator.url, "--run-dir", tmp_path / "run"]
    command = ["load", path, *flags, "--progress", "none"]
    with start([*command, "--rate", "200"]) as process:
        end = time.monotonic() + 60
        while arrived(emulator) == 0 and time.monotonic() < end:
            time.sleep(0.1)
        process.send_signal(signal.SIGKILL)
    assert 0 < arrived(emulator) < 1500
    again = scn_loader(*command)
    assert again.returncode == 0, again.stderr
    assert arrived(emulator) == 1500


def arrived(emulator) -> int:
    """Return how many reservations are in the lake."""
    emulator.flush()
    with closing(sqlite3.connect(emulator.lake)) as lake:
        try:
            return int(lake.execute("SELECT count(*) FROM reservation").fetchone()[0])
        except sqlite3.OperationalError:
            return 0


@pytest.mark.parametrize("window_rows", [100, 333])
def test_a_plan_of_a_workbook_is_the_same_each_time(tmp_path: Path, window_rows: int) -> None:
    """Tokens are functions of the file and the settings, window by window."""
    job = read_job(
        extract=(str(bookings(tmp_path / "x.xlsx", 5000)),),
        event_type="scn.data.reservation",
        instance_id=INSTANCE,
        pack="group",
        group_buckets=4,
        window_rows=window_rows,
    )
    first, second = ([event.token for event in planned_events(job)] for _ in range(2))
    assert first == second
    assert plan(job).counts.rows_read == 5000


def test_an_event_knows_its_rows_in_the_sheet(tmp_path: Path) -> None:
    """What the service refuses is named by the sheet's row, in the log and in the files for correction."""
    rows = [NAMES, *(("R" + "x" * 300 if row == 7 else f"R{row}", "1", row, None) for row in range(10))]
    path = workbook(tmp_path / "x.xlsx", rows)
    with emulated_service() as service:
        job = service.job(
            extract=path,
            event_type="scn.data.reservation",
            run_dir=tmp_path / "run",
            pack="group",
            group_by="reservation_id",
        )
        summary = run_load(job)
    assert (summary.rows_read, summary.rows_rejected) == (10, 1)
    (reason,) = (
        json.loads(line) for line in (tmp_path / "run/rejected/reasons.jsonl").read_text().splitlines()
    )
    assert reason["row"] == 9


def test_without_the_extra_a_workbook_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One block with the command that installs it."""
    path = bookings(tmp_path / "x.xlsx", 1)
    find = importlib.util.find_spec
    monkeypatch.setattr(
        "loader.formats.excel.workbook.find_spec", lambda name: None if name == "openpyxl" else find(name)
    )
    job = read_job(extract=(str(path),), event_type="scn.data.reservation", instance_id=INSTANCE)
    with pytest.raises(LoaderError, match="a package that is not installed") as refused:
        plan(job)
    assert refused.value.next_step == "pip install 'scn-loader[excel]'"
