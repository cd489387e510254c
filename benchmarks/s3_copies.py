"""``make bench-s3``: what copies of a checkpoint to S3 cost, and how long a resume elsewhere takes.

python -m benchmarks.s3_copies [--quick]

The checkpoints are made here: their receipts are as random as those of the service, and each event has what a
load writes down of it. S3 is moto's server in a process of its own, on loopback: the network is not measured.
"""

import argparse
import json
import os
import random
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import botocore.session

from benchmarks.environment import look_around
from benchmarks.folder import EVENT_TYPE, INSTANCE, KEYS, ROOT, bench_folder
from benchmarks.processes import two_cores
from benchmarks.report import replace_section, say_environment, skeleton
from benchmarks.results import write_json
from benchmarks.tables import markdown_table
from loader.checkpoint import Plan, open_checkpoint
from loader.checkpoint.connections import connect
from loader.checkpoint.file_names import CHECKPOINT_NAME
from loader.job import Job, run_dir_of
from loader.loading.settings import run_directory_settings
from loader.model import SourceFile
from loader.remote.copier import Copier
from loader.remote.copies.heads import COPY_NAME
from loader.remote.holding import hold_for_load, lease_for, locked_here
from loader.remote.objects import Objects
from loader.remote.other_files import Notes
from loader.remote.pace import USUAL_PACE
from loader.remote.working_copy import WorkingCopy
from loader.shards.parts import WHOLE

PAGE = ROOT / "docs" / "benchmarks.md"

EVENTS = (100_000, 1_000_000, 10_000_000)
QUICK_EVENTS = (20_000,)

EVENTS_OF_A_WINDOW = 20_000
"""About those of 4 MiB of rows, the window of a load with an event for each row."""

OPEN_EVENTS = 12_000
"""Events that were planned and not sent when the machine was lost, in the last window."""

BUCKET = "bench"

PHASE = "--phase"

COPIES_LOOKED_AT = 20
"""The last copies of a load: their processor time is that of a checkpoint of its size."""

HOW_TO_READ = """\
A load that grows to so many accepted events, copied after every 20,000 of them. *Stored* is what is in S3
at the end: archives of finished windows, and the head. A receipt is 16 random bytes, and 4 bytes of the
token are kept beside it. *Largest head* is the most that a copy wrote again: a head has the windows that
are open, and up to 4 MiB of those that are not archived yet. *Uploaded* is the sum of all archives and
heads; a load that copies more often uploads more heads. *Copy* is the processor time of one of the last
copies, with its archives and its upload; *every* is the pause after it that keeps copies at 2 % of a
processor, at least 5 s. *Resume* is the time on another machine from the start until the first event could
be sent: lease, download, doubt, opening, and its own first copy. The network and the extract are not
measured."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A load that grew to a certain size.

    Attributes:
        events: How many events were planned.
        archives: How many archives it has.
        stored_bytes: Size of its archives and its head.
        head_bytes: Size of its largest head.
        uploaded_bytes: Size of all archives and all heads.
        copy_cpu_seconds: Mean processor time of one of the last copies.
        copy_seconds: Mean time of one of them.
        resume_seconds: How long a resume took.
    """

    events: int
    archives: int
    stored_bytes: int
    head_bytes: int
    uploaded_bytes: int
    copy_cpu_seconds: float
    copy_seconds: float
    resume_seconds: float


def main() -> int:
    """Measure and renew the section of the page."""
    parser = argparse.ArgumentParser(description="what copies of a checkpoint to S3 cost")
    parser.add_argument("--quick", action="store_true", help="one small checkpoint: only shows that it works")
    parser.add_argument("--events", type=int, help="one checkpoint of so many events; the page stays")
    parser.add_argument(PHASE, nargs=2, metavar=("NAME", "EVENTS"), help="one side, in this process")
    options = parser.parse_args()
    if options.phase:
        name, events = options.phase
        print(json.dumps({"lose": lose, "resume": resume}[name](int(events))), flush=True)
        os._exit(0)  # as a machine that is lost: no lease is released
    environment = look_around(two_cores())
    sizes = QUICK_EVENTS if options.quick else (options.events,) if options.events else EVENTS
    os.environ.update(KEYS)
    measured = []
    with TemporaryDirectory(prefix="s3-", dir=bench_folder()) as folder, s3_server() as url:
        os.environ["AWS_ENDPOINT_URL_S3"] = url
        for events in sizes:
            measured.append(measure(events, Path(folder) / str(events)))
            print(measured[-1], file=sys.stderr)
    table = markdown_table(COLUMNS, _lines(measured))
    print(table)
    write_json("s3_copies", environment, quick=options.quick, measured=measured)
    if sizes == EVENTS:
        page = PAGE.read_text() if PAGE.exists() else skeleton()
        body = f"## Copies in S3\n\n{say_environment(environment)}\n\n{HOW_TO_READ}\n\n{table}"
        PAGE.write_text(replace_section(page, "s3-copies", body))
    return 0


