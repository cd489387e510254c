"""``make bench``: how fast the loader is, beside others and beside what this machine can do.

    python -m benchmarks.bench [--quick] [--only speed growth ...]

Everything runs against one nginx on the other core. What the server held back is not reported.
"""

import argparse
import subprocess
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import cases
from benchmarks.bench_sizes import FULL, QUICK, Sizes
from benchmarks.cases import Sized
from benchmarks.ceilings import Ceiling
from benchmarks.compiled import compiled_loader
from benchmarks.environment import Environment, look_around
from benchmarks.extracts import extract
from benchmarks.folder import bench_folder
from benchmarks.judge import WRK_PACKED, WRK_ROW, server_bound
from benchmarks.loads import PACKED, LoadEnded, knows_option
from benchmarks.measure import Rounds, Workbench, all_measurements
from benchmarks.peer_runs import BOTO3, PEERS
from benchmarks.processes import two_cores
from benchmarks.report import say_environment, write_checkpoint, write_throughput
from benchmarks.results import Figure, Kind, Measurement, write_json
from benchmarks.servers import MissingProgramError, require, running_nginx
from benchmarks.tables import figures_table, throughput_table

ROW_MODE, PACKED_MODE, PACKED_CSV = (
    "scn-loader, one row per event",
    "scn-loader, packed",
    "scn-loader, packed, from CSV",
)
ROW_MODE_AIOHTTP = "scn-loader --transport aiohttp, one row per event"
ROW_MODE_COMPILED = "scn-loader compiled, one row per event"

OVER_TLS = {
    ROW_MODE: "scn-loader, one row per event, over TLS",
    PACKED_MODE: "scn-loader, packed, over TLS",
}
"""What the same loads are called over TLS."""

LEAST_ROW_RATIO, LEAST_PACKED_RATIO = 18, 300
"""What the benchmark aims at, times boto3 with threads."""

LEAST_TLS_SHARE = 0.85
"""What the benchmark aims at: speed over TLS, over that without it."""

SMALL_BODY_BYTES = 780
"""A request with one row of the extract, as the loader sends it."""

JSON_ESCAPE_FACTOR = 1.12
"""How much longer a record of the extract gets as a string inside JSON: its quotes are escaped."""


def main() -> int:
    """Run what the arguments ask for; 1 if a part failed or cannot be reported, 2 if something is missing."""
    parser = argparse.ArgumentParser(description="how fast the loader is")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: only shows that everything runs")
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=list(PARTS), help="some parts")
    options = parser.parse_args()
    sizes, cores = (QUICK if options.quick else FULL), two_cores()
    try:
        require("nginx", "wrk", "openssl")
    except MissingProgramError as error:
        print(error, file=sys.stderr)
        return 2
    environment = look_around(cores)
    print(say_environment(environment), file=sys.stderr)
    with (
        running_nginx(core=cores.server) as server,
        TemporaryDirectory(prefix="bench-", dir=bench_folder()) as folder,
    ):
        run = Benchmark(Workbench(server, cores, Path(folder)), sizes)
        failed = [part for part in options.only if not _succeeds(part, run)]
    whole = not failed and set(options.only) == set(PARTS)
    return _report(environment, run, quick=options.quick, whole=whole) or int(bool(failed))


