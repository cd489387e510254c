"""Two revisions of the loader side by side: does a change make it faster, or is it noise?

    python -m benchmarks.compare HEAD~1 HEAD [--packed] [--rows 300000] [--rounds 5]

Both run in turns, the whole command, against the same server. A revision of which the dependencies differ
from this environment's cannot be compared this way.
"""

import argparse
import io
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, median, stdev
from tempfile import TemporaryDirectory

from benchmarks.environment import look_around
from benchmarks.extracts import extract
from benchmarks.folder import ROOT, bench_folder
from benchmarks.loads import PACKED
from benchmarks.measure import Workbench
from benchmarks.processes import two_cores
from benchmarks.report import say_environment
from benchmarks.servers import MissingProgramError, running_nginx
from benchmarks.tables import markdown_table, number

WORKING_TREE = "."


def main() -> int:
    """Run both revisions in turns and print how they compare; 2 if something is missing."""
    parser = argparse.ArgumentParser(description="two revisions of the loader side by side")
    parser.add_argument("old", help="a commit, or . for the working tree")
    parser.add_argument("new", help="the same")
    parser.add_argument("--packed", action="store_true")
    parser.add_argument("--rows", type=int, default=300_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    cores = two_cores()
    print(say_environment(look_around(cores)), file=sys.stderr)
    speeds: dict[str, list[float]] = {"old": [], "new": []}
    try:
        with (
            running_nginx(core=cores.server) as server,
            TemporaryDirectory(prefix="compare-", dir=bench_folder()) as folder,
        ):
            bench = Workbench(server, cores, Path(folder))
            sources = {
                "old": check_out(options.old, bench.folder),
                "new": check_out(options.new, bench.folder),
            }
            # The first round warms up and does not count.
            for _ in range(options.rounds + 1):
                for which, source in sources.items():
                    ended = bench.load(
                        extract(options.rows), *(PACKED if options.packed else ()), source=source
                    )
                    speeds[which].append(ended.rows_per_second)
    except MissingProgramError as error:
        print(error, file=sys.stderr)
        return 2
    print(comparison(speeds["old"][1:], speeds["new"][1:]))
    return 0


def check_out(revision: str, folder: Path) -> Path:
    """Return a folder with a revision's files; the working tree itself for ``.``.

    Raises:
        subprocess.CalledProcessError: git knows no such revision.
    """
    if revision == WORKING_TREE:
        return ROOT
    packed = subprocess.run(
        ["git", "archive", "--format=tar", revision, "loader"], cwd=ROOT, capture_output=True, check=True
    )
    place = folder / f"revision-{revision.replace('/', '-')}"
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        archive.extractall(place, filter="data")
    return place


def comparison(old: Sequence[float], new: Sequence[float]) -> str:
    """Return the table of both, and in words whether they differ."""
    rows = [
        [
            name,
            number(median(speeds)),
            number(mean(speeds)),
            number(stdev(speeds) if len(speeds) > 1 else 0.0),
        ]
        for name, speeds in (("old", old), ("new", new))
    ]
    table = markdown_table(["", "rows/s, median", "mean", "deviation"], rows)
    change = median(new) / median(old) - 1
    apart = max(old) < min(new) or max(new) < min(old)
    verdict = "no round of one reached the other" if apart else "the rounds overlap: it may be noise"
    return f"{table}\n\nnew is {change:+.1%}; {verdict}."


if __name__ == "__main__":
    sys.exit(main())
