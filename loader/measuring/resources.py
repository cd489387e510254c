"""Calls about instance, tags and dataset. They are counted; each answer is a document or an error."""

import asyncio
from typing import Any

import orjson

from loader.errors import DeliveryStopped, LoaderError, ServiceStopped
from loader.measuring.calls import Calls
from loader.model import Outcome, OutcomeKind
from loader.service.client import SupplyChainClient
from loader.service.path_errors import path_closed
from loader.service.resource_calls import FINAL, Sleep, answer_of


class CallRefused(ServiceStopped):
    """The service refuses a call.

    Args:
        outcome: Its answer.
        action: The operation.
        where: The resource.
    """

    def __init__(self, outcome: Outcome, action: str, where: str) -> None:
        self.code = outcome.code
        super().__init__(
            f"The service refuses {action}.",
            where=where,
            why=": ".join(part for part in (outcome.code, outcome.message) if part),
            next_step=f"allow the action scn:{action}; docs/howto/benchmarking.md has the policy",
        )


class ResourceClient:
    """Makes the calls.

    Args:
        client: Signs and sends.
        calls: Counts the calls.
        sleep: Waits for a number of seconds between tries.
    """

    def __init__(self, client: SupplyChainClient, calls: Calls, sleep: Sleep = asyncio.sleep) -> None:
        self._client = client
        self._calls = calls
        self._sleep = sleep

    @property
    def client(self) -> SupplyChainClient:
        """The client that makes the calls."""
        return self._client

    async def ask(
        self, method: str, path: str, document: dict[str, Any] | None = None, *, action: str
    ) -> dict[str, Any]:
        """Make a call and return the document in its answer; an empty one if the answer has no document.

        Args:
            method: HTTP method.
            path: The path, percent-encoded.
            document: The body, or None.
            action: Name of the operation.

        Raises:
            CallRefused: The service refuses the call.
            LoaderError: The service does not answer.
        """
        body = b"" if document is None else orjson.dumps(document)
        client = self._client
        answer = await answer_of(
            client,
            lambda: self._calls.counted(lambda: client.request(method, path, body=body)),
            self._sleep,
        )
        if isinstance(answer, Outcome):
            raise _error(answer, action, f"{method} {path}")
        try:
            read = orjson.loads(answer.body)
        except orjson.JSONDecodeError:
            read = None
        return read if isinstance(read, dict) else {}


def _error(outcome: Outcome, action: str, where: str) -> LoaderError:
    if outcome.kind is OutcomeKind.BLOCKED:
        return path_closed(outcome, 0)
    if outcome.kind in FINAL:
        return CallRefused(outcome, action, where)
    return DeliveryStopped(
        f"The service did not answer {action}.",
        where=where,
        why=": ".join(part for part in (outcome.code, outcome.message) if part),
        next_step="run the same command again",
    )