class Benchmark:
    """The parts of one run, and what they found."""

    def __init__(self, bench: Workbench, sizes: Sizes) -> None:
        self.bench = bench
        self.sizes = sizes
        self.measurements: list[Measurement] = []
        self.figures: list[Figure] = []
        self.checkpoint_figures: list[Figure] = []

    def speed(self) -> None:
        """Measure the loader, its peers and the ceilings, in turns."""
        sizes, bench = self.sizes, self.bench
        rows, small, large = (
            extract(sizes.peer_rows, "jsonl"),
            extract(sizes.row_rows),
            extract(sizes.packed_rows),
        )
        csv = extract(sizes.csv_rows, "csv")
        peers = [(Rounds(peer.name, "ceiling" if peer.is_ceiling else "peer"), peer) for peer in PEERS]
        row, with_aiohttp = Rounds(ROW_MODE, "row"), Rounds(ROW_MODE_AIOHTTP, "row")
        compiled = Rounds(ROW_MODE_COMPILED, "row", f"{sizes.row_rows:,} rows")
        packed, from_csv = Rounds(PACKED_MODE, "packed"), Rounds(PACKED_CSV, "packed")
        boto3 = next(rounds for rounds, peer in peers if peer is BOTO3)

        def measure_boto3() -> None:
            # The machine's speed changes within seconds. What all is compared with is measured between the
            # loads too, or their ratio to it would be chance.
            bench.peer_round(boto3, BOTO3, rows, sizes.peer_seconds)

        wrk_row, wrk_packed = Rounds(WRK_ROW, "ceiling"), Rounds(WRK_PACKED, "ceiling")
        compiled_source = compiled_loader() if sizes.compiles else None
        for number in range(sizes.rounds):
            _say(f"speed, round {number + 1} of {sizes.rounds}")
            for rounds, peer in peers:
                bench.peer_round(rounds, peer, rows, sizes.peer_seconds)
            bench.load_round(row, small)
            measure_boto3()
            if compiled_source is not None:
                bench.load_round(compiled, small, source=compiled_source)
                measure_boto3()
            if knows_option("--transport"):
                bench.load_round(with_aiohttp, extract(sizes.aiohttp_rows), "--transport", "aiohttp")
            measure_boto3()
            ended = bench.load_round(packed, large, *PACKED)
            measure_boto3()
            bench.load_round(from_csv, csv, *PACKED)
            measure_boto3()
            bench.ceiling_round(wrk_row, Ceiling(SMALL_BODY_BYTES, 64), sizes.peer_seconds, 1)
            bench.ceiling_round(
                wrk_packed, Ceiling(_body_bytes(ended, rows), 64), sizes.peer_seconds, _filled(ended)
            )
        row.remark = f"{sizes.row_rows:,} rows"
        with_aiohttp.remark = f"{sizes.aiohttp_rows:,} rows"
        packed.remark = f"{sizes.packed_rows:,} rows, {_filled(ended):,.0f} per event"
        from_csv.remark = f"{sizes.csv_rows:,} rows"
        found = [row, with_aiohttp, packed, from_csv, *(rounds for rounds, _ in peers), wrk_row, wrk_packed]
        found += [compiled] if sizes.compiles else []
        self.measurements += all_measurements(found)
        self.figures += _ratios(self.measurements)

    def tls(self) -> None:
        """Measure loads over TLS, each beside the same load without it, as the machine's speed changes."""
        sizes, bench = self.sizes, self.bench
        loads = {ROW_MODE: (sizes.tls_rows, ()), PACKED_MODE: (sizes.tls_packed_rows, PACKED)}
        with running_nginx(core=bench.cores.server, tls=True) as server:
            secured = Workbench(server, bench.cores, bench.folder / "tls")
            for name, (rows, options) in loads.items():
                kind: Kind = "packed" if options else "row"
                plain, over_tls = Rounds(name, kind), Rounds(OVER_TLS[name], kind, f"{rows:,} rows")
                for number in range(sizes.rounds):
                    _say(f"{over_tls.name}, round {number + 1} of {sizes.rounds}")
                    bench.load_round(plain, extract(rows), *options)
                    secured.load_round(over_tls, extract(rows), *options)
                (without,), (measured,) = all_measurements([plain]), all_measurements([over_tls])
                self.measurements.append(measured)
                share = measured.rows / without.rows
                self.figures.append(
                    Figure(
                        f"{over_tls.name}, over the same without TLS",
                        f"{share:.2f} ({measured.rows:,.0f} and {without.rows:,.0f} rows/s)",
                        f"at least {LEAST_TLS_SHARE}",
                        share >= LEAST_TLS_SHARE,
                    )
                )

    def growth(self) -> None:
        """Measure how a packed load grows, and what resuming it costs."""
        small, large = (
            [Sized(rows, self.bench.load(extract(rows), *PACKED)) for _ in range(self.sizes.rounds)]
            for rows in (self.sizes.small_rows, self.sizes.packed_rows)
        )
        self.figures += cases.growth(small, large)
        self.figures.append(cases.resume(self.bench, "packed", large[-1], self.sizes.done_share, packed=True))

    def memory(self) -> None:
        """Measure the memory of loads of a file of millions of rows, and what resuming one costs."""
        packed, one_by_one = (
            Sized(rows, self.bench.load(extract(rows), *options))
            for rows, options in ((self.sizes.memory_rows, PACKED), (self.sizes.memory_row_rows, ()))
        )
        self.figures.append(cases.memory("packed", packed))
        self.figures.append(cases.memory("one row per event", one_by_one))
        self.figures.append(
            cases.resume(self.bench, "one row per event", one_by_one, self.sizes.done_share, packed=False)
        )

    def start(self) -> None:
        """Measure how soon a load begins to send."""
        self.figures.append(cases.start(self.bench, self.sizes.small_rows, self.sizes.starts))

    def checkpoint(self) -> None:
        """Measure what the checkpoint costs."""
        rows = self.sizes.checkpoint_rows
        self.checkpoint_figures = [
            *cases.checkpoint_cost(self.bench, rows, self.sizes.checkpoint_rounds),
            cases.checkpoint_bytes(self.bench, rows),
        ]


