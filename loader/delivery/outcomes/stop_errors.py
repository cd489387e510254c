"""Errors that stop a load, with the cause and the next step for the user.

These errors show the service's message, unlike the errors of single events. The message concerns the caller,
the instance or the signature of the request, never a payload.
"""

from datetime import UTC, datetime

from loader.delivery.outcomes.retry import StopCause
from loader.delivery.troubles import Troubles
from loader.errors import DeliveryStopped, ServiceStopped
from loader.model import Outcome
from loader.service.path_errors import RESUME as _RESUME
from loader.service.path_errors import nothing_accepted

_WHAT = {
    StopCause.REFUSED: "The service refuses this load.",
    StopCause.CREDENTIALS: "The service refuses the credentials, even after a refresh.",
    StopCause.CLOCK: "The service refuses the time of the requests, even after a clock adjustment.",
    StopCause.QUOTA: "A quota of the service is exhausted and did not recover.",
    StopCause.UNKNOWN: "The service answers every event with an error that the loader does not know.",
}

_NEXT = {
    StopCause.REFUSED: f"check the instance id, the region and the permissions of the caller, {_RESUME}",
    StopCause.CREDENTIALS: f"sign in again or choose another profile, {_RESUME}",
    StopCause.CLOCK: f"set this machine's clock, {_RESUME}",
    StopCause.QUOTA: f"ask AWS to raise the quota or wait until it recovers, {_RESUME}",
    StopCause.UNKNOWN: f"look the code up in the documentation of the service, or ask AWS, {_RESUME}",
}

_NEXT_BY_CODE = {
    "AccessDeniedException": f"grant the caller scn:SendDataIntegrationEvent on the instance, {_RESUME}",
    "ResourceNotFoundException": f"check the instance id, the dataset and the region, {_RESUME}",
    "OptInRequired": f"subscribe the account to the service, {_RESUME}",
}


def service_stopped(cause: StopCause, outcome: Outcome) -> ServiceStopped:
    """Return the error for a load that the service stopped.

    Args:
        cause: The reason.
        outcome: The answer that caused the stop.
    """
    words = ": ".join(part for part in (outcome.code, outcome.message) if part)
    request = f" (request {outcome.request_id})" if outcome.request_id else ""
    return ServiceStopped(
        _WHAT[cause], why=f"{words}{request}", next_step=_NEXT_BY_CODE.get(outcome.code, _NEXT[cause])
    )


def given_up_waiting(troubles: Troubles) -> DeliveryStopped:
    """Return the error for a load without an acceptance for too long."""
    assert troubles.outcome is not None
    assert troubles.last is not None
    since = datetime.fromtimestamp(troubles.last.since, UTC)
    return nothing_accepted(
        troubles.outcome,
        duration_text(troubles.waited_seconds),
        f"{since:%Y-%m-%d %H:%M:%S} UTC",
        troubles.last.count,
    )


def duration_text(seconds: float) -> str:
    """Return seconds as ``42 s`` or ``10 min``."""
    whole = round(seconds)
    if whole < _MINUTE_SECONDS:
        return f"{whole} s"
    minutes, rest = divmod(whole, _MINUTE_SECONDS)
    return f"{minutes} min {rest} s" if rest else f"{minutes} min"


_MINUTE_SECONDS = 60
