"""``make bench-shapes``: how full events are and how fast they are planned, whatever the extract looks like.

python -m benchmarks.shapes [--quick] [--only WORD]
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.environment import look_around
from benchmarks.folder import ROOT, bench_folder
from benchmarks.processes import two_cores
from benchmarks.report import replace_section, say_environment, skeleton
from benchmarks.results import write_json
from benchmarks.shape_files import SHAPES, Shape
from benchmarks.tables import markdown_table, number

PAGE = ROOT / "docs" / "benchmarks.md"

BUCKETS: Sequence[int | str] = (16, 64, "auto")

MOST_SECONDS = 900.0

ALLOCATOR = "_RJEM_MALLOC_CONF"
"""Variable with the settings of polars' allocator (`loader.process.limits`)."""

QUICK_SHARE = 20

HOW_TO_READ = """\
Nothing is sent: the loader plans every event in a separate process, and the events are counted. *Needed* is
the minimum number of calls of 1 MiB for the bytes of the records; if keys have versions, the minimum for each
bucket, added up. *First call* is the time until the first event is full, including the imports. *auto* is the
number that `--group-buckets auto` chooses."""


BEFORE = """\
In earlier versions, a window ended with its file, and a repeated key closed its event for all other groups.
Similar extracts of 200,000 rows with 64 buckets then took 64 calls in one Parquet file, 25,600 in 400 files,
and 5,821 with five versions of each key, mixed. A retailer's 305 daily CSV files with 16 buckets took 10,554
calls of 13 KiB."""


@dataclass(frozen=True, slots=True)
class Planned:
    """The result of one shape with one number of buckets."""

    shape: str
    needed: int
    asked: str
    buckets: int | None
    rows: int
    events: int
    seconds: float
    first_seconds: float
    peak_bytes: int


def main() -> int:
    """Measure the shapes and renew the section of the page."""
    parser = argparse.ArgumentParser(description="how full events are for extracts of many shapes")
    parser.add_argument("--quick", action="store_true", help="few rows: only shows that it works")
    parser.add_argument("--only", default="", help="shapes with this word in their name; no page is written")
    options = parser.parse_args()
    environment = look_around(two_cores())
    planned: list[Planned] = []
    for shape in (each for each in SHAPES if options.only in each.name):
        rows = max(100, shape.rows // QUICK_SHARE) if options.quick else shape.rows
        with TemporaryDirectory(prefix="shape-", dir=bench_folder()) as folder:
            shape.write(Path(folder), rows)
            for buckets in BUCKETS:
                planned.append(measure(shape, Path(folder), buckets))
                print(planned[-1], file=sys.stderr)
    table = shape_table(planned)
    print(table)
    write_json("shapes", environment, quick=options.quick, planned=planned)
    if not options.quick and not options.only:
        page = PAGE.read_text() if PAGE.exists() else skeleton()
        body = (
            f"## Shapes of extracts\n\n{say_environment(environment)}\n\n{HOW_TO_READ}\n\n{table}\n\n{BEFORE}"
        )
        PAGE.write_text(replace_section(page, "shapes", body))
    return 0


def measure(shape: Shape, folder: Path, buckets: int | str) -> Planned:
    """Plan an extract in a process of its own, with the memory settings of the command.

    polars, which this process imported, sets others for all its children.
    """
    environment = {name: value for name, value in os.environ.items() if name != ALLOCATOR}
    asked = {"extract": str(folder), "buckets": buckets, "group_by": shape.group_by}
    command = [sys.executable, "-m", "benchmarks.shape_plan", json.dumps(asked)]
    done = subprocess.run(
        command, cwd=ROOT, check=True, capture_output=True, timeout=MOST_SECONDS, env=environment
    )
    found: Mapping[str, Any] = json.loads(done.stdout)
    needed = -(-found["data_bytes"] // 2**20)
    if shape.versions > 1:
        needed = max(needed, shape.versions * (found["buckets"] or 1))
    return Planned(
        shape=shape.name,
        needed=needed,
        asked=str(buckets),
        buckets=found["buckets"],
        rows=found["rows"],
        events=found["events"],
        seconds=found["seconds"],
        first_seconds=found["first_seconds"],
        peak_bytes=found["peak_bytes"],
    )


def shape_table(planned: Sequence[Planned]) -> str:
    """Return the table of all shapes."""
    head = ["", "buckets", "needed", "calls", "calls / needed", "rows/s", "first call", "peak"]
    return markdown_table(head, _lines(planned))


def _lines(planned: Sequence[Planned]) -> Iterator[list[str]]:
    for each in planned:
        chosen = f"auto: {each.buckets}" if each.asked == "auto" else each.asked
        yield [
            each.shape,
            chosen,
            f"{each.needed:,}",
            f"{each.events:,}",
            f"{each.events / each.needed:.2f}",
            number(each.rows / each.seconds),
            f"{each.first_seconds:.1f} s",
            f"{each.peak_bytes / 2**20:,.0f} MiB",
        ]


if __name__ == "__main__":
    sys.exit(main())
