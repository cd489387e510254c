"""Assemble the parts of a delivery. Only this module imports all of them."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from loader.delivery.attempts import Attempts
from loader.delivery.inbox import Inbox
from loader.delivery.interfaces import AttemptClient, Bookkeeping, Surroundings
from loader.delivery.lanes import Lanes
from loader.delivery.limits.admission import Admission
from loader.delivery.limits.byte_budget import ByteBudget
from loader.delivery.limits.circuit_breaker import QuotaBreaker
from loader.delivery.limits.learned import LearnedLimits
from loader.delivery.limits.limiting_factor import Stalls
from loader.delivery.limits.path_breaker import PathBreaker
from loader.delivery.limits.user_ceiling import Ceiling
from loader.delivery.marking import Marker
from loader.delivery.outcomes.handler import OutcomeHandler
from loader.delivery.outcomes.path_watch import PathWatch
from loader.delivery.outcomes.settlement import Settlement
from loader.delivery.settings import DeliverySettings
from loader.delivery.starting import AttemptStarter
from loader.delivery.stats import DeliveryStats
from loader.delivery.troubles import Troubles
from loader.delivery.workers import Workers
from loader.errors import LoaderError
from loader.job import OnFailure


@dataclass(frozen=True, slots=True)
class Pump:
    """The means by which the parts of a delivery reach its pump.

    Attributes:
        stop_with: Called with the error that stops the load.
        wake: Wakes the pump.
    """

    stop_with: Callable[[LoaderError], None]
    wake: asyncio.Event


@dataclass(frozen=True, slots=True)
class DeliveryParts:
    """The parts of a delivery without its workers.

    Attributes:
        lanes: The lanes with the events.
        admission: Admission control, with the limits.
        stats: The counters.
        marker: Writes marks ahead of the attempts.
        settlement: Gives events their results.
        path_watch: Watches the path to the service.
        inbox: Takes events for delivery.
    """

    lanes: Lanes
    admission: Admission
    stats: DeliveryStats
    marker: Marker
    settlement: Settlement
    path_watch: PathWatch
    inbox: Inbox


def assemble(
    learned: LearnedLimits,
    books: Bookkeeping,
    pump: Pump,
    *,
    settings: DeliverySettings,
    surroundings: Surroundings,
) -> DeliveryParts:
    """Return the parts of one delivery without its workers.

    Args:
        learned: The limits of rate and concurrency that follow the answers.
        books: The receivers of marks and results.
        pump: The means to wake and to stop the delivery.
        settings: The settings of the delivery.
        surroundings: Clocks and random numbers.
    """
    lanes = Lanes(books.held_groups, marks=books.write_ahead is not None)
    budget, troubles = ByteBudget(settings.max_held_bytes), Troubles(settings.give_up_seconds)
    admission = _admission(lanes, budget, learned, settings)
    stats = DeliveryStats(
        lanes=lanes,
        budget=budget,
        governor=learned.governor,
        cap=learned.cap,
        stalls=admission.stalls,
        troubles=troubles,
    )
    marker = Marker(
        lanes=lanes,
        write_ahead=books.write_ahead,
        surroundings=surroundings,
        wake=pump.wake,
        stop_with=pump.stop_with,
    )
    settlement = Settlement(
        lanes=lanes,
        budget=budget,
        stats=stats,
        surroundings=surroundings,
        holds_groups=settings.on_failure is OnFailure.HOLD,
        on_result=books.on_result,
        part_log=books.part_log,
        stop_with=pump.stop_with,
    )
    path_watch = PathWatch(admission.path, troubles, lanes, surroundings, pump.stop_with)
    inbox = Inbox(lanes=lanes, budget=budget, settlement=settlement, wake=pump.wake)
    return DeliveryParts(lanes, admission, stats, marker, settlement, path_watch, inbox)


def _admission(
    lanes: Lanes, budget: ByteBudget, learned: LearnedLimits, settings: DeliverySettings
) -> Admission:
    return Admission(
        lanes=lanes,
        budget=budget,
        breaker=QuotaBreaker(settings.breaker),
        path=PathBreaker(),
        cap=learned.cap,
        governor=learned.governor,
        ceiling=None if settings.rate is None else Ceiling(settings.rate, settings.burst_events),
        stalls=Stalls(),
    )


def workers_of(
    parts: DeliveryParts, client: AttemptClient, pump: Pump, surroundings: Surroundings
) -> Workers:
    """Return the workers of a delivery, which make its attempts.

    Args:
        parts: The other parts of the delivery.
        client: Makes attempts.
        pump: The means to wake and to stop the delivery.
        surroundings: Clocks and random numbers.
    """
    handler = OutcomeHandler(
        lanes=parts.lanes,
        admission=parts.admission,
        path_watch=parts.path_watch,
        settlement=parts.settlement,
        stats=parts.stats,
        client=client,
        surroundings=surroundings,
        stop_with=pump.stop_with,
        clock_was_set=parts.marker.clock_was_set,
    )
    starter = AttemptStarter(
        lanes=parts.lanes,
        admission=parts.admission,
        marker=parts.marker,
        settlement=parts.settlement,
        inbox=parts.inbox,
        surroundings=surroundings,
        wake=pump.wake,
    )
    attempts = Attempts(
        client=client,
        lanes=parts.lanes,
        admission=parts.admission,
        handler=handler,
        stats=parts.stats,
        surroundings=surroundings,
        stop_with=pump.stop_with,
    )
    return Workers(
        starter=starter,
        attempts=attempts,
        inbox=parts.inbox,
        lanes=parts.lanes,
        cap=parts.admission.cap,
        wake=pump.wake,
    )
