"""CPU time of each stage of a load, taken from the stages' own functions over a real extract.

Rules kept here:

1. What is timed is the loader's code as it stands; nothing of it is written again here.
2. CPU time of the process, all threads, counts: on one core every thread takes its share.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import uvloop

from loader.aws.signing import Credentials, Signer, request_line
from loader.checkpoint import Plan, RunEnd, open_checkpoint
from loader.delivery.dispatcher import Dispatcher
from loader.delivery.entry import Entry
from loader.delivery.interfaces import Bookkeeping
from loader.delivery.lanes import Lanes
from loader.delivery.limits.in_flight_cap import InFlightCap
from loader.delivery.limits.learned import LearnedLimits
from loader.delivery.marking import MARKED_AHEAD
from loader.delivery.rate.governor import Governor, GovernorSettings
from loader.events import EventPlanner
from loader.events.token import TokenSource, begin_hash
from loader.extract import open_extract
from loader.job import Job
from loader.model import Event, EventResult, EventState, Outcome, OutcomeKind, SlicePlan
from loader.records import row_reader as rows
from loader.service.client import open_client
from loader.service.protocol import EventEncoder, read_response, send_path
from loader.stage_settings.connections import client_settings
from loader.stage_settings.extract import extract_settings

Each = TypeVar("Each")

IN_FLIGHT = 64
FULL_SPEED = GovernorSettings(start_rate=100_000.0)
LATENCY_SECONDS = 0.002
RECEIPT = "8928ae12-15e5-4441-825d-ec2184f0a43a"
ANSWER = b'{"eventId":"8928ae12-15e5-4441-825d-ec2184f0a43a"}'
HEADERS = {
    "date": "Mon, 01 Jun 2026 06:00:00 GMT",
    "content-type": "application/json",
    "x-amzn-requestid": "9725d0ae37cda47f6e7dc74059fcaae2",
}

STAGES = (
    "read",
    "convert",
    "encode",
    "rest of records",
    "token",
    "pack",
    "lane",
    "limiter",
    "rest of delivery",
    "body",
    "sign",
    "send",
    "read answer",
    "checkpoint",
)
"""In the order in which an event meets them."""


class Stopwatch:
    """Adds up CPU time by name."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)

    @contextmanager
    def time(self, name: str) -> Iterator[None]:
        """Add the CPU time of what is done meanwhile."""
        began = time.process_time()
        try:
            yield
        finally:
            self.seconds[name] += time.process_time() - began

    @contextmanager
    def watching(self, module: Any, function: str, name: str) -> Iterator[None]:
        """Add the CPU time of every call of a module's function meanwhile."""
        original: Callable[..., Any] = getattr(module, function)

        def timed(*arguments: Any, **named: Any) -> Any:
            with self.time(name):
                return original(*arguments, **named)

        setattr(module, function, timed)
        try:
            yield
        finally:
            setattr(module, function, original)


@dataclass(frozen=True, slots=True)
class Timed:
    """CPU seconds by stage, over so many rows and events."""

    seconds: dict[str, float]
    rows: int
    events: int


def time_stages(job: Job, run_dir: Path, most_events: int) -> Timed:
    """Return the CPU time of every stage of a load.

    Args:
        job: The load; its endpoint must take everything.
        run_dir: For the checkpoint.
        most_events: How many events the stages after planning are timed over; the result is scaled to all.
    """
    watch = Stopwatch()
    plans = _time_planning(watch, job)
    events = [event for plan in plans for event in plan.events]
    some = list(islice(events, most_events))
    part = Stopwatch()
    _time_delivery(part, some)
    _time_request(part, job, some)
    uvloop.run(_time_dispatcher(part, some))
    uvloop.run(_time_attempts(part, job, some))
    uvloop.run(_time_checkpoint(part, job, run_dir, plans, len(some)))
    _subtract(part.seconds, "rest of delivery", ("lane", "limiter"))
    _subtract(part.seconds, "send", ("body", "sign", "read answer"))
    whole = {name: seconds * len(events) / len(some) for name, seconds in part.seconds.items()}
    return Timed(watch.seconds | whole, sum(plan.rows_read for plan in plans), len(events))


def _subtract(seconds: dict[str, float], whole: str, parts: Sequence[str]) -> None:
    seconds[whole] = max(0.0, seconds[whole] - sum(seconds[part] for part in parts))