def measure(events: int, folder: Path) -> Measured:
    """Copy a checkpoint as it grows, lose the machine, and go on elsewhere: a process each."""
    head_bytes, largest_bytes, heads_bytes, cpu_seconds, seconds = _phase("lose", events, folder)
    client = botocore.session.Session().create_client("s3")
    key = f"{events}/lease.json"
    # Two minutes would pass on the real clock.
    lease = client.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    client.put_object(Bucket=BUCKET, Key=key, Body=lease.replace(b'"seconds":120.0', b'"seconds":-9.0'))
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=f"{events}/archives/")
    archives = [each["Size"] for page in pages for each in page.get("Contents", ())]
    (resume_seconds,) = _phase("resume", events, folder)
    return Measured(
        events,
        len(archives),
        int(sum(archives) + head_bytes),
        int(largest_bytes),
        int(sum(archives) + heads_bytes),
        cpu_seconds,
        seconds,
        resume_seconds,
    )


def _phase(name: str, events: int, folder: Path) -> list[float]:
    command = [sys.executable, "-m", "benchmarks.s3_copies", PHASE, name, str(events)]
    environment = os.environ | {"XDG_STATE_HOME": str(folder / name)}
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, timeout=900, env=environment)
    return [float(number) for number in json.loads(done.stdout)]


def lose(events: int) -> list[float]:
    """Let a load grow, and copy it.

    Returns:
        Sizes of the last head, of the largest one, and of all of them; mean processor time and time of one
        of the last copies.
    """
    settings = run_directory_settings(_job(events))
    assert settings.address is not None
    objects = Objects(settings.address, settings.s3.client())
    copy = WorkingCopy(objects)
    place = copy.place_of(WHOLE)
    with locked_here(copy, WHOLE):
        lease = lease_for(copy, WHOLE, USUAL_PACE)
        lease.take(print, lambda: True)
        lease.renew(events)  # windows: all of them may be sent
        copier = Copier(objects, place, lease.writer, Notes.of(place.path))
        costs: list[tuple[float, float]] = []
        heads: list[int] = []
        for _ in grown(place.path, events):
            began, cpu_began = time.perf_counter(), time.thread_time()
            copier.copy(time.time)
            costs.append((time.thread_time() - cpu_began, time.perf_counter() - began))
            head = objects.seen(COPY_NAME)
            assert head is not None
            heads.append(head.size_bytes)
    last = costs[-COPIES_LOOKED_AT:]
    means = [sum(each) / len(last) for each in zip(*last, strict=True)]
    return [heads[-1], max(heads), sum(heads), *means]


def resume(events: int) -> list[float]:
    """Go on elsewhere; return how long it takes until an event could be sent."""
    job = _job(events)
    began = time.perf_counter()
    held = hold_for_load(run_directory_settings(job), print)
    with open_checkpoint(run_dir_of(job), plan_of(events)) as checkpoint:
        held.keeper.begin(time.time, print)
        seconds = time.perf_counter() - began
        totals = checkpoint.totals()
        assert (totals.events_accepted, totals.events_in_doubt) == (events - OPEN_EVENTS, OPEN_EVENTS)
    return [seconds]


def _job(events: int) -> Job:
    return Job(event_type=EVENT_TYPE, instance_id=INSTANCE, run_dir=f"s3://{BUCKET}/{events}")


