"""``make bench-noise``: what a service costs that fails or throttles at random, whatever the rate is.

    python -m benchmarks.noise [--quick]

An emulator with a quota fails a share of the calls before it counts them, so a perfect sender gets the whole
quota. The load is the whole command. It knows no rate from an earlier load.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.answers import OK
from benchmarks.environment import look_around
from benchmarks.extracts import extract
from benchmarks.folder import ROOT, bench_folder
from benchmarks.loads import load_command, run_load_for
from benchmarks.processes import Cores, two_cores
from benchmarks.quota_cases import ROWS
from benchmarks.report import replace_section, say_environment, skeleton
from benchmarks.results import write_json
from benchmarks.servers import running_emulator
from benchmarks.tables import markdown_table

PAGE = ROOT / "docs" / "benchmarks.md"

QUOTA, LATENCY_MS = 500, 40.0

SECONDS, SETTLE_SECONDS = 60, 20
"""Random throttles are distinguished from a limit after 10 to 20 s (docs/governor.md)."""

QUICK_SECONDS, QUICK_SETTLE_SECONDS = 6, 2

START_SECONDS = 5
"""Time from the start of the command to its first call, on a busy machine."""

HOW_TO_READ = f"""\
A load against a quota of {QUOTA}/s with a latency of {LATENCY_MS:.0f} ms, and a service that fails a share of
the calls at random, before it counts them. *Share of the quota* is what was accepted in the first {SECONDS} s
of a load that knows no rate, of what a perfect sender gets. *After {SETTLE_SECONDS} s* excludes the start."""


@dataclass(frozen=True, slots=True)
class Noise:
    """A service that fails at random.

    Attributes:
        what: Its name in the table.
        rules: The rules of its fault plan.
        aim: Least share of the quota after the first seconds.
    """

    what: str
    rules: Sequence[Mapping[str, object]]
    aim: float


def _error(code: str, probability: float) -> Mapping[str, object]:
    return {"fault": "error", "code": code, "probability": probability}


CASES = (
    Noise("1 % server errors", [_error("InternalServerException", 0.01)], 0.9),
    Noise(
        "4 % server errors and 1 % resets",
        [_error("InternalServerException", 0.04), {"fault": "reset", "probability": 0.01}],
        0.9,
    ),
    Noise("10 % throttles", [_error("ThrottlingException", 0.1)], 0.6),
)


@dataclass(frozen=True, slots=True)
class NoiseMeasured:
    """What was accepted of what a perfect sender gets.

    Attributes:
        what: The case.
        accepted_share: From the first call on.
        settled_share: After the first seconds.
        aim: Least settled share.
    """

    what: str
    accepted_share: float
    settled_share: float
    aim: float

    @property
    def line(self) -> list[str]:
        """Its line in a table."""
        return [
            self.what,
            f"{self.accepted_share:.1%}",
            f"{self.settled_share:.1%}",
            f"at least {self.aim:.0%}",
            "yes" if self.settled_share >= self.aim else "**no**",
        ]


HEADER = ["calls that fail", "share of the quota", f"after {SETTLE_SECONDS} s", "aimed at", "met"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure all cases, and write the section of the page."""
    parser = argparse.ArgumentParser(description="the cost of a service that fails at random")
    parser.add_argument("--quick", action="store_true", help="a few seconds each; the page does not change")
    options = parser.parse_args(arguments)
    environment = look_around(two_cores())
    with TemporaryDirectory(prefix="noise-", dir=bench_folder()) as name:
        measured = list(_measured(two_cores(), Path(name), quick=options.quick))
    table = markdown_table(HEADER, [each.line for each in measured])
    print(table)
    write_json("noise", environment, quick=options.quick, measured=measured)
    if not options.quick:
        page = PAGE.read_text() if PAGE.exists() else skeleton()
        parts = ["## A service that fails at random", say_environment(environment), HOW_TO_READ, table]
        PAGE.write_text(replace_section(page, "noise", "\n\n".join(parts)))
    return 0


def _measured(cores: Cores, folder: Path, *, quick: bool) -> Iterator[NoiseMeasured]:
    for number, noise in enumerate(CASES):
        found = measure(noise, cores, folder / str(number), quick=quick)
        print(found, file=sys.stderr)
        yield found


def measure(noise: Noise, cores: Cores, folder: Path, *, quick: bool) -> NoiseMeasured:
    """Load for some seconds, and count what the emulator accepted.

    Raises:
        RuntimeError: The load ended early.
    """
    seconds, settle_seconds = (QUICK_SECONDS, QUICK_SETTLE_SECONDS) if quick else (SECONDS, SETTLE_SECONDS)
    run_dir, plan = folder / "run", folder / "faults.json"
    run_dir.mkdir(parents=True)
    plan.write_text(json.dumps({"rules": noise.rules}))
    with running_emulator(
        core=cores.server, rate=QUOTA, burst=QUOTA // 10, latency_ms=LATENCY_MS, faults=plan
    ) as server:
        command = load_command(extract(ROWS), server.url, run_dir)
        run_load_for(seconds + START_SECONDS, command, run_dir, cores.client)
        answers = server.answers()
    began = answers[0].at
    accepted = [each.at - began for each in answers if each.status == OK]
    return NoiseMeasured(
        what=noise.what,
        accepted_share=_share(accepted, 0, seconds),
        settled_share=_share(accepted, settle_seconds, seconds),
        aim=noise.aim,
    )


def _share(accepted: Sequence[float], first: int, end: int) -> float:
    return sum(first <= at < end for at in accepted) / (QUOTA * (end - first))


if __name__ == "__main__":
    sys.exit(main())
