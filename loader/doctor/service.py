"""Checks of the connection to the service: credentials, Region, endpoint, clock, permission to send.

The checks change nothing. The only Send request has an empty ``data``, which the service must refuse
(``DataIntegrationEventData.min`` is 1). It is sent once.
"""

import time
from collections.abc import AsyncIterator

import botocore.session

from loader.aws.credentials import CredentialSource, open_credentials
from loader.aws.endpoint import resolve_endpoint
from loader.aws.session import open_session, profile_name
from loader.doctor.check import Check, CheckState
from loader.errors import LoaderError
from loader.http.transport import TransportError
from loader.model import Event, Outcome, OutcomeKind
from loader.process.daemon_thread import in_daemon_thread
from loader.service.client import SupplyChainClient, open_client
from loader.service.path_faults import path_fault
from loader.service.protocol import read_date, read_response
from loader.service.settings import ClientSettings

SKEW_WARNING_SECONDS = 60.0
SKEW_LIMIT_SECONDS = 300.0
"""The service refuses a signature that is minutes off (docs/service.md 8.9). A load corrects this by
itself."""

NO_INSTANCE = "00000000-0000-0000-0000-000000000000"
"""Placeholder instance id for a job without one."""

REFUSED_CODES = ("AccessDeniedException", "NotAuthorized", "OptInRequired")


async def service_checks(
    settings: ClientSettings, credentials: CredentialSource | None = None
) -> AsyncIterator[Check]:
    """Yield the checks of the connection, until a check fails that the next ones depend on.

    Args:
        settings: The settings of the client. The permission is checked for the instance of its destination.
        credentials: Credentials used for signing; looked up if not given.
    """
    access = settings.access
    try:
        session = await in_daemon_thread(lambda: open_session(access.profile, access.region))
        endpoint = await in_daemon_thread(
            lambda: resolve_endpoint(access.region, access.profile, access.endpoint_url)
        )
    except LoaderError as error:
        yield _failed("Region and endpoint", error)
        return
    yield Check("Region and endpoint", CheckState.OK, f"{endpoint.region}, {endpoint.url}")
    try:
        found = credentials or await open_credentials(access.profile, endpoint.region)
    except LoaderError as error:
        yield _failed("credentials", error)
        return
    origin = await in_daemon_thread(lambda: _origin(session)) if credentials is None else "given"
    yield Check("credentials", CheckState.OK, origin)
    try:
        client = await open_client(settings, credentials=found)
    except LoaderError as error:  # the CA bundle, the proxy or the name of a host
        yield _failed("connection", error)
        return
    async with client:
        began = time.time()
        try:
            response = await client.get("/")
        except TransportError as error:
            yield Check(
                "connection",
                CheckState.FAILED,
                f"{error.code}: {error.message}",
                "Check network, proxy and --endpoint-url.",
            )
            return
        took = time.time() - began
        yield _connection(read_response(response.status, response.headers, response.body), took)
        yield _clock(read_date(response.headers.get("date")), client)
        yield await _permission(settings.destination.instance_id, client)


def _connection(answer: Outcome, seconds: float) -> Check:
    """Return whether the service answered, and not something between this machine and the service."""
    found = f"answered in {seconds * 1000:.0f} ms"
    fault = path_fault(answer.code)
    if answer.of_service or fault is None:
        return Check("connection", CheckState.OK, found)
    advice = f"{fault.advice[0].upper()}{fault.advice[1:]}."
    words = f", but probably not by the service: {answer.code}, {fault.means}"
    return Check("connection", CheckState.WARNING, found + words, advice)


def _origin(session: botocore.session.Session) -> str:
    """Return where botocore found the credentials, without any part of them."""
    found = session.get_credentials()
    method = getattr(found, "method", None) or "unknown origin"
    return f"from {method}, profile '{profile_name(session)}'"


def _clock(server_time: float | None, client: SupplyChainClient) -> Check:
    if server_time is None:
        return Check("clock", CheckState.SKIPPED, "the answer has no Date header")
    offset = server_time - time.time()
    found = f"{abs(offset):.0f} s {'behind' if offset > 0 else 'ahead of'} the service"
    if abs(offset) > SKEW_WARNING_SECONDS:
        client.adjust_clock(server_time)  # as a load does
        state = CheckState.FAILED if abs(offset) > SKEW_LIMIT_SECONDS else CheckState.WARNING
        return Check("clock", state, found, "Set this machine's clock, for example with NTP.")
    return Check("clock", CheckState.OK, found)


async def _permission(instance_id: str, client: SupplyChainClient) -> Check:
    name = "permission to send"
    if instance_id == NO_INSTANCE:
        return Check(name, CheckState.SKIPPED, "no instance was given", "Give it with --instance-id.")
    probe = Event(
        window=0,
        index=0,
        file=0,
        rows=(),
        group="scn-loader-doctor",
        token="0" * 64,
        timestamp=None,
        quoted=b"",
    )
    outcome = await client.attempt(probe)
    return _judged(name, outcome)


def _judged(name: str, outcome: Outcome) -> Check:
    cause = f"{outcome.code}: {outcome.message}" if outcome.message else outcome.code
    if outcome.kind is OutcomeKind.REJECTED:
        return Check(name, CheckState.OK, f"the service refused an empty event as it should ({outcome.code})")
    if outcome.kind is OutcomeKind.STOP and outcome.code in REFUSED_CODES:
        next_step = (
            "Allow scn:SendDataIntegrationEvent on the instance. "
            "The guide 'Connect to your instance' has the policy."
        )
        return Check(name, CheckState.FAILED, cause, next_step)
    if outcome.kind is OutcomeKind.ACCEPTED:
        return Check(
            name, CheckState.WARNING, "the endpoint accepted an empty event, so it is not the service"
        )
    next_step = "docs/troubleshooting.md explains the code."
    return Check(name, CheckState.FAILED, cause, next_step)


def _failed(name: str, error: LoaderError) -> Check:
    found = f"{error.what} {error.why}".strip()
    return Check(name, CheckState.FAILED, found, error.next_step)