def plan_of(events: int) -> Plan:
    """Return the plan of a load of so many rows, an event each."""
    file = SourceFile(0, "/extracts/lines.parquet", "parquet", events * 40, 10**18, "f" * 64, 0, events)
    cuts = (EVENTS_OF_A_WINDOW, EVENTS_OF_A_WINDOW)
    return Plan({"event_type": EVENT_TYPE}, [file], *cuts, "scn-loader load lines.parquet")


def grown(folder: Path, events: int) -> Iterator[int]:
    """Write the checkpoint of a load, and yield after each window; it ends with events that were not sent."""
    open_checkpoint(folder, plan_of(events)).close()
    chance = random.Random(1)
    with closing(connect(folder / CHECKPOINT_NAME)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("INSERT INTO runs (number, pid, retry_failed, started_at) VALUES (1, 1, 0, 0)")
        for window, first in enumerate(range(0, events, EVENTS_OF_A_WINDOW)):
            count = min(EVENTS_OF_A_WINDOW, events - first)
            connection.execute("BEGIN")
            _add_window(connection, chance, window, count, is_last=first + count == events)
            connection.execute("COMMIT")
            yield window


def _add_window(
    connection: sqlite3.Connection, chance: random.Random, window: int, events: int, *, is_last: bool
) -> None:
    accepted = events - OPEN_EVENTS if is_last else events
    receipts = bytearray(chance.randbytes(16 * accepted))
    receipts[6::16] = bytes(0x40 | byte & 15 for byte in receipts[6::16])  # version and variant of a UUID
    receipts[8::16] = bytes(0x80 | byte & 63 for byte in receipts[8::16])
    receipts += bytes(16 * (events - accepted))
    places = bytearray(b"".join(row.to_bytes(8, "little") for row in range(events)))
    for at in range(4, 8):
        places[at::8] = chance.randbytes(events)
    counts = (window, 0, window * EVENTS_OF_A_WINDOW, events, 0, 0, events, 0)
    connection.execute(
        "INSERT INTO windows (number, file, first_row, rows_read, rows_filtered, rows_rejected, records,"
        " rows_filtered_unknown, events, slices, is_whole, accepted, opened_at, finished_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 1, 1, ?, ?, ?)",
        (*counts, events, accepted, time.time(), None if is_last else time.time()),
    )
    connection.execute(
        "INSERT INTO slices VALUES (?, 0, 0, ?, 1, ?, ?)", (window, events, chance.randbytes(32), places)
    )
    connection.execute(
        "INSERT INTO slice_files VALUES (?, 0, 0, ?, ?, 0, 0, ?, ?, 0, 0, 0)",
        (window, window * EVENTS_OF_A_WINDOW, events, events, int(is_last)),
    )
    connection.execute("INSERT INTO receipts VALUES (?, ?)", (window, receipts))


@contextmanager
def s3_server() -> Iterator[str]:
    """Run moto's S3 in a process of its own, and yield its URL."""
    command = [sys.executable, "-c", SERVER]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        try:
            with suppress(OSError):
                urllib.request.urlopen(url).close()
            client = botocore.session.Session().create_client("s3", endpoint_url=url, region_name="us-east-1")
            client.create_bucket(Bucket=BUCKET)
            yield url
        finally:
            process.terminate()


SERVER = """
from werkzeug.serving import make_server
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=True)
print(f"http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
"""


COLUMNS = (
    *("events", "archives", "stored, bytes an event", "largest head, bytes an event"),
    *("uploaded, bytes an event", "copy, s of a processor", "every, s", "resume, s"),
)


def _lines(measured: Sequence[Measured]) -> Iterator[list[str]]:
    for each in measured:
        pause = max(USUAL_PACE.copy_seconds, each.copy_cpu_seconds / USUAL_PACE.copy_share)
        sizes = (each.stored_bytes, each.head_bytes, each.uploaded_bytes)
        yield [
            f"{each.events:,}",
            f"{each.archives}",
            *(f"{size / each.events:.2f}" for size in sizes),
            f"{each.copy_cpu_seconds:.3f}",
            f"{pause:.0f}",
            f"{each.resume_seconds:.1f}",
        ]


if __name__ == "__main__":
    sys.exit(main())
