"""Rejected rows: written as an extract of their own, corrected by a script, loaded by the printed command."""

import json
import os
import shlex
import sqlite3
import stat
import time
from contextlib import closing
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from loader import Job, command_line
from loader.emulator import running_emulator
from loader.emulator.settings import EmulatorSettings
from loader.loading.rejects import rejected_files, write_rejects

INSTANCE = "8928ae12-15e5-4441-825d-ec2184f0a43a"
RESERVATION = ("--event-type", "scn.data.reservation", "--instance-id", INSTANCE)

CSV = """\
reservation_id;reservation_detail_id;quantity;product_id\r
R1;1;5;'größe; one'\r
R1;2;five;'two
lines'\r
R1;3;7\r
\r
R1;4;4.0;plain\r
;5;5;'no ''id'''\r
"""


def lake_rows(lake: Path) -> list[str]:
    """Return the detail ids of the records in the lake."""
    with closing(sqlite3.connect(lake)) as connection:
        query = "SELECT reservation_detail_id FROM reservation ORDER BY 1"
        return [row[0] for row in connection.execute(query)]


def printed_command(text: str) -> list[str]:
    """Return the arguments of the command that begins with the rejected files."""
    (line,) = [line for line in text.splitlines() if "/rejected/" in line and "scn-loader load" in line]
    return shlex.split(line)[1:]


def test_corrected_rows_are_loaded_by_the_printed_command(scn_loader, emulator, tmp_path):
    """Reject, correct by a script, run what was printed: every row of the extract is in the lake."""
    extract, run_dir = tmp_path / "my rows.csv", tmp_path / "run dir"
    extract.write_text(CSV, encoding="cp1252", newline="")
    flags = [*RESERVATION, "--endpoint-url", emulator.url, "--run-dir", run_dir]
    dialect = ["--csv-encoding", "windows-1252", "--csv-quote", "'"]
    ended = scn_loader("load", *flags[:2], extract, *flags[2:], *dialect, "--window-rows", "2")
    assert ended.returncode == 1, ended.stderr

    rejected = run_dir / "rejected" / "my rows.csv"
    lines = CSV.splitlines(keepends=True)
    assert rejected.read_bytes().decode("cp1252") == "".join([lines[0], *lines[2:5], lines[7]])
    assert stat.S_IMODE(rejected.stat().st_mode) == 0o600
    reasons = [json.loads(line) for line in (run_dir / "rejected" / "reasons.jsonl").read_text().splitlines()]
    assert [(each["row"], each["rejected_row"], each["column"], each["code"]) for each in reasons] == [
        (2, 1, "quantity", "NotANumber"),
        (3, 2, "", "WrongFieldCount"),
        (5, 3, "reservation_id", "MissingValue"),
    ]
    assert list(reasons[0]) == ["file", "row", "rejected_file", "rejected_row", "column", "code", "reason"]
    assert "row=2 column=quantity code=NotANumber" in (run_dir / "load.log").read_text()
    assert "five" not in str(reasons)
    status = scn_loader("status", run_dir)
    assert printed_command(status.stdout) == printed_command(ended.stdout)

    text = rejected.read_bytes().decode("cp1252")
    text = text.replace("five", "5").replace("R1;3;7", "R1;3;7;x").replace("\r\n;5", "\r\nR1;5")
    rejected.write_bytes(text.encode("cp1252"))
    ended = scn_loader(*printed_command(ended.stdout))
    assert ended.returncode == 0, ended.stderr + ended.stdout
    deadline = time.monotonic() + 60
    while len(found := lake_rows(emulator.lake)) < 5 and time.monotonic() < deadline:
        time.sleep(0.1)  # the emulator writes its lake a little later than it answers
    assert found == ["1", "2", "3", "4", "5"]
    next_step = json.loads(scn_loader("status", run_dir, "--json").stdout)["next"]
    shown = command_line.scn_loader("status", run_dir / "corrected")
    assert [step["command"] for step in next_step] == [shown]
    # Rows that are written later are still to be corrected.
    os.utime(run_dir / "rejected" / "reasons.jsonl", (time.time() + 60, time.time() + 60))
    assert "/rejected/" in json.loads(scn_loader("status", run_dir, "--json").stdout)["next"][0]["command"]


