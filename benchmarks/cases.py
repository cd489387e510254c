"""What ``make bench`` measures beside plain speed: growth, memory, resume, start, checkpoint."""

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median
from typing import Any

from benchmarks.extracts import extract
from benchmarks.folder import KEYS, ROOT
from benchmarks.loads import CHECKPOINT_NAME, PACKED, LoadEnded, load_command, start_load
from benchmarks.measure import Workbench
from benchmarks.processes import run_to_end
from benchmarks.results import Figure
from benchmarks.servers import running_nginx

MEBI = 2**20
START_TIMEOUT_SECONDS = 60.0
LIBRARY_LOAD_SECONDS = 3600.0

# What the benchmark aims at.
MOST_GROWTH = 1.05
"""Time per row of the large load over that of the small one: 10.5 times as long for 10 times the rows."""
MOST_MEMORY_GROWTH = 1.10
MOST_MEBIBYTES = 500
MOST_RESUME_SHARE = 0.05
MOST_START_SECONDS = 1.5
MOST_CHECKPOINT_SHARE = 0.05
MOST_BYTES_PER_EVENT = 40


@dataclass(frozen=True, slots=True)
class Sized:
    """A load and the extract it loaded."""

    rows: int
    ended: LoadEnded


def growth(small: Sequence[Sized], large: Sequence[Sized]) -> list[Figure]:
    """Return how time and memory grow with the extract: means of several loads, as peaks scatter."""
    larger, smaller = large[0].rows, small[0].rows
    times = _mean_seconds(large) / _mean_seconds(small)
    memory = _mean_peak(large) / _mean_peak(small)
    peak = max(each.ended.process.peak_bytes for each in large) / MEBI
    what = f"{larger:,} rows over {smaller:,}, packed"
    return [
        Figure(
            f"Time of {what}",
            f"{times:.2f} times",
            f"at most {MOST_GROWTH * larger / smaller:.1f} times",
            times <= MOST_GROWTH * larger / smaller,
        ),
        Figure(
            f"Peak memory of {what}",
            f"{memory:.2f} times (at most {peak:.0f} MiB)",
            f"at most {MOST_MEMORY_GROWTH:.2f} times, {MOST_MEBIBYTES} MiB",
            memory <= MOST_MEMORY_GROWTH and peak <= MOST_MEBIBYTES,
        ),
    ]


def _mean_seconds(loads: Sequence[Sized]) -> float:
    return fmean(each.ended.process.seconds for each in loads)


def _mean_peak(loads: Sequence[Sized]) -> float:
    return fmean(each.ended.process.peak_bytes for each in loads)


def memory(name: str, sized: Sized) -> Figure:
    """Return the peak memory of a load."""
    peak = sized.ended.process.peak_bytes / MEBI
    return Figure(
        f"Peak memory, {sized.rows:,} rows, {name}",
        f"{peak:.0f} MiB",
        f"at most {MOST_MEBIBYTES} MiB",
        peak <= MOST_MEBIBYTES,
    )


def resume(bench: Workbench, name: str, full: Sized, done_share: float, *, packed: bool) -> Figure:
    """Stop a load when most of its rows are done, run the command again, and return what that cost.

    Args:
        bench: Where it runs.
        name: What tables call it.
        full: The same load in one go.
        done_share: Share of its rows after which it is stopped; what is in flight then still comes on top.
        packed: Whether rows share events.

    Raises:
        RuntimeError: It was not stopped where it should be.
    """
    source, run_dir = extract(full.rows), bench.run_dir()
    stop_at = ["--stop-at-rows", str(int(full.rows * done_share)), *(["--packed"] if packed else [])]
    done = library_load(bench, source, run_dir, *stop_at)
    if not done_share * full.rows <= done["rows"] < full.rows:
        raise RuntimeError(
            f"the load was to stop at {done_share:.0%} of {full.rows} rows, not at {done['rows']}"
        )
    rest = bench.load(source, *(PACKED if packed else ()), run_dir=run_dir)
    share = rest.process.seconds / full.ended.process.seconds
    return Figure(
        f"Resume of {full.rows:,} rows, {done['rows'] / full.rows:.1%} done, {name}",
        f"{rest.process.seconds:.2f} s, {share:.1%} of the full load",
        f"below {MOST_RESUME_SHARE:.0%}",
        share < MOST_RESUME_SHARE,
    )


