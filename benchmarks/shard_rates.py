"""How well four shards keep to one ceiling, and how well they find and hold one quota together."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.answers import OK, THROTTLED
from benchmarks.extracts import extract
from benchmarks.loads import load_command, run_load_for
from benchmarks.processes import Cores
from benchmarks.quota_cases import ROWS
from benchmarks.quota_figures import goodput_share, per_second, throttled_share
from benchmarks.servers import running_emulator

SHARDS = 4
CEILING, BURST = 500, 50
QUOTA = 1000

SETTLE_SECONDS = 10
"""After so many seconds the shards should hold the quota."""

START_SECONDS = 12
"""What four processes on one core may take from their start to their first call."""


@dataclass(frozen=True, slots=True)
class RateMeasured:
    """What arrived from four shards.

    Attributes:
        what: The limit.
        seconds: How long was looked at, from the first call on.
        calls: How many calls arrived in that time.
        most_in_a_second: Most calls in any second, wherever it begins.
        goodput: Accepted share of what the limit allows.
        throttled: Share of the calls that was throttled.
        settled_goodput: The same after `SETTLE_SECONDS`.
        settled_throttled: The same after `SETTLE_SECONDS`.
    """

    what: str
    seconds: int
    calls: int
    most_in_a_second: int
    goodput: float
    throttled: float
    settled_goodput: float
    settled_throttled: float

    @property
    def line(self) -> list[str]:
        """Its line in a table."""
        return [
            self.what,
            f"{self.calls:,}",
            f"{self.most_in_a_second:,}",
            f"{self.goodput:.1%}",
            f"{self.throttled:.2%}",
            f"{self.settled_goodput:.1%}",
            f"{self.settled_throttled:.2%}",
        ]


HEADER = [
    *("", "calls", "most in any second", "share of the limit", "throttled"),
    *(f"share after {SETTLE_SECONDS} s", f"throttled after {SETTLE_SECONDS} s"),
]


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit that four workers share.

    Attributes:
        what: Its name in the table.
        rate: Calls per second that it allows.
        quota: Calls per second that the service takes.
        options: Options of the load.
    """

    what: str
    rate: int
    quota: int
    options: Sequence[str] = ()


LIMITS = (
    Limit(
        f"--rate {CEILING} --burst {BURST}, {SHARDS} workers",
        CEILING,
        1_000_000,
        ("--rate", str(CEILING), "--burst", str(BURST)),
    ),
    Limit(f"a quota of {QUOTA:,}/s, {SHARDS} workers without --rate", QUOTA, QUOTA),
)


def most_in_a_second(times: Sequence[float]) -> int:
    """Return how many of the ascending moments at most lie within one second, wherever it begins."""
    return max((bisect_left(times, began + 1.0) - place for place, began in enumerate(times)), default=0)


def measure_limit(limit: Limit, cores: Cores, folder: Path, seconds: int) -> RateMeasured:
    """Load with four workers under a limit, and stop the load after so many seconds.

    Raises:
        RuntimeError: The load ended early.
    """
    run_dir = folder / f"rate-{limit.rate}"
    run_dir.mkdir(parents=True)
    with running_emulator(core=cores.server, rate=limit.quota, burst=limit.quota // 10) as server:
        command = load_command(extract(ROWS), server.url, run_dir, "--workers", str(SHARDS), *limit.options)
        run_load_for(seconds + START_SECONDS, command, run_dir, cores.client)
        answers = server.answers()
    began = answers[0].at
    times = [each.at for each in answers if each.at < began + seconds and each.status in (OK, THROTTLED)]
    rates = per_second(answers, began, seconds)
    allowed = [float(limit.rate)] * seconds
    return RateMeasured(
        what=limit.what,
        seconds=seconds,
        calls=len(times),
        most_in_a_second=most_in_a_second(times),
        goodput=goodput_share(rates, allowed),
        throttled=throttled_share(rates),
        settled_goodput=goodput_share(rates, allowed, SETTLE_SECONDS),
        settled_throttled=throttled_share(rates, SETTLE_SECONDS),
    )
