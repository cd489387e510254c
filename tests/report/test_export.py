"""Rejected rows and failed events as CSV files."""

import csv
import stat
from pathlib import Path

import pytest

from loader.checkpoint import open_checkpoint
from loader.errors import SettingsError
from loader.model import EventState, RejectedRow
from loader.reject_code import RejectCode
from loader.report.export import Exported, export_failed, export_rejected
from tests.checkpoint.sample_loads import accepted, event, load_plan, put_aside, up_to, window_plan


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    rejected = [
        RejectedRow(
            0, 9, "quantity", RejectCode.NOT_A_NUMBER, "not a number", 'a "quoted", value\nof two lines'
        ),
        RejectedRow(0, 8, "", RejectCode.RECORD_TOO_LONG, "too large"),
    ]
    with open_checkpoint(tmp_path / "run", load_plan()) as checkpoint:
        checkpoint.begin_slice(window_plan(rejected=rejected))
        checkpoint.record(accepted(0, 0))
        checkpoint.record(put_aside(0, 1))
        checkpoint.record(put_aside(0, 2, EventState.IN_DOUBT, code="Timeout"))
    return tmp_path / "run"


def test_rejected_rows_come_in_order_with_their_values(run_dir: Path) -> None:
    """Each rejected row is there once, counted from 1, in a file that only the owner may read."""
    path = run_dir / "rejected.csv"
    path.write_text("an older export")
    path.chmod(0o644)
    assert export_rejected(run_dir, path).rows == 2
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    file = "/extracts/orders_0.parquet"
    assert read_csv(path) == [
        {
            "file": file,
            "row": "9",
            "column": "",
            "code": "RecordTooLong",
            "reason": "too large",
            "value": "",
        },
        {
            "file": file,
            "row": "10",
            "column": "quantity",
            "code": "NotANumber",
            "reason": "not a number",
            "value": 'a "quoted", value\nof two lines',
        },
    ]


def test_events_that_were_not_accepted_are_exported_with_their_state(run_dir: Path) -> None:
    """Failed and in-doubt events are named by token and row; accepted ones are not there."""
    path = run_dir / "failed.csv"
    assert export_failed(run_dir, path).rows == 2
    rows = read_csv(path)
    assert [(row["token"], row["state"], row["code"], row["first_row"]) for row in rows] == [
        (event(0, 1).token, "failed", "ValidationException", "2"),
        (event(0, 2).token, "in_doubt", "Timeout", "3"),
    ]
    assert rows[0]["first_attempt"] == "2025-10-09T08:53:20.000Z"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_an_event_of_a_killed_run_has_the_rows_of_its_window(tmp_path: Path) -> None:
    """Until the window is planned again, the event is unknown, but its rows are in the window."""
    with open_checkpoint(tmp_path, load_plan()) as checkpoint:
        checkpoint.begin_slice(window_plan(1))
        await checkpoint.mark_sendable(up_to(1, 0))
    with open_checkpoint(tmp_path, load_plan()):
        assert export_failed(tmp_path, tmp_path / "failed.csv").rows == 1
    (row,) = read_csv(tmp_path / "failed.csv")
    assert (row["token"], row["state"], row["rows"]) == ("", "in_doubt", "")
    assert (row["first_row"], row["last_row"]) == ("9", "16")


def test_an_open_load_can_be_exported(tmp_path: Path) -> None:
    """A load that still holds its run directory is exported from what is durable."""
    with open_checkpoint(tmp_path, load_plan()):
        assert export_rejected(tmp_path, tmp_path / "rejected.csv").rows == 0
    assert (tmp_path / "rejected.csv").read_text() == "file,row,column,code,reason,value\n"


def test_a_target_that_cannot_be_written_is_an_error(run_dir: Path) -> None:
    """The error names the target, not the checkpoint."""
    with pytest.raises(SettingsError, match="file cannot be written") as refused:
        export_failed(run_dir, run_dir / "missing" / "failed.csv")
    assert refused.value.where.endswith("missing/failed.csv")


def test_a_cell_that_is_a_formula_gets_an_apostrophe(tmp_path: Path) -> None:
    """A spreadsheet would run it; a number with its sign stays as it is, and the change is counted."""
    values = ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "-12.5", "+1,000.00", "a=b"]
    rejected = tuple(
        RejectedRow(0, row, "c", RejectCode.NOT_A_NUMBER, "why", value) for row, value in enumerate(values)
    )
    with open_checkpoint(tmp_path / "run", load_plan()) as checkpoint:
        checkpoint.begin_slice(window_plan(rejected=rejected))
    path = tmp_path / "rejected.csv"
    assert export_rejected(tmp_path / "run", path) == Exported(9, 6)
    with path.open(newline="", encoding="utf-8") as file:
        written = [row[-1] for row in csv.reader(file)][1:]
    assert written == [f"'{value}" for value in values[:6]] + values[6:]