def start(bench: Workbench, rows: int, times: int) -> Figure:
    """Return how long the command takes from its start to its first answered request."""
    seconds = [_first_request_seconds(bench, rows) for _ in range(times)]
    return Figure(
        f"Start of the command to first request, {rows:,} rows",
        f"{median(seconds):.2f} s ({min(seconds):.2f}..{max(seconds):.2f})",
        f"below {MOST_START_SECONDS} s",
        median(seconds) < MOST_START_SECONDS,
    )


def _first_request_seconds(bench: Workbench, rows: int) -> float:
    run_dir = bench.run_dir()
    with running_nginx(core=bench.cores.server, log_requests="at once") as server:
        command = load_command(extract(rows), server.url, run_dir)
        with start_load(command, run_dir, bench.cores.client) as child:
            deadline = time.monotonic() + START_TIMEOUT_SECONDS
            while not server.has_answered():
                if time.monotonic() > deadline or child.poll() is not None:
                    raise RuntimeError("the load sent no request")
                time.sleep(0.02)
            child.stop()
        return server.answers()[0].at - child.began_at


def checkpoint_cost(bench: Workbench, rows: int, rounds: int) -> list[Figure]:
    """Return what the write-ahead marks and the whole checkpoint cost in throughput and CPU time.

    The kinds alternate within a round; a share is the median of the shares of the rounds.
    """
    kinds = ("null", "unmarked", "real")
    speeds: dict[str, list[float]] = {kind: [] for kind in kinds}
    cpu: dict[str, list[float]] = {kind: [] for kind in kinds}
    for number in range(rounds):
        for kind in kinds if number % 2 else kinds[::-1]:
            done = library_load(bench, extract(rows), bench.run_dir(), "--checkpoint", kind)
            speeds[kind].append(done["events"] / done["seconds"])
            cpu[kind].append(done["cpu_seconds"] / done["events"] * 1e6)
    figures = []
    for what, without in (("write-ahead marks", "unmarked"), ("checkpoint", "null")):
        share = median(1 - a / b for a, b in zip(speeds["real"], speeds[without], strict=True))
        spent = median(a - b for a, b in zip(cpu["real"], cpu[without], strict=True))
        verb = "cost" if what.endswith("s") else "costs"
        figures.append(
            Figure(
                f"Throughput the {what} {verb}, {rows:,} rows, one per event",
                f"{share:.1%} (rounds: {rounds}; "
                f"{median(speeds['real']):,.0f} instead of {median(speeds[without]):,.0f} events/s)",
                f"below {MOST_CHECKPOINT_SHARE:.0%}",
                share < MOST_CHECKPOINT_SHARE,
            )
        )
        figures.append(Figure(f"CPU time the {what} {verb}", f"{spent:.1f} us per event"))
    return figures


def checkpoint_bytes(bench: Workbench, rows: int) -> Figure:
    """Return the size of the checkpoint of a load in row mode, per accepted event."""
    run_dir = bench.run_dir()
    ended = bench.load(extract(rows), run_dir=run_dir)
    size = sum(file.stat().st_size for file in run_dir.glob(f"{CHECKPOINT_NAME}*"))
    per_event = size / ended.summary["events_accepted"]
    return Figure(
        f"Checkpoint, {rows:,} events",
        f"{per_event:.1f} bytes per event",
        f"below {MOST_BYTES_PER_EVENT}",
        per_event < MOST_BYTES_PER_EVENT,
    )


def library_load(bench: Workbench, source: Path, run_dir: Path, *options: str) -> dict[str, Any]:
    """Run a load through the library and return what it prints.

    Raises:
        RuntimeError: It failed.
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    command = [
        *(sys.executable, "-m", "benchmarks.library_load", str(source)),
        *("--url", bench.server.url, "--run-dir", str(run_dir)),
        *options,
    ]
    ended = run_to_end(
        command,
        core=bench.cores.client,
        folder=bench.folder,
        environment={**KEYS, "XDG_STATE_HOME": str(run_dir / "state"), "PYTHONPATH": str(ROOT)},
        timeout_seconds=LIBRARY_LOAD_SECONDS,
    )
    if ended.exit_code != 0:
        raise RuntimeError(f"the load through the library failed:\n{ended.errors[-2000:]}")
    done: dict[str, Any] = json.loads(ended.output)
    return done
