"""Fault plans: rules for injected faults, as a Python object or a TOML or JSON file.

    seed = 7
    [[rules]]                        # of the first nine calls, every third answer is lost after acceptance
    fault = "answer_lost"
    calls = [3, 6, 9]
    [[rules]]                        # one call in twenty gets an internal error
    fault = "error"
    code = "InternalServerException"
    probability = 0.05

A middlebox between client and service that fails for 45 seconds, and one that then refuses permanently:

    [[rules]]
    fault = "page"                   # also "redirect", and "codeless" with a status
    from_seconds = 10
    until_seconds = 55
    [[rules]]
    fault = "codeless"
    status = 403
    from_seconds = 55

The first rule that matches a call and passes its random draw applies. A fault *before acceptance* ends the
processing of the call. A fault after acceptance changes only the answer: the call was processed as usual,
with success or with an error.

Rules kept here: decisions are pure, and random numbers are arguments. Call numbers count the signed and
readable calls of an operation, from 1, since the plan was set.
"""

import tomllib
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

import orjson
from pydantic import BaseModel, ConfigDict, Field, model_validator

from loader.emulator.model.operations import SEND
from loader.emulator.model.refusal import status_of


class FaultKind(StrEnum):
    """The kinds of faults."""

    ERROR = "error"
    """An error code of the service (``code``), before acceptance unless ``after_acceptance`` is set."""
    RESET = "reset"
    """The connection is reset before acceptance."""
    ANSWER_LOST = "answer_lost"
    """The connection is reset after acceptance, instead of an answer."""
    HANG = "hang"
    """The answer is delayed by ``seconds``."""
    SLOW_BODY = "slow_body"
    """The body of the answer is sent slowly over ``seconds``."""
    NO_EVENT_ID = "no_event_id"
    """200 with a JSON object without an eventId."""
    NOT_JSON = "not_json"
    """200 with a body that is not JSON."""
    CUT_BODY = "cut_body"
    """The connection ends in the middle of the body."""
    BROKEN_CHUNKS = "broken_chunks"
    """A chunked answer whose second chunk has no valid size."""
    HTML_ERROR = "html_error"
    """An intermediary's HTML page with 502, before acceptance unless ``after_acceptance`` is set."""
    CLOSE = "close"
    """A valid answer that closes the connection."""
    PAGE = "page"
    """A middlebox's HTML page with 200 (or ``status``) instead of the answer, as a captive portal's."""
    REDIRECT = "redirect"
    """A middlebox's 302 (or ``status``) to ``location``."""
    CODELESS = "codeless"
    """A middlebox's refusal with ``status`` and a short page, without error code and request id."""
    LOAD_FAILED = "load_failed"
    """The event is accepted and answered, but its records never reach the lake; Get reports FAILED."""
    FORGOTTEN = "forgotten"
    """The event is accepted and answered, then lost: the lake, Get and List do not know it."""
    ENDLESS_LIST = "endless_list"
    """A page of List that always has a next token; the first page follows the last one."""


MIDDLEBOX = frozenset({FaultKind.HTML_ERROR, FaultKind.PAGE, FaultKind.REDIRECT, FaultKind.CODELESS})
"""Faults of a middlebox that answers instead of the service."""

