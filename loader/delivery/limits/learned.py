"""The two limits that a delivery learns from the answers of the service: rate and concurrency."""

from dataclasses import dataclass

from loader.delivery.limits.in_flight_cap import InFlightCap
from loader.delivery.rate.controller import RateController


@dataclass(frozen=True, slots=True)
class LearnedLimits:
    """The limits that follow the answers. Throttles lower the rate, errors and timeouts the concurrency.

    Attributes:
        governor: The rate that the service allows.
        cap: Maximum number of attempts in flight.
    """

    governor: RateController
    cap: InFlightCap
