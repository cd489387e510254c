"""The memory of a load of a frame, beside the frame itself.

    python -m benchmarks.frame_memory [ROWS] [--pack row|group]

Makes a frame of polars, loads it into an emulator in another process, and prints a line of JSON: the size of
the process with the frame before the load, and the most that the load added, in MiB.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from benchmarks.folder import INSTANCE, REGION
from benchmarks.peak_memory import own_peak_bytes
from loader import Job, run_load
from loader.emulator import ACCESS_KEY_ID, SECRET_ACCESS_KEY

MOST_MIB = 400
"""What a load of a frame may add to the memory of its process."""

MIB = 2**20


def main() -> int:
    """Load a frame, print what it took, and return 1 if that is too much."""
    parser = argparse.ArgumentParser(description="the memory of a load of a frame")
    parser.add_argument("rows", type=int, nargs="?", default=5_000_000)
    parser.add_argument("--pack", choices=["row", "group"], default="group")
    options = parser.parse_args()
    frame = made_up(options.rows)
    os.environ |= {"AWS_ACCESS_KEY_ID": ACCESS_KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY}
    with tempfile.TemporaryDirectory() as folder, emulator(Path(folder)) as url:
        job = Job(
            event_type="scn.data.inboundorderline",
            instance_id=INSTANCE,
            region=REGION,
            endpoint_url=url,
            pack=options.pack,
            group_by=("order_id",),
            run_dir=Path(folder) / "run",
        )
        before = resident_bytes()
        summary = run_load(job, frame=frame)
    added = own_peak_bytes() - before
    figures = {
        "rows": summary.records,
        "seconds": round(summary.seconds, 1),
        "frame_mib": round(frame.estimated_size() / MIB),
        "process_before_mib": round(before / MIB),
        "added_mib": round(added / MIB),
        "exit_code": int(summary.exit_code),
    }
    print(json.dumps(figures))
    return int(summary.exit_code != 0 or added > MOST_MIB * MIB)


def made_up(rows: int) -> pl.DataFrame:
    """Return so many order lines: texts, numbers, dates."""
    row = pl.int_range(rows)
    return pl.select(
        id=row.cast(pl.String).str.zfill(8),
        order_id=(row // 7).cast(pl.String).str.zfill(10),
        tpartner_id=(row % 997).cast(pl.String).str.zfill(6),
        product_id=(row.hash(1) % 50_000).cast(pl.String).str.zfill(18),
        to_site_id=(row % 31).cast(pl.String),
        quantity_submitted=(row % 1000).cast(pl.Float64) + 0.5,
        cost=(row.hash(2) % 100_000).cast(pl.Float64) / 100,
        quantity_uom=pl.lit("EA"),
        status=pl.when(row % 3 == 0).then(pl.lit("Open")).otherwise(pl.lit("Confirmed")),
        submitted_date=pl.datetime(2024, 1, 1) + pl.duration(minutes=row % 500_000),
    )


def resident_bytes() -> int:
    """Return the memory that this process has now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096


@contextmanager
def emulator(folder: Path) -> Iterator[str]:
    """Run an emulator in a process of its own, and yield its address."""
    command = [sys.executable, "-m", "loader", "emulator", "--port", "0", "--until-stdin-ends"]
    command += ["--lake", str(folder / "lake.sqlite"), "--ledger", str(folder / "ledger.sqlite")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().split()[-1]
        process.terminate()


if __name__ == "__main__":
    sys.exit(main())
