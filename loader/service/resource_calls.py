"""Calls about resources of the service (datasets, instances, tags), tried until one has its answer.

Rules:

1. Each call is tried at most 5 times, because the user waits for it.
2. An answer that is not from the service is an `Outcome`, never a document.
"""

import asyncio
from collections.abc import Awaitable, Callable

from loader.http.transport import Response, TransportError
from loader.model import Outcome, OutcomeKind
from loader.service.client import SupplyChainClient, no_answer
from loader.service.path_faults import path_fault
from loader.service.protocol import read_response

TRIES = 5
FIRST_WAIT_SECONDS = 0.5
MAX_WAIT_SECONDS = 10.0

FINAL = (OutcomeKind.STOP, OutcomeKind.REJECTED)
"""Outcomes that another try would not change."""

_OK = 200

Sleep = Callable[[float], Awaitable[object]]


async def answer_of(
    client: SupplyChainClient, send: Callable[[], Awaitable[Response]], sleep: Sleep = asyncio.sleep
) -> Response | Outcome:
    """Return the answer to a call, or the outcome of its last try.

    Args:
        client: The client that makes the call; its clock and credentials are corrected where needed.
        send: Makes one try.
        sleep: Waits for a number of seconds between tries.
    """
    tried = 0
    while True:
        outcome = await _try_once(send)
        if isinstance(outcome, Response):
            return outcome
        tried += 1
        if outcome.kind in FINAL or tried == TRIES or _is_certain(outcome):
            return outcome
        if outcome.kind is OutcomeKind.SKEWED and outcome.server_time is not None:
            client.adjust_clock(outcome.server_time)
        elif outcome.kind is OutcomeKind.REFRESH:
            await client.refresh_credentials()
        else:
            wait = outcome.retry_after_seconds or FIRST_WAIT_SECONDS * 2 ** (tried - 1)
            await sleep(min(wait, MAX_WAIT_SECONDS))


async def _try_once(send: Callable[[], Awaitable[Response]]) -> Response | Outcome:
    try:
        response = await send()
    except TransportError as error:
        return no_answer(error)
    is_of_service = response.body.lstrip()[:1] == b"{" or "x-amzn-requestid" in response.headers
    if response.status == _OK and is_of_service:
        return response
    return read_response(response.status, response.headers, response.body)


def _is_certain(outcome: Outcome) -> bool:
    fault = path_fault(outcome.code)
    return not outcome.of_service and fault is not None and fault.is_certain
