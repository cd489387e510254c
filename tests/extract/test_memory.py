"""Memory is a slice of the file, however large the file and its row groups are."""

import json
import lzma
import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from benchmarks.folder import ROOT
from benchmarks.shapes import ALLOCATOR
from tests.sources.s3_server import BUCKET, S3Server

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

COLUMNS = ("order_type", "order_status", "incoterm", "source", "company_id", "to_site_id")

READ_ALL = r"""
import re, sys
from loader.extract import open_extract
from loader.job import Job
from loader.stage_settings.extract import extract_settings

extract = open_extract(extract_settings(Job(
    event_type="scn.data.inboundorder",
    instance_id="a1b2c3d4-5678-90ab-cdef-1234567890ab",
    extract=[sys.argv[1]],
)))
records = 0
for window in extract.slices():
    records += len(extract.records(window).data)
status = open("/proc/self/status").read()
print(records, int(re.search(r"VmHWM:\s+(\d+)", status)[1]) // 1024)
"""


def peak_megabytes(path: Path | str, rows: int) -> int:
    """Read a whole extract into records in a process of its own, and return its peak.

    The peak is VmHWM, for ru_maxrss carries over the size of the process that started it.
    """
    command = [sys.executable, "-c", READ_ALL, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    records, megabytes = map(int, done.stdout.split())
    assert records == rows
    return megabytes


def write_extract(path: Path, rows: int) -> None:
    """Write rows of texts that do not compress, a Parquet file as one row group."""
    row = pl.int_range(rows)
    frame = pl.select(
        row.cast(pl.String).alias("id"),
        (row % 99).cast(pl.String).alias("tpartner_id"),
        *(
            pl.concat_str(row.hash(seed), row.hash(seed + 100), separator=" ").alias(name)
            for seed, name in enumerate(COLUMNS)
        ),
    )
    if path.suffix == ".csv":
        frame.write_csv(path)
    else:
        frame.write_parquet(path, compression="uncompressed", row_group_size=rows)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_file_ten_times_as_large_needs_no_more_memory(tmp_path: Path, suffix: str) -> None:
    """The peak of reading a 110 MB file stays near that of an 11 MB one, and well under 300 MB.

    A reader that holds the row group or the file, as polars' own streaming does, grows by twice as much.
    """
    small, large = tmp_path / f"small{suffix}", tmp_path / f"large{suffix}"
    write_extract(small, 40_000)
    write_extract(large, 400_000)
    small_peak, large_peak = peak_megabytes(small, 40_000), peak_megabytes(large, 400_000)
    if large_peak - small_peak >= 100:  # on a busy machine freed memory goes back late: once more
        large_peak = min(large_peak, peak_megabytes(large, 400_000))
    print(suffix, small_peak, large_peak)
    assert large_peak < 280
    assert large_peak - small_peak < 100


@pytest.mark.soak
@pytest.mark.parametrize("encoding", ["utf-16", "cp1252"])
def test_another_encoding_needs_no_more_memory(tmp_path: Path, encoding: str) -> None:
    """Text is made UTF-8 block by block: a file ten times as large stays within the same bounds."""
    peaks = []
    for rows in (40_000, 400_000):
        write_extract(tmp_path / "x.csv", rows)
        with (tmp_path / "x.csv").open(encoding="utf-8") as source:
            (tmp_path / "y.csv").write_text("".join(source), encoding=encoding)
        peaks.append(peak_megabytes(tmp_path / "y.csv", rows))
    print(encoding, peaks)
    assert peaks[1] < 280
    assert peaks[1] - peaks[0] < 100


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize("place", ["x.csv.zst", "x.csv.xz", "x.ndjson", "s3.csv", "s3.parquet"])
def test_other_formats_and_places_need_no_more_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """What is unpacked, parsed line by line or fetched from S3 stays within the same bounds."""
    keys = {"AWS_ACCESS_KEY_ID": "user", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1"}
    peaks = []
    with S3Server().running() as s3:
        for name, value in (keys | {"AWS_ENDPOINT_URL_S3": s3.url}).items():
            monkeypatch.setenv(name, value)
        for rows in (40_000, 400_000):
            path = tmp_path / f"plain{'.parquet' if place.endswith('.parquet') else '.csv'}"
            write_extract(path, rows)
            there = moved(path, tmp_path / place, s3)
            peaks.append(peak_megabytes(there, rows))
        most = 300 if place.startswith("s3") else 280  # the client of S3 takes 50 MB
        if peaks[1] >= most:  # on a busy machine freed memory goes back late: once more
            peaks[1] = min(peaks[1], peak_megabytes(there, rows))
    print(place, peaks)
    assert peaks[1] < most
    assert peaks[1] - peaks[0] < 100


def moved(path: Path, place: Path, s3: S3Server) -> Path | str:
    """Write an extract into another format or place, and return where it is."""
    if place.name.startswith("s3"):
        s3.put(place.name, path.read_bytes())
        return f"s3://{BUCKET}/{place.name}"
    if place.suffix == ".ndjson":
        pl.scan_csv(path, infer_schema=False).sink_ndjson(place)
    else:
        text = path.read_bytes()
        place.write_bytes(zstd.compress(text) if place.suffix == ".zst" else lzma.compress(text, preset=0))
    return place


def test_a_large_dictionary_is_in_memory_once(tmp_path: Path) -> None:
    """Records from 100 bytes to 800 KB, whose texts are one dictionary of 80 MB, need less than 330 MiB.

    polars writes such a dictionary, and needs twice its size to unpack it. If each slice unpacked it, or if
    the rows of the slice before were still referenced, the peak would be 355 to 376 MiB.
    """
    row = pl.int_range(20_000, eager=True)
    texts = ["short" if number % 200 else f"{number}{'x' * 800_000}" for number in row]
    pl.DataFrame(
        {
            "reservation_id": "R" + row.cast(pl.String),
            "reservation_detail_id": "D" + row.cast(pl.String),
            "source_event_id": texts,
        }
    ).write_parquet(tmp_path / "x.parquet")
    peak = planned_peak_megabytes(tmp_path)
    if peak >= 330:  # on a busy machine freed memory goes back late: once more
        peak = min(peak, planned_peak_megabytes(tmp_path))
    assert peak < 330


def planned_peak_megabytes(folder: Path) -> int:
    """Plan an extract in full events in a process of its own, and return its peak."""
    asked = json.dumps({"extract": str(folder), "buckets": 16, "group_by": []})
    command = [sys.executable, "-m", "benchmarks.shape_plan", asked]
    # polars, which this process imported, sets the allocator's settings for all its children.
    environment = {name: value for name, value in os.environ.items() if name != ALLOCATOR}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, env=environment)
    planned = json.loads(done.stdout)
    print(planned)
    assert planned["data_bytes"] > 80_000_000
    return int(planned["peak_bytes"]) // 2**20
