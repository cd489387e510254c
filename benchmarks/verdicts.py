"""``make bench-verify``: the cost of verifying accepted events: calls, memory, checkpoint.

python -m benchmarks.verdicts [--receipts 10000000] [--events 30000] [--quick]
"""

import argparse
import asyncio
import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import aclosing, closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.environment import look_around
from benchmarks.folder import INSTANCE, KEYS, REGION, ROOT, bench_folder
from benchmarks.peak_memory import own_peak_bytes
from benchmarks.processes import two_cores
from benchmarks.report import replace_section, say_environment, skeleton
from benchmarks.results import write_json
from benchmarks.tables import markdown_table
from loader import Job, stream_load
from loader.checkpoint.file_names import CHECKPOINT_NAME
from loader.checkpoint.verdicts import Verdict, open_verdicts
from loader.emulator import EmulatorSettings, running_emulator
from loader.verify.api import verify
from loader.verify.by_event_id import ReceiptsByEventId
from loader.verify.session import VerifyMethod, VerifySettings

PAGE = ROOT / "docs" / "benchmarks.md"
ARN = f"arn:aws:scn:{REGION}:123456789012:instance/{INSTANCE}/namespaces/asc/datasets/company"
WINDOW_EVENTS = 20_000
FOREIGN_EVENTS = 3_000
MANY_FOREIGN_EVENTS = 40_000
"""More than a sweep of List may pass before it has cost 5 % of what Get costs."""

CASES = (
    ("newest", FOREIGN_EVENTS, ("get", "auto")),
    ("oldest", FOREIGN_EVENTS, ("auto",)),
    ("mixed", MANY_FOREIGN_EVENTS, ("auto",)),
    ("oldest", MANY_FOREIGN_EVENTS, ("auto",)),
)
"""Order of List, events of another load, and the ways to ask."""

ORDERS = {
    "newest": "ours are the newest",
    "oldest": "ours are the oldest",
    "mixed": "ours are among the others",
}
QUICK_SHARE = 20

HOW_TO_READ = """\
*Calls* are the requests of `verify` for one load. *Others* are the events of another load of the same
instance. List shows the events of the verified load first, last, or mixed with the others. *Memory* is the
peak of a process that opens a checkpoint with this number of receipts, finds each by its event id, as when
List is read, and writes its verdict; requests are not included. *Bytes an event* is the growth of the
checkpoint."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The result of one way to ask."""

    how: str
    order: str
    foreign: int
    events: int
    calls: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Kept:
    """The result of writing verdicts on many receipts."""

    receipts: int
    peak_bytes: int
    grown_bytes: int
    seconds: float