_BEFORE_ACCEPTANCE = MIDDLEBOX | {FaultKind.ERROR, FaultKind.RESET}
_DEFAULT_SECONDS = {FaultKind.HANG: 30.0, FaultKind.SLOW_BODY: 1.0}


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FaultRule(_Section):
    """One fault, and the conditions for its calls. A call must match all of them.

    Attributes:
        fault: The fault.
        code: Error code, for ``error``.
        status: HTTP status of ``error`` (default: that of the code), ``html_error`` (502), ``page`` (200),
            ``redirect`` (302) and ``codeless``, which requires one.
        location: Target of ``redirect``.
        title: Title of the page for ``page`` and ``codeless``; default: the status.
        message: Message of the error.
        headers: Headers added to the answer, such as Retry-After or another Date.
        seconds: Duration, for ``hang`` (default 30 s) and ``slow_body`` (default 1 s).
        after_acceptance: Whether the call is processed before the fault; overrides the default of the kind.
        operation: The operation that it affects.
        calls: Numbers of calls, from 1; empty means all.
        first_call: First call that it can affect.
        last_call: Last call that it can affect.
        from_seconds: Start, in seconds after the plan was set.
        until_seconds: End, in seconds after the plan was set; default: never.
        attempts: Which attempts of an event, from 1 (by client token); empty means all.
        groups: Event groups that it affects; empty means all.
        probability: Probability that it affects a matching call.
        times: Maximum number of affected calls.
    """

    fault: FaultKind
    code: str | None = None
    status: Annotated[int, Field(ge=200, le=599)] | None = None
    location: str = "http://login.portal.example/"
    title: str | None = None
    message: str = "Injected by the emulator's fault plan"
    headers: Mapping[str, str] = {}
    seconds: Annotated[float, Field(ge=0)] | None = None
    after_acceptance: bool | None = None
    operation: str = SEND
    calls: frozenset[int] = frozenset()
    first_call: Annotated[int, Field(ge=1)] = 1
    last_call: int | None = None
    from_seconds: Annotated[float, Field(ge=0)] = 0.0
    until_seconds: Annotated[float, Field(ge=0)] | None = None
    attempts: frozenset[int] = frozenset()
    groups: frozenset[str] = frozenset()
    probability: Annotated[float, Field(ge=0, le=1)] = 1.0
    times: Annotated[int, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _error_has_code(self) -> Self:
        if (self.fault is FaultKind.ERROR) != (self.code is not None):
            raise ValueError("fault 'error', and only that fault, needs a code")
        if self.fault is FaultKind.CODELESS and self.status is None:
            raise ValueError("fault 'codeless' needs a status")
        if self.code is not None and self.status is None:
            try:
                status_of(self.code)
            except KeyError:
                raise ValueError(
                    f"'{self.code}' is not a code of the service, so it needs a status"
                ) from None
        return self

    @property
    def name(self) -> str:
        """Its name in the ledger: the error code if it has one, otherwise the kind."""
        return self.code or self.fault.value

    @property
    def comes_before_acceptance(self) -> bool:
        """Whether the call is not processed."""
        if self.after_acceptance is not None:
            return not self.after_acceptance
        return self.fault in _BEFORE_ACCEPTANCE

    @property
    def duration_seconds(self) -> float:
        """Duration of ``hang`` and ``slow_body`` in seconds."""
        return _DEFAULT_SECONDS.get(self.fault, 0.0) if self.seconds is None else self.seconds

    def matches(
        self, operation: str, call: int, attempt: int, group: str, elapsed_seconds: float = 0.0
    ) -> bool:
        """Return whether this rule can affect a call."""
        return (
            operation == self.operation
            and elapsed_seconds >= self.from_seconds
            and (self.until_seconds is None or elapsed_seconds < self.until_seconds)
            and (not self.calls or call in self.calls)
            and call >= self.first_call
            and (self.last_call is None or call <= self.last_call)
            and (not self.attempts or attempt in self.attempts)
            and (not self.groups or group in self.groups)
        )


class FaultPlan(_Section):
    """A fault plan.

    Attributes:
        seed: Seeds the draws of rules with a probability.
        rules: The rules, tried in this order.
    """

    seed: int = 0
    rules: tuple[FaultRule, ...] = ()

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """Read a plan from a ``.toml`` or ``.json`` file.

        Raises:
            OSError: The file cannot be read.
            ValueError: The file is not a fault plan.
        """
        text = path.read_bytes()
        try:
            found = orjson.loads(text) if path.suffix == ".json" else tomllib.loads(text.decode())
        except RecursionError:
            raise ValueError("lists or tables are nested too deeply") from None
        return cls.model_validate(found)


class FaultSchedule:
    """A fault plan in use. It counts the calls that each rule affected.

    Args:
        plan: The rules.
    """

    def __init__(self, plan: FaultPlan) -> None:
        self.plan = plan
        self._happened = [0] * len(plan.rules)

    def decide(
        self,
        operation: str,
        call: int,
        attempt: int,
        group: str,
        draw: float,
        *,
        elapsed_seconds: float = 0.0,
    ) -> FaultRule | None:
        """Return the fault of a call, or None.

        Args:
            operation: The operation.
            call: Number of the call among those of the operation, from 1.
            attempt: Number of the attempt of its event, from 1; 0 without a client token.
            group: Its event group; empty without a group.
            draw: Random number, uniform in [0, 1).
            elapsed_seconds: Time since the plan was set.
        """
        for number, rule in enumerate(self.plan.rules):
            if rule.times is not None and self._happened[number] >= rule.times:
                continue
            if not rule.matches(operation, call, attempt, group, elapsed_seconds):
                continue
            if draw < rule.probability:
                self._happened[number] += 1
                return rule
            # The rest of the draw is uniform on [0, 1) again, so each rule has an independent probability.
            draw = (draw - rule.probability) / (1.0 - rule.probability)
        return None
