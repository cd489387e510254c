"""``make bench-watching``: what latencies, samples and metrics cost a load that sends one row an event.

    python -m benchmarks.watching [--quick]

The cost of each part is measured alone and multiplied by its number. As a check, loads with all of it and
loads without any of it take turns, and their CPU time is compared.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
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
from benchmarks.watching_parts import Part, watching_parts

WATCHED = ("all", "no")

MOST_SHARE = 0.01
"""What watching may cost of the CPU time of an event in row mode."""


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
            rates: list[float] = []
            for number in range(rounds):
                for name in WATCHED if number % 2 else WATCHED[::-1]:
                    done = library_load(bench, extract(rows), bench.run_dir(), "--watched", name)
                    spent[name].append(done["cpu_seconds"] / done["events"] * 1e6)
                    rates.append(done["events"] / done["seconds"])
            parts = watching_parts(median(rates), bench.run_dir())
    except MissingProgramError as error:
        print(error, file=sys.stderr)
        return 2
    found = [parts_table(parts), verdict(parts, spent), table(spent), difference(spent)]
    text = "\n\n".join([say_environment(environment), *found])
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


def parts_table(parts: Sequence[Part]) -> str:
    """Return the cost of each part."""
    rows = [
        [each.what, f"{each.call_microseconds:.2f}", f"{each.event_microseconds:.3f}"]
        for each in (*parts, _sum(parts))
    ]
    return markdown_table(["part", "us of CPU per call", "us per event"], rows)


def _sum(parts: Sequence[Part]) -> Part:
    return Part("all", sum(each.event_microseconds for each in parts), 1)


def verdict(parts: Sequence[Part], spent: Mapping[str, Sequence[float]]) -> str:
    """Return the share that watching costs by its parts."""
    share = _sum(parts).event_microseconds / median(spent["all"])
    met = "met" if share < MOST_SHARE else "**not met**"
    return f"Watching costs {share:.2%} of the CPU time of an event (below {MOST_SHARE:.0%}: {met})."


def difference(spent: Mapping[str, Sequence[float]]) -> str:
    """Return the difference of whole loads within each round, and how far it scatters."""
    shares = sorted(
        (watched - plain) / plain for watched, plain in zip(spent["all"], spent["no"], strict=True)
    )
    return (
        f"Whole loads differ by {median(shares):+.1%} (median of {len(shares)} rounds; a round between "
        f"{shares[0]:+.1%} and {shares[-1]:+.1%})."
    )


if __name__ == "__main__":
    sys.exit(main())