def main() -> int:
    """Measure, and renew the section of the page."""
    parser = argparse.ArgumentParser(description="what it takes to verify a load")
    parser.add_argument("--receipts", type=int, default=10_000_000)
    parser.add_argument("--events", type=int, default=30_000)
    parser.add_argument("--quick", action="store_true", help="few events: only shows that it works")
    parser.add_argument("--only", choices=["calls", "memory"], help="no page is written")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child is not None:
        print(json.dumps(judge_all(options.child)))
        return 0
    os.environ.update(KEYS)
    share = QUICK_SHARE if options.quick else 1
    environment = look_around(two_cores())
    asked: list[Asked] = []
    kept: Kept | None = None
    with TemporaryDirectory(prefix="verify-", dir=bench_folder()) as folder:
        if options.only != "memory":
            asked = asyncio.run(ask_in_all_ways(Path(folder), options.events, share))
        if options.only != "calls":
            kept = keep_many(Path(folder), options.receipts // share)
    body = "\n\n".join(tables(asked, kept))
    print(body)
    write_json("verify", environment, quick=options.quick, asked=asked, kept=kept)
    if not options.quick and options.only is None:
        page = PAGE.read_text() if PAGE.exists() else skeleton()
        text = f"## Verifying a load\n\n{say_environment(environment)}\n\n{HOW_TO_READ}\n\n{body}"
        PAGE.write_text(replace_section(page, "verify", text))
    return 0


async def ask_in_all_ways(folder: Path, events: int, share: int) -> list[Asked]:
    """Load events beside those of another load, and ask for them by Get and by List.

    Args:
        folder: Where extracts and run directories go.
        events: Events of the load that is verified.
        share: By how much all numbers of events are divided.
    """
    found = []
    for order, foreign, hows in CASES:
        settings = EmulatorSettings(
            verify_signatures=False, check_records=False, keep_records=False, list_order=order
        )
        async with running_emulator(settings) as emulator:
            await load(folder / f"{order}-{foreign}-others", foreign // share, emulator.url)
            run_dir = folder / f"{order}-{foreign}-ours"
            await load(run_dir, events // share, emulator.url)
            for how in map(VerifyMethod, hows):
                forget(run_dir)
                began = time.monotonic()
                done = await verify(run_dir, VerifySettings(method=how))
                assert done.counts[Verdict.SUCCEEDED] == events // share, done.counts
                seconds = time.monotonic() - began
                found.append(Asked(how, order, foreign // share, events // share, done.calls, seconds))
    return found


async def load(run_dir: Path, events: int, url: str) -> None:
    """Load so many events of one row."""
    extract = run_dir.with_suffix(".csv")
    extract.write_text("id\n" + "".join(f"{run_dir.name}-{number}\n" for number in range(events)))
    job = Job(
        extract=(str(extract),),
        event_type="scn.data.dataset",
        dataset_arn=ARN,
        operation="UPSERT",
        instance_id=INSTANCE,
        region=REGION,
        endpoint_url=url,
        run_dir=run_dir,
    )
    async with aclosing(stream_load(job)) as results:
        async for _ in results:
            pass


def forget(run_dir: Path) -> None:
    """Remove all verdicts from a checkpoint."""
    with closing(sqlite3.connect(run_dir / CHECKPOINT_NAME)) as connection, connection:
        connection.execute("DELETE FROM verdicts")


def keep_many(folder: Path, receipts: int) -> Kept:
    """Make a checkpoint with many receipts, and have a process of its own write a verdict on each."""
    run_dir = folder / "many"
    asyncio.run(load_one(run_dir))
    multiply(run_dir, receipts)
    path = run_dir / CHECKPOINT_NAME
    before = path.stat().st_size
    command = [sys.executable, "-m", "benchmarks.verdicts", "--child", str(run_dir)]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=1800)
    found = json.loads(done.stdout)
    assert found["succeeded"] == receipts, found
    return Kept(receipts, found["peak_bytes"], path.stat().st_size - before, found["seconds"])


async def load_one(run_dir: Path) -> None:
    """Load one event: its checkpoint is the model of a large one."""
    settings = EmulatorSettings(verify_signatures=False, check_records=False, keep_records=False)
    async with running_emulator(settings) as emulator:
        await load(run_dir, 1, emulator.url)


def multiply(run_dir: Path, receipts: int) -> None:
    """Give a checkpoint of one event as many windows as so many receipts take."""
    with closing(sqlite3.connect(run_dir / CHECKPOINT_NAME)) as connection, connection:
        names = [name for (name,) in connection.execute("SELECT name FROM pragma_table_info('windows')")]
        changed = {"number": "?1", "events": "?2", "accepted": "?2"}
        chosen = ", ".join(changed.get(name, name) for name in names)
        for number in range(1, -(-receipts // WINDOW_EVENTS) + 1):
            events = min(WINDOW_EVENTS, receipts - (number - 1) * WINDOW_EVENTS)
            insert = f"INSERT INTO windows SELECT {chosen} FROM windows WHERE number = 0"
            connection.execute(insert, (number, events))
            connection.execute("INSERT INTO receipts VALUES (?, ?)", (number, os.urandom(16 * events)))
        connection.execute("DELETE FROM windows WHERE number = 0")
        connection.execute("DELETE FROM receipts WHERE window = 0")


def judge_all(run_dir: Path) -> dict[str, float]:
    """Find every receipt by its event id, and write a verdict on it down, as a sweep of List does."""
    began = time.monotonic()
    with open_verdicts(run_dir) as verdicts, ReceiptsByEventId() as known:
        known.add(verdicts.receipts())
        found = (known.find(receipt.event_id) for receipt in verdicts.receipts())
        while some := list(islice(found, WINDOW_EVENTS)):
            for receipt in some:
                if receipt is not None:
                    verdicts.record(receipt, Verdict.SUCCEEDED)
            verdicts.flush()
        succeeded = verdicts.counts()[Verdict.SUCCEEDED]
    peak_bytes = own_peak_bytes()
    return {"succeeded": succeeded, "peak_bytes": peak_bytes, "seconds": time.monotonic() - began}


def tables(asked: Sequence[Asked], kept: Kept | None) -> list[str]:
    """Return what was measured as tables."""
    found = []
    if asked:
        gets = next(each.calls for each in asked if each.how == VerifyMethod.GET)
        head = ["how", "order of List", "others", "events", "calls", "of Get's", "seconds"]
        rows = [
            [
                *(each.how, ORDERS[each.order], f"{each.foreign:,}", f"{each.events:,}"),
                *(f"{each.calls:,}", f"{each.calls / gets:.1%}", f"{each.seconds:.0f}"),
            ]
            for each in asked
        ]
        found.append(markdown_table(head, rows))
    if kept is not None:
        head = ["receipts", "memory", "bytes an event", "seconds"]
        row = [
            *(f"{kept.receipts:,}", f"{kept.peak_bytes / 2**20:,.0f} MiB"),
            *(f"{kept.grown_bytes / kept.receipts:.2f}", f"{kept.seconds:,.0f}"),
        ]
        found.append(markdown_table(head, [row]))
    return found


if __name__ == "__main__":
    sys.exit(main())
