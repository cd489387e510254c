"""``make bench-watching``: what latencies, samples and metrics cost a load that sends one row an event.

    python -m benchmarks.watching [--quick]

Loads with all of it and loads without any of it take turns; their CPU time is compared.
"""

import argparse
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks.cases import library_load
from benchmarks.environment import look_around
from benchmarks.extracts import extract
from benchmarks.folder import bench_folder
from benchmarks.measure import Workbench
from benchmarks.processes import two_cores
from benchmarks.report import replace_section, say_environment
from benchmarks.servers import MissingProgramError, running_nginx
from benchmarks.stages import PAGE
from benchmarks.tables import markdown_table

WATCHED = ("all", "no")


def main() -> int:
    """Measure, and write the table into stages.md; 2 if something is missing."""
    parser = argparse.ArgumentParser(description="what watching a load costs")
    parser.add_argument("--quick", action="store_true", help="few rows: only shows that it works")
    options = parser.parse_args()
    cores = two_cores()
    environment = look_around(cores)
    rows, rounds = (5_000, 2) if options.quick else (60_000, 9)
    try:
        with (
            running_nginx(core=cores.server) as server,
            TemporaryDirectory(prefix="watching-", dir=bench_folder()) as folder,
        ):
            bench = Workbench(server, cores, Path(folder))
            spent: dict[str, list[float]] = {name: [] for name in WATCHED}
            for number in range(rounds):
                for name in WATCHED if number % 2 else WATCHED[::-1]:
                    done = library_load(bench, extract(rows), bench.run_dir(), "--watched", name)
                    spent[name].append(done["cpu_seconds"] / done["events"] * 1e6)
    except MissingProgramError as error:
        print(error, file=sys.stderr)
        return 2
    text = "\n\n".join([say_environment(environment), table(spent), verdict(spent)])
    print(text)
    if not options.quick:
        PAGE.write_text(replace_section(PAGE.read_text(), "watching", text))
    return 0


def table(spent: dict[str, list[float]]) -> str:
    """Return the CPU time of an event by what was watched."""
    words = {"all": "latencies, samples and a metrics file", "no": "none of these"}
    rows = [
        [words[name], f"{median(each):.2f}", f"{min(each):.2f}", f"{max(each):.2f}"]
        for name, each in spent.items()
    ]
    return markdown_table(["watched", "us per event, median", "least", "most"], rows)


def verdict(spent: dict[str, list[float]]) -> str:
    """Return the share that watching costs: the median of the differences within each round."""
    pairs = list(zip(spent["all"], spent["no"], strict=True))
    share = median((watched - plain) / plain for watched, plain in pairs)
    return f"Watching costs {share:.1%} of the CPU time (median of {len(pairs)} rounds)."


if __name__ == "__main__":
    sys.exit(main())
