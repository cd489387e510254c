"""Errors for a load that an intermediary or a failed connection stops: cause and next step."""

from loader.errors import DeliveryStopped, LoaderError, ServiceStopped
from loader.model import Outcome
from loader.service.path_faults import PathFault, path_fault

RESUME = "then run the same command again: it resumes"

MAX_SHOWN_CHARS = 100
"""Limit of the text that is shown of an intermediary's answer: enough for a title."""


def in_words(outcome: Outcome) -> str:
    """Return the cause of a failed attempt: code, meaning, and the message of the sender."""
    fault = path_fault(outcome.code)
    words = outcome.message[:MAX_SHOWN_CHARS]
    if outcome.of_service or fault is None:
        return ": ".join(part for part in (outcome.code, outcome.message) if part)
    named = f"{outcome.code}: {fault.means}"
    return f'{named} ("{words}")' if words else named


def means_of(code: str) -> str:
    """Return the meaning of a code, or "" for a code of the service, which needs no explanation."""
    fault = path_fault(code)
    return fault.means if fault is not None else ""


def path_closed(outcome: Outcome, events: int) -> LoaderError:
    """Return the error for a load that stops at its start, because every request is refused alike.

    Args:
        outcome: The latest answer.
        events: Number of events with this answer; 0 if none is sent yet.
    """
    fault = path_fault(outcome.code)
    assert fault is not None
    count = "1 event" if events == 1 else f"{events:,} events"
    return _kind(fault)(
        "The requests do not reach the service.",
        where=f"{count} got the same answer, and none was accepted before" if events else "",
        why=in_words(outcome),
        next_step=f"{fault.advice}, {RESUME}",
    )


def nothing_accepted(outcome: Outcome, waited: str, since: str, count: int) -> DeliveryStopped:
    """Return the error for a load that gives up because no event was accepted for too long.

    Args:
        outcome: The last outcome other than an acceptance.
        waited: Time without an acceptance, as text.
        since: Time of the first occurrence of the last cause, as text.
        count: Number of its occurrences.
    """
    fault = path_fault(outcome.code)
    advice = fault.advice if fault is not None else "wait until the service works again"
    times = "once" if count == 1 else f"{count:,} times"
    request = f" (request {outcome.request_id})" if outcome.request_id else ""
    return DeliveryStopped(
        f"No event was accepted for {waited} (--give-up-after).",
        why=f"{in_words(outcome)}{request}; {times} since {since}",
        next_step=f"{advice}, {RESUME}",
    )


def _kind(fault: PathFault) -> type[LoaderError]:
    return ServiceStopped if fault.needs_setting else DeliveryStopped