def _time_planning(watch: Stopwatch, job: Job) -> list[SlicePlan]:
    extract = open_extract(extract_settings(job))
    planner = EventPlanner(job.destination, extract.files, extract.packing)
    slices, plans = extract.slices(), []
    while True:
        with watch.time("read"):
            rows_of_slice = next(slices, None)
        if rows_of_slice is None:
            break
        with (
            watch.time("rest of records"),
            watch.watching(rows, "convert", "convert"),
            watch.watching(rows, "quoted_records", "encode"),
        ):
            records = extract.records(rows_of_slice)
        with watch.time("pack"):
            plans.append(planner.plan(records))
    token = TokenSource(job.destination, extract.files).of_window(0, 0).token
    with watch.time("token"):
        for plan in plans:
            for event in plan.events:
                token(event.index, (event.file,), event.group, event.timestamp, begin_hash(event.quoted))
    _subtract(watch.seconds, "rest of records", ("convert", "encode"))
    _subtract(watch.seconds, "pack", ("token",))
    return plans


def _time_delivery(watch: Stopwatch, events: Sequence[Event]) -> None:
    lanes, governor, cap = Lanes(), Governor(FULL_SPEED, now=0.0), InFlightCap(maximum=IN_FLIGHT)
    entries = [Entry(event) for event in events]
    with watch.time("lane"):
        for chunk in _chunks(entries):
            for entry in chunk:
                lanes.add(entry)
            while (taken := lanes.take(0.0)) is not None:
                lanes.release(taken)
    now = 0.0
    with watch.time("limiter"):
        for _ in entries:
            now += 1e-4
            governor.wait_seconds(now)
            epoch = governor.start(now)
            governor.accepted(now, epoch)
            cap.succeeded(now, LATENCY_SECONDS, governor.rate)


def _time_request(watch: Stopwatch, job: Job, events: Sequence[Event]) -> None:
    encoder, signer = EventEncoder(job.destination), Signer("127.0.0.1:8080", str(job.region))
    line = request_line("POST", send_path(job.instance_id))
    keys = Credentials("AKIABENCHMARKEXAMPLE", "loopback/bench+opens/nothing-at-all-0001")
    now = time.time()
    for chunk in _chunks(events, IN_FLIGHT):
        with watch.time("body"):
            bodies = [encoder.body(event) for event in chunk]
        with watch.time("sign"):
            for event, body in zip(chunk, bodies, strict=True):
                signer.sign(line, body, keys, now, encoder.body_hash(event, body))
    with watch.time("read answer"):
        for _ in events:
            read_response(200, HEADERS, ANSWER)


class _InstantClient:
    """Accepts everything after one turn of the event loop."""

    async def attempt(self, event: Event) -> Outcome:  # noqa: ARG002 - the interface
        await asyncio.sleep(0)
        return Outcome(OutcomeKind.ACCEPTED, status=200, event_id=RECEIPT)

    async def refresh_credentials(self) -> None:
        raise AssertionError

    def adjust_clock(self, server_time: float) -> None:
        raise AssertionError(server_time)


async def _time_dispatcher(watch: Stopwatch, events: Sequence[Event]) -> None:
    results: list[EventResult] = []
    governor = Governor(FULL_SPEED, now=time.monotonic())
    learned = LearnedLimits(governor, InFlightCap(maximum=IN_FLIGHT))
    dispatcher = Dispatcher(_InstantClient(), learned, Bookkeeping(results.append))

    async def offer() -> None:
        for event in events:
            await dispatcher.offer(event)
        dispatcher.close_intake()

    with watch.time("rest of delivery"):
        await asyncio.gather(offer(), dispatcher.run())
    assert len(results) == len(events)


async def _time_attempts(watch: Stopwatch, job: Job, events: Iterable[Event]) -> None:
    left = iter(events)
    async with await open_client(client_settings(job)) as client:

        async def send() -> None:
            for event in left:
                outcome = await client.attempt(event)
                assert outcome.kind is OutcomeKind.ACCEPTED

        with watch.time("send"):
            await asyncio.gather(*(send() for _ in range(IN_FLIGHT)))


async def _time_checkpoint(
    watch: Stopwatch, job: Job, run_dir: Path, plans: Sequence[SlicePlan], most_events: int
) -> None:
    extract = open_extract(extract_settings(job))
    plan_of_load = Plan(
        job.plan_settings(), extract.files, extract.cuts.window_rows, extract.cuts.slice_rows, ""
    )
    now, left = time.time(), most_events
    with open_checkpoint(run_dir, plan_of_load) as checkpoint:
        with watch.time("checkpoint"):
            for plan in plans:
                checkpoint.begin_slice(plan)
                for chunk in _chunks(plan.events[:left]):
                    await checkpoint.mark_sendable([(plan.number, event.index) for event in chunk])
                    for event in chunk:
                        checkpoint.record(
                            EventResult(event, EventState.ACCEPTED, RECEIPT, "", "", 1, now, now)
                        )
                left -= min(left, len(plan.events))
                if not left:
                    break
            await checkpoint.flush()
        checkpoint.finish(RunEnd("completed", 0, complete=True))


def _chunks(whole: Sequence[Each], length: int = MARKED_AHEAD // 2) -> Iterator[Sequence[Each]]:
    return (whole[start : start + length] for start in range(0, len(whole), length))
