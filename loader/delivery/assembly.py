"""Assemble the parts of a delivery. Only this module imports all of them."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from loader.delivery.attempts import Attempts
from loader.delivery.inbox import Inbox
from loader.delivery.interfaces import AttemptClient, DurableRecords, Surroundings
from loader.delivery.lanes import Lanes
from loader.delivery.limits.admission import Admission
from loader.delivery.limits.byte_budget import ByteBudget
from loader.delivery.limits.circuit_breaker import QuotaBreaker
from loader.delivery.limits.in_flight_cap import InFlightCap
from loader.delivery.limits.limiting_factor import Stalls
from loader.delivery.limits.path_breaker import PathBreaker
from loader.delivery.limits.user_ceiling import Ceiling
from loader.delivery.marking import Marker
from loader.delivery.outcomes.handler import OutcomeHandler
from loader.delivery.outcomes.path_watch import PathWatch
from loader.delivery.outcomes.settlement import Settlement
from loader.delivery.rate.controller import RateController
from loader.delivery.settings import DeliverySettings
from loader.delivery.starting import AttemptStarter
from loader.delivery.stats import DeliveryStats
from loader.delivery.troubles import Troubles
from loader.delivery.workers import Workers
from loader.errors import LoaderError
from loader.job import OnFailure
from loader.model import EventResult


@dataclass(frozen=True, slots=True)
class Owner:
    """The functions and the event of the dispatcher that its parts use.

    Attributes:
        on_result: Receiver of the results.
        stop_with: Called with the error that stops the load.
        wake: Wakes the pump.
    """

    on_result: Callable[[EventResult], None]
    stop_with: Callable[[LoaderError], None]
    wake: asyncio.Event


@dataclass(frozen=True, slots=True)
class DeliveryParts:
    """The parts that the dispatcher calls.

    Attributes:
        lanes: The lanes with the events.
        ceiling: The rate that the user allows, or None.
        admission: Admission control.
        stats: The counters.
        marker: Writes marks ahead of the attempts.
        settlement: Gives events their results.
        path_watch: Watches the path to the service.
        inbox: Takes events for delivery.
        workers: Make attempts.
    """

    lanes: Lanes
    ceiling: Ceiling | None
    admission: Admission
    stats: DeliveryStats
    marker: Marker
    settlement: Settlement
    path_watch: PathWatch
    inbox: Inbox
    workers: Workers


def assemble(
    client: AttemptClient,
    governor: RateController,
    cap: InFlightCap,
    owner: Owner,
    *,
    settings: DeliverySettings,
    surroundings: Surroundings,
    records: DurableRecords,
) -> DeliveryParts:
    """Return the parts of one delivery. The arguments are those of the dispatcher."""
    lanes = Lanes(records.held_groups, marks=records.write_ahead is not None)
    ceiling = None if settings.rate is None else Ceiling(settings.rate, settings.burst_events)
    budget, stalls, path_breaker = ByteBudget(settings.max_held_bytes), Stalls(), PathBreaker()
    troubles = Troubles(settings.give_up_seconds)
    stop_with, wake = owner.stop_with, owner.wake
    admission = Admission(
        lanes=lanes,
        budget=budget,
        breaker=QuotaBreaker(settings.breaker),
        path=path_breaker,
        cap=cap,
        governor=governor,
        ceiling=ceiling,
        stalls=stalls,
    )
    stats = DeliveryStats(
        lanes=lanes, budget=budget, governor=governor, cap=cap, stalls=stalls, troubles=troubles
    )
    marker = Marker(
        lanes=lanes,
        write_ahead=records.write_ahead,
        surroundings=surroundings,
        wake=wake,
        stop_with=stop_with,
    )
    settlement = Settlement(
        lanes=lanes,
        budget=budget,
        stats=stats,
        surroundings=surroundings,
        holds_groups=settings.on_failure is OnFailure.HOLD,
        on_result=owner.on_result,
        part_log=records.part_log,
        stop_with=stop_with,
    )
    path_watch = PathWatch(path_breaker, troubles, lanes, surroundings, stop_with)
    inbox = Inbox(lanes=lanes, budget=budget, settlement=settlement, wake=wake)
    handler = OutcomeHandler(
        lanes=lanes,
        admission=admission,
        path_watch=path_watch,
        settlement=settlement,
        stats=stats,
        client=client,
        surroundings=surroundings,
        stop_with=stop_with,
        clock_was_set=marker.clock_was_set,
    )
    starter = AttemptStarter(
        lanes=lanes,
        admission=admission,
        marker=marker,
        settlement=settlement,
        inbox=inbox,
        surroundings=surroundings,
        wake=wake,
    )
    attempts = Attempts(
        client=client,
        lanes=lanes,
        admission=admission,
        handler=handler,
        stats=stats,
        surroundings=surroundings,
        stop_with=stop_with,
    )
    workers = Workers(starter=starter, attempts=attempts, inbox=inbox, lanes=lanes, cap=cap, wake=wake)
    return DeliveryParts(lanes, ceiling, admission, stats, marker, settlement, path_watch, inbox, workers)
