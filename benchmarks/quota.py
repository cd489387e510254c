"""``make bench-quota``: how well the loader finds and keeps an unknown limit, compared with other clients.

    python -m benchmarks.quota [--quick] [--only steady change share latency] [--peers-on-emulator]

Every run starts cold, without remembered rates.
"""

import argparse
import subprocess
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.environment import Environment, look_around
from benchmarks.folder import bench_folder
from benchmarks.processes import Cores, two_cores
from benchmarks.quota_cases import QUOTA_PEERS, Case, CaseEnded, run_case
from benchmarks.quota_figures import goodput_share, throttled_share
from benchmarks.quota_report import figures, pictures, steady_table
from benchmarks.report import say_environment, write_quota
from benchmarks.results import write_json
from benchmarks.servers import MissingProgramError, require
from benchmarks.tables import figures_table

BOTH_SERVERS = ("nginx", "emulator")


@dataclass(frozen=True, slots=True)
class Sizes:
    """The sizes of the measurements.

    Attributes:
        quotas: The quotas, in requests per second.
        seconds: Duration of each run of the loader.
        peer_seconds: The same for the peers: they find their rate at once, or never.
        settle_seconds: Time after which a client should keep the quota.
        changing: A quota that is halved and doubled, and shared.
        distant: The quota of a service with 300 ms latency.
        peers_on: The servers that the peers are run against.
    """

    quotas: tuple[int, ...]
    seconds: int
    peer_seconds: int
    settle_seconds: int
    changing: int
    distant: int
    peers_on: tuple[str, ...] = ("nginx",)


FULL = Sizes((10, 100, 500, 3000), 60, 30, 10, 500, 2000)
QUICK = Sizes((10, 200), 8, 8, 3, 200, 200)


def main() -> int:
    """Run what the arguments ask for; 1 if a run failed, 2 if something is missing."""
    parser = argparse.ArgumentParser(description="how well the loader holds a limit")
    parser.add_argument("--quick", action="store_true", help="short runs: only shows that everything works")
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=list(PARTS), help="some parts")
    parser.add_argument(
        "--peers-on-emulator", action="store_true", help="run the peers against the emulator as well"
    )
    options = parser.parse_args()
    try:
        require("nginx")
    except MissingProgramError as error:
        print(error, file=sys.stderr)
        return 2
    cores = two_cores()
    environment = look_around(cores)
    print(say_environment(environment), file=sys.stderr)
    sizes = QUICK if options.quick else FULL
    if options.peers_on_emulator:
        sizes = replace(sizes, peers_on=BOTH_SERVERS)
    ended: dict[str, list[CaseEnded]] = {}
    failed = False
    with TemporaryDirectory(prefix="quota-", dir=bench_folder()) as folder:
        for part in options.only:
            cases = [_run(case, cores, Path(folder)) for case in PARTS[part](sizes)]
            ended[part] = [case for case in cases if case is not None]
            failed |= None in cases
    whole = not failed and set(options.only) == set(PARTS)
    _report(environment, sizes, ended, quick=options.quick, whole=whole)
    return int(failed)


def _run(case: Case, cores: Cores, folder: Path) -> CaseEnded | None:
    """Run a case; if it fails, say how, and let the others run all the same."""
    print(f"{case.title}, {case.client}:", file=sys.stderr, end=" ", flush=True)
    try:
        ended = run_case(case, cores, folder)
    except (RuntimeError, OSError, subprocess.SubprocessError):
        traceback.print_exc()
        return None
    print(
        f"{goodput_share(ended.rates, case.quota):.1%} of the quota, "
        f"{throttled_share(ended.rates):.2%} throttled, server {ended.server_share:.0%}",
        file=sys.stderr,
    )
    return ended


def steady(sizes: Sizes) -> list[Case]:
    """Return the runs with a constant quota."""
    return [
        Case(server, rate, sizes.seconds if peer is None else sizes.peer_seconds, peer)
        for server in BOTH_SERVERS
        for rate in sizes.quotas
        for peer in (None, *(QUOTA_PEERS if server in sizes.peers_on else ()))
    ]


def change(sizes: Sizes) -> list[Case]:
    """Return the runs in which the quota halves or doubles after a third of the time."""
    rate, at = sizes.changing, sizes.seconds // 3
    return [
        Case("nginx", rate, sizes.seconds, peer, changed_rate=changed, changed_at=at)
        for changed in (rate // 2, rate * 2)
        for peer in (None, QUOTA_PEERS[1])
    ]


def share(sizes: Sizes) -> list[Case]:
    """Return the run in which two loads share a quota."""
    return [Case("nginx", sizes.changing, sizes.seconds, loads=2)]


def latency(sizes: Sizes) -> list[Case]:
    """Return the run against a service that is far away."""
    return [Case("emulator", sizes.distant, sizes.seconds, latency_ms=300)]


PARTS: dict[str, Callable[[Sizes], list[Case]]] = {
    "steady": steady,
    "change": change,
    "share": share,
    "latency": latency,
}


def _report(
    environment: Environment,
    sizes: Sizes,
    ended: dict[str, list[CaseEnded]],
    *,
    quick: bool,
    whole: bool,
) -> None:
    aims = figures(ended, sizes.settle_seconds)
    path = write_json("quota", environment, quick=quick, parts=ended, figures=aims)
    tables = []
    if ended.get("steady"):
        tables.append(steady_table(ended["steady"], sizes.settle_seconds))
    tables += ["### Against the aims", figures_table(aims)]
    print("\n\n".join(tables))
    print(f"\nKept as {path.name}.", file=sys.stderr)
    if whole:
        write_quota(environment, tables, pictures(ended), quick=quick)


if __name__ == "__main__":
    sys.exit(main())
