"""``make bench-shards``: what a shard costs for each event of its own, and how four of them keep to a limit.

    python -m benchmarks.shards [--quick] [--only cost rates]

A shard reads every row, and converts, packs and sends its own. Planning is measured in a process of its own.
Sending costs the same for each event, however many shards there are. It is measured once, with whole loads of
one process, and added.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks.cases import library_load
from benchmarks.environment import look_around
from benchmarks.extracts import extract
from benchmarks.folder import EVENT_TYPE, INSTANCE, ROOT, bench_folder
from benchmarks.measure import Workbench
from benchmarks.order_lines import write
from benchmarks.processes import two_cores
from benchmarks.report import replace_section, say_environment, skeleton
from benchmarks.results import write_json
from benchmarks.servers import running_nginx
from benchmarks.shard_rates import HEADER, LIMITS, SETTLE_SECONDS, RateMeasured, measure_limit
from benchmarks.tables import markdown_table

PAGE = ROOT / "docs" / "benchmarks.md"

ROWS, QUICK_ROWS = 300_000, 20_000
SHARDS = (1, 2, 4, 8, 16)
FORMATS = ("parquet", "csv")
PLAN = "--plan"

HOW_TO_READ = """\
Processor time for each event that a shard has to send: one event per row, 20 columns. *Planning* includes the
rows of other shards, which are read and left out. Sending an event costs {sending:.1f} µs, however many
shards there are: whole loads of one process, less their planning (median of {loads} loads)."""

SENT_ROWS, QUICK_SENT_ROWS, SENT_LOADS = 60_000, 5_000, 5

RATES_HEADING = """\
### One limit for four shards

Calls as the emulator's ledger has them, an event for each row. *Most in any second* counts the second that
begins with any call, by the time of arrival: where the machine is busy, calls arrive in bunches that were
sent evenly. The first seconds include the search for the limit."""

COLUMNS = ("", "shards", "own events", "planning, µs", "of one process", "with sending, µs", "of one process")

PARTS = ("cost", "rates")
RATE_SECONDS, QUICK_RATE_SECONDS = 60, SETTLE_SECONDS + 5


@dataclass(frozen=True, slots=True)
class Planned:
    """The result of one shard."""

    format: str
    shards: int
    own_events: int
    cpu_seconds: float

    @property
    def microseconds(self) -> float:
        """Processor time for each event of the shard."""
        return self.cpu_seconds / self.own_events * 1e6


def main() -> int:
    """Measure and renew the section of the page."""
    parser = argparse.ArgumentParser(description="what a shard costs for each event of its own")
    parser.add_argument("--quick", action="store_true", help="few rows: only shows that it works")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="some parts; the page stays")
    parser.add_argument(PLAN, nargs=2, metavar=("EXTRACT", "K/N"), help="plan a shard in this process")
    options = parser.parse_args()
    if options.plan:
        print(json.dumps(plan(*options.plan)))
        return 0
    environment = look_around(two_cores())
    planned: list[Planned] = []
    sending = 0.0
    rates: list[RateMeasured] = []
    with TemporaryDirectory(prefix="shards-", dir=bench_folder()) as name:
        folder = Path(name)
        if "cost" in options.only:
            planned += _costs(folder, QUICK_ROWS if options.quick else ROWS)
            whole = _whole_microseconds(folder, QUICK_SENT_ROWS if options.quick else SENT_ROWS)
            sending = whole - planned[0].microseconds
        if "rates" in options.only:
            rates += _rates(folder, QUICK_RATE_SECONDS if options.quick else RATE_SECONDS)
    costs = markdown_table(COLUMNS, _lines(planned, sending))
    held = markdown_table(HEADER, [each.line for each in rates])
    print(costs, held, sep="\n\n")
    write_json("shards", environment, quick=options.quick, planned=planned, rates=rates)
    if not options.quick and set(options.only) == set(PARTS):
        page = PAGE.read_text() if PAGE.exists() else skeleton()
        how_to_read = HOW_TO_READ.format(sending=sending, loads=SENT_LOADS)
        parts = ["## Shards", say_environment(environment), how_to_read, costs, RATES_HEADING, held]
        PAGE.write_text(replace_section(page, "shards", "\n\n".join(parts)))
    return 0


def _costs(folder: Path, rows: int) -> Iterator[Planned]:
    for kind in FORMATS:
        lines = folder / f"lines.{kind}"
        write(rows, lines)
        for of in SHARDS:
            found = measure(lines, kind, of)
            print(found, file=sys.stderr)
            yield found


def _whole_microseconds(folder: Path, rows: int) -> float:
    """Return the processor time of an event in whole loads of one process, of a Parquet file."""
    cores = two_cores()
    with running_nginx(core=cores.server) as server:
        bench = Workbench(server, cores, folder)
        loads = [library_load(bench, extract(rows), bench.run_dir()) for _ in range(SENT_LOADS)]
    return float(median(each["cpu_seconds"] / each["events"] * 1e6 for each in loads))


def _rates(folder: Path, seconds: int) -> Iterator[RateMeasured]:
    for limit in LIMITS:
        found = measure_limit(limit, two_cores(), folder, seconds)
        print(found, file=sys.stderr)
        yield found


def measure(lines: Path, kind: str, of: int) -> Planned:
    """Plan the first of so many shards in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.shards", PLAN, str(lines), f"1/{of}"]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=600)
    events, seconds = json.loads(done.stdout)
    return Planned(kind, of, events, seconds)


def plan(lines: str, shard: str) -> tuple[int, float]:
    """Return how many events a shard has, and the processor time that planning them takes."""
    from loader.extract import open_extract  # noqa: PLC0415 - the parent needs none of it
    from loader.extract.planning import plan_slices  # noqa: PLC0415
    from loader.job import Job  # noqa: PLC0415
    from loader.stage_settings.extract import extract_settings  # noqa: PLC0415

    job = Job(extract=[lines], event_type=EVENT_TYPE, instance_id=INSTANCE, shard=shard)
    opened = open_extract(extract_settings(job))
    began = time.process_time()
    events = sum(len(each.events) for each in plan_slices(job.destination, opened))
    return events, time.process_time() - began


def _lines(planned: Sequence[Planned], sending: float) -> Iterator[list[str]]:
    for each in planned:
        alone = next(other for other in planned if other.format == each.format and other.shards == 1)
        yield [
            each.format,
            str(each.shards),
            f"{each.own_events:,}",
            f"{each.microseconds:.1f}",
            f"{each.microseconds / alone.microseconds:.2f}",
            f"{each.microseconds + sending:.1f}",
            f"{(each.microseconds + sending) / (alone.microseconds + sending):.2f}",
        ]


if __name__ == "__main__":
    sys.exit(main())
