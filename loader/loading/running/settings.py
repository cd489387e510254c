"""Settings of one run of a load."""

from dataclasses import dataclass
from pathlib import Path

from loader.delivery.settings import DeliverySettings
from loader.loading.doubts import DoubtRule
from loader.loading.error_limits import ErrorLimits
from loader.model import Destination


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """Settings of one run of a load.

    Attributes:
        destination: The destination of its events.
        run_dir: The run directory of the whole load, absolute.
        delivery: Settings of the delivery.
        max_in_flight: Maximum number of attempts in flight.
        forget_rate: Whether the run begins slowly instead of at the rate that an earlier load learned.
        retry_failed: Whether events that failed before are sent again.
        limits: The limits of errors at which it stops.
        doubt: What happens to an event that may have been accepted and whose token has expired.
    """

    destination: Destination
    run_dir: Path
    delivery: DeliverySettings
    max_in_flight: int
    forget_rate: bool
    retry_failed: bool
    limits: ErrorLimits
    doubt: DoubtRule