def test_rows_that_stay_uncorrected_are_rejected_again(scn_loader, emulator, tmp_path):
    """In a file of only such rows, an empty field at their end looks as if the whole file had it."""
    extract, run_dir = tmp_path / "rows.tsv", tmp_path / "run"
    rows = ["R1\t1\t5\tplain", "R1\tx\t2\t6\t", "R1\t3\tsix\t'a\tb''c\n\n\td'", "R1\t4\ty\t7\t"]
    header = "reservation_id\treservation_detail_id\tquantity\tproduct_id"
    extract.write_text("\n".join([header, *rows, ""]), newline="")
    flags = ["--endpoint-url", emulator.url, "--run-dir", run_dir, "--csv-quote", "'"]
    ended = scn_loader("load", *RESERVATION, extract, *flags)
    assert ended.returncode == 1, ended.stderr
    rejected = run_dir / "rejected" / "rows.csv"
    rejected.write_bytes(rejected.read_bytes().replace(b"six", b"6"))
    ended = scn_loader(*printed_command(ended.stdout))
    assert ended.returncode == 1, ended.stderr
    emulator.flush()
    with closing(sqlite3.connect(emulator.lake)) as connection:
        query = "SELECT reservation_detail_id, quantity, product_id FROM reservation ORDER BY 1"
        assert connection.execute(query).fetchall() == [("1", "5", "plain"), ("3", "6", "a\tb'c\n\n\td")]
    again = (run_dir / "corrected" / "rejected" / "reasons.jsonl").read_text().splitlines()
    assert [json.loads(line)["code"] for line in again] == ["WrongFieldCount", "WrongFieldCount"]
    # The rest is corrected too, in the files that the second command wrote.
    rejected = run_dir / "corrected" / "rejected" / "rows.csv"
    rejected.write_bytes(rejected.read_bytes().replace(b"\tx\t", b"\t").replace(b"\ty\t", b"\t"))
    ended = scn_loader(*printed_command(ended.stdout))
    assert ended.returncode == 0, ended.stderr


def test_uncorrected_parquet_rows_are_rejected_again(scn_loader, emulator, tmp_path):
    """The printed command, run too early, sends nothing: the time of day that rejected the row is there."""
    extract, run_dir = tmp_path / "rows.parquet", tmp_path / "run"
    table = pa.table(
        {
            "reservation_id": ["R1", "R1"],
            "reservation_detail_id": ["1", "2"],
            "product_id": pa.array([0, 86_400 * 10**6], pa.time64("us")),
        }
    )
    pq.write_table(table, extract)
    flags = [*RESERVATION, "--endpoint-url", emulator.url, "--run-dir", run_dir]
    ended = scn_loader("load", *flags[:2], extract, *flags[2:])
    assert ended.returncode == 1, ended.stderr
    again = scn_loader(*printed_command(ended.stdout))
    assert again.returncode == 1, again.stderr
    reasons = (run_dir / "corrected" / "rejected" / "reasons.jsonl").read_text().splitlines()
    assert [(json.loads(line)["column"], json.loads(line)["code"]) for line in reasons] == [
        ("product_id", "NotATimeOfDay")
    ]
    assert pq.read_table(run_dir / "corrected" / "rejected" / "rows.parquet").equals(table.slice(1))


async def test_parquet_rows_keep_their_types(tmp_path, environment):
    """Rejected rows of several Parquet files become Parquet of the same schema, in the files' order."""
    import asyncio

    frame = pl.DataFrame(
        {
            "reservation_id": ["R1", None, "R3"] * 50,
            "reservation_detail_id": [str(number) for number in range(150)],
            "quantity": pl.Series(range(150), dtype=pl.Decimal(10, 2)),
            "tags": [[{"a": 1}]] * 150,
        }
    )
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        frame.write_parquet(tmp_path / folder / "same.parquet", row_group_size=20)
        frame = frame.with_columns(pl.col("reservation_detail_id") + "x")
    run_dir = tmp_path / "run"
    async with running_emulator(EmulatorSettings()) as emulator:
        job = Job(
            extract=[str(tmp_path / folder / "same.parquet") for folder in ("a", "b")],
            event_type="scn.data.reservation",
            instance_id=INSTANCE,
            endpoint_url=emulator.url,
            ignore_unknown=True,
            run_dir=run_dir,
            window_rows=7,
        )
        from loader import stream_load

        results = [result async for result in stream_load(job)]
    assert len(results) == 200
    first, second = rejected_files(run_dir)
    assert [path.name for path in (first, second)] == ["1-same.parquet", "2-same.parquet"]
    wanted = pl.read_parquet(tmp_path / "a" / "same.parquet").filter(pl.col("reservation_id").is_null())
    assert pl.read_parquet(first).equals(wanted)
    assert pl.read_parquet(first).schema == wanted.schema
    assert {stat.S_IMODE(path.stat().st_mode) for path in first.parent.iterdir()} == {0o600}

    # What is there may have been corrected: it is never written again.
    first.write_bytes(b"corrected")
    assert await asyncio.to_thread(write_rejects, run_dir)
    assert first.read_bytes() == b"corrected"
