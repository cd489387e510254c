"""The errors for a load that something on the way to the service stopped: what it is, and what to do."""

from loader.errors import DeliveryStopped, LoaderError, ServiceStopped
from loader.model import Outcome
from loader.service.way_faults import WayFault, way_fault

RESUME = "then run the same command again: it resumes"

MAX_SHOWN_CHARS = 100
"""Of the words of something on the way: enough for a title."""


def in_words(outcome: Outcome) -> str:
    """Return the cause of an attempt's failure: code, what it means, and the sender's own words."""
    fault = way_fault(outcome.code)
    words = outcome.message[:MAX_SHOWN_CHARS]
    if outcome.of_service or fault is None:
        return ": ".join(part for part in (outcome.code, outcome.message) if part)
    named = f"{outcome.code}: {fault.means}"
    return f'{named} ("{words}")' if words else named


def means_of(code: str) -> str:
    """Return what a code means, or nothing for a code of the service: those speak for themselves."""
    fault = way_fault(code)
    return fault.means if fault is not None else ""


def way_closed(outcome: Outcome, events: int) -> LoaderError:
    """Return the error for a load that is stopped at its start, because each request met the same refusal.

    Args:
        outcome: The latest answer.
        events: How many events met it; 0 if none was sent yet.
    """
    fault = way_fault(outcome.code)
    assert fault is not None
    count = "1 event" if events == 1 else f"{events:,} events"
    return _kind(fault)(
        "The requests do not get through to the service.",
        where=f"{count} met the same, and none was accepted before" if events else "",
        why=in_words(outcome),
        next_step=f"{fault.advice}, {RESUME}",
    )


def nothing_accepted(outcome: Outcome, waited: str, since: str, count: int) -> DeliveryStopped:
    """Return the error for a load that is given up because no event was accepted for too long.

    Args:
        outcome: The last answer that was no acceptance.
        waited: For how long none was accepted, in words.
        since: When the last cause first came, in words.
        count: How often it came.
    """
    fault = way_fault(outcome.code)
    advice = fault.advice if fault is not None else "wait until the service works again"
    times = "once" if count == 1 else f"{count:,} times"
    request = f" (request {outcome.request_id})" if outcome.request_id else ""
    return DeliveryStopped(
        f"No event was accepted for {waited} (--give-up-after).",
        why=f"{in_words(outcome)}{request}; {times} since {since}",
        next_step=f"{advice}, {RESUME}",
    )


def _kind(fault: WayFault) -> type[LoaderError]:
    return ServiceStopped if fault.needs_setting else DeliveryStopped
