"""The emulator's own endpoints under ``/_emulator/``, to inspect and change it while it runs.

    GET  /_emulator/health
    GET  /_emulator/ledger                       the ledger in numbers
    GET  /_emulator/ledger/rows?after=0&limit=1000   its rows, in order of arrival
    GET  /_emulator/calls                        number of calls of each operation
    GET  /_emulator/lake                         number of records in each table
    POST /_emulator/clock   {"seconds": 30000, "skew_seconds": 0}
    POST /_emulator/quota   {"rate": 100, "burst": 20}
    POST /_emulator/faults  {"seed": 1, "rules": [{"fault": "reset", "calls": [3]}]}

They are unsigned, and the emulator listens on loopback only. No answer contains a record. A web page in a
browser on this machine can reach loopback too. Therefore a request must have loopback as its ``Host`` (which
prevents DNS rebinding) and must not come from another site, and a POST must have ``Content-Type:
application/json``, which a browser sends to another site only after a preflight request.
"""

from collections.abc import Awaitable, Callable, Mapping
from ipaddress import ip_address
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlsplit

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from loader.emulator.faults import FaultPlan
from loader.emulator.service.answers import Answer
from loader.emulator.service.service import Service
from loader.emulator.service.signatures import WireRequest
from loader.emulator.settings import QuotaSettings

PREFIX = "/_emulator/"

_BAD_REQUEST, _FORBIDDEN, _NOT_FOUND = 400, 403, 404

_OWN_SITES = ("same-origin", "none")
"""Values of ``Sec-Fetch-Site`` for a page of the emulator itself, or for an address that the user typed."""


class ClockMove(BaseModel):
    """The body of POST clock.

    Attributes:
        seconds: Time that passes for tokens, events and quotas.
        skew_seconds: Seconds by which the clock of signatures and ``Date`` is ahead from now on.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    skew_seconds: Annotated[float, Field(allow_inf_nan=False)] | None = None


class RowsPage(BaseModel):
    """The query of GET ledger/rows.

    Attributes:
        after: Only rows that arrived after this number.
        limit: Maximum number of rows.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    after: Annotated[int, Field(ge=0, lt=2**63)] = 0
    limit: Annotated[int, Field(ge=1, le=10_000)] = 1000


async def control(service: Service, request: WireRequest) -> Answer:
    """Answer a request under ``PREFIX``."""
    if reason := _foreign(request):
        return _json(_FORBIDDEN, {"message": reason})
    path, _, query = request.target.partition("?")
    answer = _ROUTES.get((request.method, path.removeprefix(PREFIX)))
    if answer is None:
        return _json(_NOT_FOUND, {"message": f"the emulator serves {_SERVED}"})
    try:
        return _json(200, await answer(service, query, request.body))
    except (ValidationError, orjson.JSONDecodeError) as error:
        return _json(_BAD_REQUEST, {"message": str(error)})


def _foreign(request: WireRequest) -> str:
    """Return why a request may come from a page of another site; an empty text if it cannot."""
    if not _is_loopback(f"//{request.headers.get('Host', '')}"):
        return "the Host of the request is not this machine's loopback address"
    origin = request.headers.get("Origin")
    if request.headers.get("Sec-Fetch-Site", "none") not in _OWN_SITES or (
        origin is not None and not _is_loopback(origin)
    ):
        return "the request comes from a page of another site"
    content_type = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if request.method == "POST" and content_type != "application/json":
        return "a POST needs the header Content-Type: application/json"
    return ""


def _is_loopback(url: str) -> bool:
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:  # a name, or not a URL
        return False


async def _health(service: Service, _query: str, _body: bytes) -> dict[str, Any]:
    return {"status": "ok", "now": service.clock.now(), "wire_now": service.clock.wire_now()}


async def _ledger(service: Service, _query: str, _body: bytes) -> dict[str, Any]:
    await service.store.flush()
    return service.summary()


async def _rows(service: Service, query: str, _body: bytes) -> dict[str, Any]:
    page = RowsPage.model_validate(dict(parse_qsl(query)))
    rows = await service.store.read(lambda: service.store.ledger.page(page.after, page.limit))
    return {"rows": rows}


async def _lake(service: Service, _query: str, _body: bytes) -> dict[str, Any]:
    return {"tables": await service.store.read(service.store.lake.counts)}


async def _calls(service: Service, _query: str, _body: bytes) -> dict[str, Any]:
    return service.calls()


async def _clock(service: Service, _query: str, body: bytes) -> dict[str, Any]:
    move = ClockMove.model_validate(orjson.loads(body))
    service.clock.advance(move.seconds)
    if move.skew_seconds is not None:
        service.clock.skew_seconds = move.skew_seconds
    return await _health(service, "", b"")


async def _quota(service: Service, _query: str, body: bytes) -> dict[str, Any]:
    quota = QuotaSettings.model_validate(orjson.loads(body))
    service.set_quota(quota)
    return quota.model_dump(mode="json")


async def _faults(service: Service, _query: str, body: bytes) -> dict[str, Any]:
    plan = FaultPlan.model_validate(orjson.loads(body))
    service.set_faults(plan)
    return plan.model_dump(mode="json")


_ROUTES: Mapping[tuple[str, str], Callable[[Service, str, bytes], Awaitable[dict[str, Any]]]] = {
    ("GET", "health"): _health,
    ("GET", "ledger"): _ledger,
    ("GET", "ledger/rows"): _rows,
    ("GET", "lake"): _lake,
    ("GET", "calls"): _calls,
    ("POST", "clock"): _clock,
    ("POST", "quota"): _quota,
    ("POST", "faults"): _faults,
}
_SERVED = ", ".join(f"{method} {PREFIX}{name}" for method, name in _ROUTES)


def _json(status: int, document: Mapping[str, Any]) -> Answer:
    return Answer(status, orjson.dumps(document))