PARTS = {
    "speed": Benchmark.speed,
    "tls": Benchmark.tls,
    "growth": Benchmark.growth,
    "memory": Benchmark.memory,
    "start": Benchmark.start,
    "checkpoint": Benchmark.checkpoint,
}


def _succeeds(part: str, run: Benchmark) -> bool:
    """Run a part; if it fails, say how, and let the others run all the same."""
    _say(part)
    try:
        PARTS[part](run)
    except (RuntimeError, OSError, subprocess.SubprocessError):
        traceback.print_exc()
        return False
    return True


def _filled(ended: LoadEnded) -> float:
    return float(ended.summary["records"] / ended.summary["events_total"])


def _body_bytes(ended: LoadEnded, rows: Path) -> int:
    """Return how long a request with a full event of this load is, about."""
    lines = rows.read_bytes().splitlines()
    record_bytes = sum(len(line.split(b"\t", 1)[1]) for line in lines) / len(lines)
    return int(_filled(ended) * record_bytes * JSON_ESCAPE_FACTOR)


def _ratios(measurements: Sequence[Measurement]) -> list[Figure]:
    speeds = {each.name: each.rows for each in measurements}
    aims = {
        ROW_MODE: LEAST_ROW_RATIO,
        ROW_MODE_COMPILED: LEAST_ROW_RATIO,
        PACKED_MODE: LEAST_PACKED_RATIO,
    }
    return [
        Figure(
            f"{name}, times {BOTO3.name}",
            f"{speeds[name] / speeds[BOTO3.name]:.1f}",
            f"at least {aim}",
            speeds[name] >= aim * speeds[BOTO3.name],
        )
        for name, aim in aims.items()
        if name in speeds
    ]


def _report(environment: Environment, run: Benchmark, *, quick: bool, whole: bool) -> int:
    path = write_json(
        "throughput",
        environment,
        quick=quick,
        measurements=run.measurements,
        figures=[*run.figures, *run.checkpoint_figures],
    )
    if quick:
        _say("These sizes are too small to judge anything by: they only show that everything runs.")
    refusals = server_bound(run.measurements)
    if refusals and not quick:
        print("Not reported, for the server was the bottleneck:", *refusals, sep="\n  ", file=sys.stderr)
        return 1
    if run.measurements:
        print(throughput_table(run.measurements, BOTO3.name), end="\n\n")
    print(figures_table([*run.figures, *run.checkpoint_figures]))
    print(f"\nKept as {path.name}.", file=sys.stderr)
    if run.checkpoint_figures:
        write_checkpoint(environment, run.checkpoint_figures, quick=quick)
    if whole:
        write_throughput(environment, run.measurements, run.figures, quick=quick)
    return 0


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
