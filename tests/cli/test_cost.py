"""What a wide file or a large job file may cost: refused early, or done in seconds of processor time."""

import time
from pathlib import Path
from typing import Any

import pytest

from loader.drafting import draft_job
from loader.errors import ExtractError, SettingsError
from loader.extract import open_extract
from loader.job import read_job
from loader.job.reading import MAX_JOB_BYTES
from loader.stage_settings.extract import extract_settings

INSTANCE = "8928ae12-15e5-4441-825d-ec2184f0a43a"
RESERVATION: dict[str, Any] = {"event_type": "scn.data.reservation", "instance_id": INSTANCE}
ARN = f"arn:aws:scn:us-east-1:123456789012:instance/{INSTANCE}/namespaces/default/datasets/x"
CUSTOM: dict[str, Any] = {
    "event_type": "scn.data.dataset",
    "dataset_arn": ARN,
    "operation": "APPEND",
    "instance_id": INSTANCE,
    "group_by": "c0",
}

SECONDS = 10.0
"""Processor time that none of these may need; each took minutes once, or never ended."""


@pytest.fixture(autouse=True)
def within_bounds():
    began = time.process_time()
    yield
    assert time.process_time() - began < SECONDS


def wide(path: Path, columns: int) -> str:
    names = ["reservation_id", "reservation_detail_id", *(f"c{number}" for number in range(columns))]
    row = ",".join(["R1", "1", *["text"] * columns])
    path.write_text(f"{','.join(names)}\n{row}\n{row}\n")
    return str(path)


def test_a_wide_file_with_few_mapped_columns_is_read(tmp_path: Path) -> None:
    """An unused column costs only the time to find it."""
    job = read_job(extract=[wide(tmp_path / "x.csv", 9_000)], ignore_unknown=True, **RESERVATION)
    extract = open_extract(extract_settings(job))
    assert sum(piece.frame.height for each in extract.slices() for piece in each.pieces) == 2
    assert len(draft_job(job, tmp_path).unused) == 9_000


def test_more_columns_than_a_dataset_has_are_refused(tmp_path: Path) -> None:
    """Before anything is converted."""
    with pytest.raises(ExtractError, match="more columns than a dataset"):
        open_extract(extract_settings(read_job(extract=[wide(tmp_path / "x.csv", 9_000)], **CUSTOM)))
    assert open_extract(extract_settings(read_job(extract=[wide(tmp_path / "x.csv", 400)], **CUSTOM))).files


def test_thousands_of_unknown_settings_are_told_by_the_first(tmp_path: Path) -> None:
    """With their lines, and how many more there are."""
    path = tmp_path / "job.toml"
    path.write_text("".join(f"k{number} = 1\n" for number in range(5_000)))
    with pytest.raises(SettingsError) as caught:
        read_job(path, **RESERVATION)
    assert "line 20: k19: this setting does not exist" in caught.value.why
    assert caught.value.why.endswith("and 4,980 more")


@pytest.mark.parametrize("text", ["a = " + "[" * 20_000 + "]" * 20_000, "#" * (MAX_JOB_BYTES + 1)])
def test_job_files_that_no_job_needs_are_refused(tmp_path: Path, text: str) -> None:
    """Nested too deeply, or too large."""
    path = tmp_path / "job.toml"
    path.write_text(text)
    with pytest.raises(SettingsError) as caught:
        read_job(path, **RESERVATION)
    assert caught.value.where == str(path)
