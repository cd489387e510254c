"""Drafted job files: the files that they name are the ones that were read."""

import tomllib
from pathlib import Path

import pytest

from loader.datasets import dataset_for_event_type
from loader.drafting.job_text import ExtractDraft, job_text
from loader.job import Job
from loader.stage_settings.extract import file_settings

TYPE = "scn.data.reservation"


@pytest.mark.parametrize(
    ("extract", "written"),
    [
        ("-", "-"),
        ("s3://bucket/day/*.csv", "s3://bucket/day/*.csv"),
        ("rows.csv", "../rows.csv"),
        ("@lists/all.txt", "@../lists/all.txt"),
    ],
)
def test_extracts_are_named_as_a_job_file_names_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, extract: str, written: str
) -> None:
    """Paths are relative to the job file's folder; standard input and S3 are the same from everywhere."""
    monkeypatch.chdir(tmp_path)
    job = Job(extract=(extract,), event_type=TYPE, instance_id="a1b2c3d4-5678-90ab-cdef-1234567890ab")
    dataset = dataset_for_event_type(TYPE)
    drafted = ExtractDraft(file_settings(job), job.destination)
    text = job_text(drafted, dataset, Path("jobs"), columns=(), unused=())
    assert tomllib.loads(text)["extract"] == written
