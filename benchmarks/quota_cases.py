"""Run clients against a quota, as long as it takes, and count what the server answered."""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.answers import Answer
from benchmarks.extracts import extract
from benchmarks.folder import INSTANCE
from benchmarks.loads import load_command, start_load, stop_load
from benchmarks.nginx_config import LimitReq
from benchmarks.peer_runs import PEER_MARGIN_SECONDS, Peer, start_peer
from benchmarks.processes import Child, Cores
from benchmarks.quota_figures import Rates, per_second
from benchmarks.servers import Server, running_emulator, running_nginx

ROWS = 300_000
"""More than any client gets rid of: 3,000 a second for 100 seconds."""

START_SECONDS = 6
"""What a client may take from its start to its first request; it is not part of the time that counts."""

LEAST_BURST = 5
"""At 10/s a tenth of a second is one event: a limiter without a burst, which only the simulation tries."""

LOADER = "scn-loader"

QUOTA_PEERS = (
    Peer(
        "boto3, 32 threads, standard retries", "boto3_threads", ("--threads", "32", "--retries", "standard")
    ),
    Peer(
        "boto3, 32 threads, adaptive retries", "boto3_threads", ("--threads", "32", "--retries", "adaptive")
    ),
    Peer(
        "aiobotocore, 64 tasks, standard retries",
        "aiobotocore_tasks",
        ("--retries", "standard"),
        own_environment=True,
    ),
)


@dataclass(frozen=True, slots=True)
class Case:
    """One run.

    Attributes:
        server: ``nginx`` or ``emulator``.
        rate: The quota in requests per second.
        seconds: How long to look, from the first answer on.
        peer: Who sends, if not the loader.
        changed_rate: The quota from ``changed_at`` on, on nginx; at most twice or half of ``rate``.
        changed_at: After how many seconds.
        loads: How many loads share the quota; all start together.
        latency_ms: How long an answer takes, on the emulator.
    """

    server: str
    rate: int
    seconds: int
    peer: Peer | None = None
    changed_rate: int | None = None
    changed_at: int = 0
    loads: int = 1
    latency_ms: int = 0

    @property
    def client(self) -> str:
        """Who sends."""
        return LOADER if self.peer is None else self.peer.name

    @property
    def title(self) -> str:
        """The name of the run without the client."""
        then = f", then {self.changed_rate:,}/s" if self.changed_rate is not None else ""
        far = f", {self.latency_ms} ms away" if self.latency_ms else ""
        shared = f", shared by {self.loads} loads" if self.loads > 1 else ""
        return f"{self.server}, {self.rate:,}/s{then}{far}{shared}"

    @property
    def quota(self) -> list[float]:
        """What is allowed in each second."""
        after = self.rate if self.changed_rate is None else self.changed_rate
        return [float(self.rate if second < self.changed_at else after) for second in range(self.seconds)]


@dataclass(frozen=True, slots=True)
class CaseEnded:
    """The result of a run.

    Attributes:
        case: The run.
        rates: What the server answered.
        rates_of_loads: The same for each of several loads.
        server_share: Share of its core that the server used.
        given_up: Rows that a peer gave up.
    """

    case: Case
    rates: Rates
    rates_of_loads: list[Rates] = field(default_factory=list)
    server_share: float = 0.0
    given_up: int = 0


def burst_of(rate: int) -> int:
    """Return the burst that goes with a quota: a tenth of a second's worth, 50 at 500, but a few events."""
    return max(LEAST_BURST, rate // 10)


def run_case(case: Case, cores: Cores, folder: Path) -> CaseEnded:
    """Run one case from its start to its figures.

    Raises:
        RuntimeError: A client ended early or never sent anything.
    """
    with _server(case, cores) as server, ExitStack() as stack:
        cpu_before = server.cpu_seconds()
        children = [
            stack.enter_context(_start(case, number, server, cores, folder)) for number in range(case.loads)
        ]
        if case.changed_rate is not None:
            _change_in_time(case, server, children)
            time.sleep(case.seconds - case.changed_at + 1)
        else:
            time.sleep(case.seconds + START_SECONDS)
        given_up = sum(_end(case, child) for child in children)
        share = (server.cpu_seconds() - cpu_before) / case.seconds
        answers = server.answers()
    return _count(case, answers, share, given_up)


@contextmanager
def _server(case: Case, cores: Cores) -> Iterator[Server]:
    rates = sorted({case.rate, case.changed_rate or case.rate})
    limits = [LimitReq(rate, burst_of(rate)) for rate in rates]
    if case.server == "emulator":
        with running_emulator(
            core=cores.server,
            rate=case.rate,
            burst=burst_of(case.rate) + 1,  # nginx admits one on top of its burst
            latency_ms=case.latency_ms,
        ) as server:
            yield server
        return
    lower = limits[0] if len(limits) > 1 else None
    with running_nginx(
        core=cores.server, quota=limits[-1], lower_quota=lower, log_requests="at once"
    ) as server:
        if lower is not None:
            server.put_lower_quota_in_force(in_force=case.rate == rates[0])
        yield server


def _start(case: Case, number: int, server: Server, cores: Cores, folder: Path) -> Child:
    # Each start in a folder of its own: nothing is resumed, nothing that was learned is found.
    place = folder / f"{time.monotonic_ns()}-{number}"
    place.mkdir(parents=True)
    if case.peer is not None:
        rows = extract(ROWS, "jsonl")
        return start_peer(case.peer, server.url, rows, case.seconds + 1, core=cores.client, folder=place)
    command = load_command(extract(ROWS), server.url, place, instance_id=_instance(number))
    return start_load(command, place, cores.client)


def _instance(number: int) -> str:
    return f"{INSTANCE[:-2]}{number:02d}"


def _change_in_time(case: Case, server: Server, children: list[Child]) -> None:
    deadline = time.monotonic() + 10 * START_SECONDS
    while not server.has_answered():
        if time.monotonic() > deadline or any(child.poll() is not None for child in children):
            raise RuntimeError(f"{case.client} sent nothing")
        time.sleep(0.01)
    time.sleep(case.changed_at)
    server.put_lower_quota_in_force(in_force=(case.changed_rate or 0) < case.rate)


def _end(case: Case, child: Child) -> int:
    """End a client; return how many rows a peer gave up."""
    if case.peer is not None:
        ended = child.wait(PEER_MARGIN_SECONDS)
        if ended.exit_code != 0:
            raise RuntimeError(f"{case.client} failed:\n{ended.errors[-2000:]}")
        return sum(json.loads(ended.output)["failed"].values())
    stop_load(child)
    return 0


def _count(case: Case, answers: list[Answer], server_share: float, given_up: int) -> CaseEnded:
    if not answers:
        raise RuntimeError(f"{case.client} sent nothing")
    began = answers[0].at
    by_load = [
        per_second((each for each in answers if each.instance_id == _instance(number)), began, case.seconds)
        for number in range(case.loads if case.loads > 1 else 0)
    ]
    return CaseEnded(case, per_second(answers, began, case.seconds), by_load, server_share, given_up)
