"""One attempt: what goes out equals what botocore sends, and what comes back is an outcome."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import botocore.session
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.aws.credential_chain import FoundCredentials
from loader.aws.credentials import FixedCredentials, RenewingCredentials
from loader.aws.signing import Credentials
from loader.errors import ServiceStopped, SettingsError
from loader.events.token import begin_hash
from loader.http.transport import Request, Response, TransportError
from loader.job import Job
from loader.model import Destination, Event, Operation, Outcome, OutcomeKind
from loader.service.client import SupplyChainClient, open_client
from loader.service.protocol import EventEncoder, send_path
from loader.stage_settings.connections import client_settings
from tests.http.authority import Authority
from tests.http.scripted_server import Received, ScriptedServer, answer, raw, reset
from tests.service.samples import EVENT_ID, INSTANCE_ID, KEY, RECEIPT, loopback_endpoint, sample_event

NOW = 1_800_000_000.0
ENDPOINT = loopback_endpoint(8080)
ARN = f"arn:aws:scn:us-east-1:123456789012:instance/{INSTANCE_ID}/namespaces/asc/datasets/inbound_order"

MODEL = botocore.session.Session().get_service_model("supplychain")
EVENT_TYPES: list[str] = MODEL.shape_for("DataIntegrationEventType").enum
DESTINATIONS = [
    *(Destination(INSTANCE_ID, name) for name in EVENT_TYPES if name != "scn.data.dataset"),
    *(Destination(INSTANCE_ID, "scn.data.dataset", ARN, operation) for operation in Operation),
]
ACCEPTED = Response(200, {}, RECEIPT)


@dataclass
class PlannedTransport:
    """A transport that answers as planned, one after the other; the last one is repeated."""

    plan: list[Response | TransportError]
    requests: list[Request] = field(default_factory=list)
    closed: bool = False

    async def send(self, request: Request) -> Response:
        """Take the next answer."""
        step = self.plan[min(len(self.requests), len(self.plan) - 1)]
        self.requests.append(request)
        if isinstance(step, TransportError):
            raise step
        return step

    async def close(self) -> None:
        """Remember it."""
        self.closed = True


def client_with(*plan: Response | TransportError, destination: Destination = DESTINATIONS[0]) -> Any:
    """A client and its planned transport."""
    transport = PlannedTransport(list(plan))
    client = SupplyChainClient(destination, ENDPOINT, FixedCredentials(KEY), transport, lambda: NOW)
    return client, transport


class Answered:
    """What botocore reads an answer from."""

    def stream(self, *_: object) -> Any:
        """Yield the body."""
        yield RECEIPT


@pytest.fixture(scope="module")
def botocore_client() -> Any:
    """A botocore client that keeps its last request in ``last`` instead of sending it."""
    client = botocore.session.Session().create_client(
        "supplychain",
        region_name=ENDPOINT.region,
        endpoint_url=ENDPOINT.url,
        aws_access_key_id=KEY.access_key,
        aws_secret_access_key=KEY.secret_key,
        aws_session_token=KEY.session_token,
    )

    def keep(request: botocore.awsrequest.AWSPreparedRequest, **_: object) -> Any:
        client.last = request
        return botocore.awsrequest.AWSResponse(request.url, 200, {}, Answered())

    client.meta.events.register("before-send", keep)
    return client


def botocore_request(client: Any, destination: Destination, event: Event) -> Any:
    """The request that botocore sends for an event."""
    arguments: dict[str, Any] = {
        "instanceId": destination.instance_id,
        "eventType": destination.event_type,
        "data": event.data.decode(),
        "eventGroupId": event.group,
        "clientToken": event.token,
    }
    if event.timestamp is not None:
        arguments["eventTimestamp"] = float(event.timestamp)
    if destination.dataset_arn is not None:
        target = {"datasetIdentifier": destination.dataset_arn, "operationType": destination.operation}
        arguments["datasetTarget"] = target
    assert client.send_data_integration_event(**arguments)["eventId"] == EVENT_ID
    return client.last


def botocore_signature(url: str, body: bytes, now: float) -> str:
    """What botocore's signer says about the bytes that we send."""
    headers = {"Content-Type": "application/json"}
    request = botocore.awsrequest.AWSRequest("POST", url, data=body, headers=headers)
    keys = botocore.credentials.Credentials(KEY.access_key, KEY.secret_key, KEY.session_token)
    with pytest.MonkeyPatch.context() as patch:
        moment = datetime.fromtimestamp(int(now), UTC)
        patch.setattr("botocore.auth.get_current_datetime", lambda: moment)
        botocore.auth.SigV4Auth(keys, "scn", ENDPOINT.region).add_auth(request)
    return str(request.headers["Authorization"])


def signed_headers(authorization: str) -> str:
    """The names of the headers that a signature covers."""
    return authorization.split(", ")[1]


@pytest.mark.parametrize("timestamp", [None, "1515531081", "1515531081.123"])
@pytest.mark.parametrize("destination", DESTINATIONS, ids=lambda d: f"{d.event_type} {d.operation or ''}")
async def test_request_is_the_one_botocore_sends(
    destination: Destination, timestamp: str | None, botocore_client: Any
) -> None:
    """For every event type: same method, path, members and signed headers, and a signature that fits."""
    event = sample_event(timestamp=timestamp, data='[{"id":"1"},{"id":"é\u2028\\"\\\\"}]'.encode())
    client, transport = client_with(ACCEPTED, destination=destination)
    await client.attempt(event)
    (ours,) = transport.requests
    theirs = botocore_request(botocore_client, destination, event)
    parts = urlsplit(theirs.url)
    assert (ours.method, ours.path, "") == (theirs.method, parts.path, parts.query)
    assert json.loads(ours.body) == json.loads(theirs.body)
    assert ours.headers["Content-Type"] == theirs.headers["Content-Type"].decode()
    assert ours.headers["X-Amz-Security-Token"] == theirs.headers["X-Amz-Security-Token"].decode()
    assert ours.headers["Authorization"] == botocore_signature(theirs.url, ours.body, NOW)
    assert signed_headers(ours.headers["Authorization"]) == signed_headers(
        theirs.headers["Authorization"].decode()
    )


def test_all_event_types_are_tried() -> None:
    """The service model has sixteen event types, and all are in the test above."""
    assert {destination.event_type for destination in DESTINATIONS} == set(EVENT_TYPES)
    assert len(EVENT_TYPES) == 16


@given(
    group=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=255),
    data=st.text(st.characters(exclude_categories=["Cs"]), max_size=200).map(
        lambda t: orjson.dumps({"a": t})
    ),
    digits=st.none() | st.decimals(0, 4_000_000_000, places=9),
)
def test_body_holds_the_event_unchanged(group: str, data: bytes, digits: Decimal | None) -> None:
    """Group and data come out of the JSON as they went in, and the timestamp with its very digits."""
    event = sample_event(group=group, data=data, timestamp=None if digits is None else f"{digits:f}")
    encoder = EventEncoder(DESTINATIONS[0])
    body = encoder.body(event)
    members = json.loads(body, parse_float=Decimal)
    assert members["data"].encode() == data
    assert members["eventGroupId"] == group
    assert members.get("eventTimestamp") == digits
    assert ("eventTimestamp" in members) == (digits is not None)
    assert encoder.body(event) == body


@pytest.mark.parametrize("timestamp", [None, "1515531081.123"])
async def test_what_a_planned_event_knows_of_its_hash_is_the_hash(timestamp: str | None) -> None:
    """An event of many records, whose payload was hashed when it was planned, is signed all the same."""
    event = sample_event(timestamp=timestamp, data='[{"id":"1"},{"id":"é\u2028\\"\\\\"}]'.encode())
    event.begun = begin_hash(event.quoted)
    client, transport = client_with(ACCEPTED, ACCEPTED)
    for _ in range(2):
        await client.attempt(event)
    for request in transport.requests:
        url = ENDPOINT.url + request.path
        assert request.headers["Authorization"] == botocore_signature(url, request.body, NOW)


async def test_a_200_with_a_receipt_is_an_accepted_event() -> None:
    """A 200 with a receipt is an accepted event."""
    client, transport = client_with(ACCEPTED)
    outcome = await client.attempt(sample_event())
    assert (outcome.kind, outcome.event_id) == (OutcomeKind.ACCEPTED, EVENT_ID)
    assert transport.requests[0].path == send_path(INSTANCE_ID)


async def test_retry_sends_the_same_body_signed_anew() -> None:
    """A second attempt carries the same token and bytes under a later signature."""
    times = iter([NOW, NOW + 100])
    transport = PlannedTransport([Response(500, {}, b""), ACCEPTED])
    keys = FixedCredentials(KEY)
    client = SupplyChainClient(DESTINATIONS[0], ENDPOINT, keys, transport, lambda: next(times))
    event = sample_event()
    for _ in range(2):
        await client.attempt(event)
    first, second = transport.requests
    assert first.body == second.body
    url = ENDPOINT.url + second.path
    assert first.headers["Authorization"] == botocore_signature(url, first.body, NOW)
    assert second.headers["Authorization"] == botocore_signature(url, second.body, NOW + 100)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("Timeout", OutcomeKind.TRANSIENT),
        ("ConnectFailed", OutcomeKind.TRANSIENT),
        ("AnythingElse", OutcomeKind.TRANSIENT),
        ("CertificateNotTrusted", OutcomeKind.BLOCKED),
        ("ProxyAuthenticationRequired", OutcomeKind.BLOCKED),
        ("ProxyRefused", OutcomeKind.BLOCKED),
        ("ProxyFailed", OutcomeKind.TRANSIENT),
    ],
)
@pytest.mark.parametrize("in_doubt", [True, False], ids=["in doubt", "not sent"])
async def test_a_failed_transport_is_retried_unless_only_settings_help(
    code: str,
    kind: OutcomeKind,
    in_doubt: bool,  # noqa: FBT001 - parametrised
) -> None:
    """A failed transport is tried again, unless only other settings help; the doubt is passed on."""
    client, _ = client_with(TransportError(code, "bad\x1b[2J words", may_have_been_accepted=in_doubt))
    outcome = await client.attempt(sample_event())
    assert (outcome.kind, outcome.code, outcome.status) == (kind, code, None)
    assert outcome.may_have_been_accepted == in_doubt
    assert outcome.message.isprintable()


async def test_clock_follows_the_server() -> None:
    """After a refusal for skew the next signature has the server's time, and keeps running with ours."""
    ours = NOW
    refusal = Response(
        403,
        {"x-amzn-errortype": "InvalidSignatureException", "date": "Mon, 23 Nov 2026 18:40:00 GMT"},
        b'{"message":"Signature expired: 1 is now earlier than 2"}',
    )
    transport = PlannedTransport([refusal, ACCEPTED])
    client = SupplyChainClient(
        DESTINATIONS[0], ENDPOINT, FixedCredentials(KEY), transport, wall_clock=lambda: ours
    )
    outcome = await client.attempt(sample_event())
    assert outcome.kind is OutcomeKind.SKEWED
    assert outcome.server_time is not None
    client.adjust_clock(outcome.server_time)
    ours += 5
    await client.attempt(sample_event())
    assert transport.requests[1].headers["X-Amz-Date"] == "20261123T184005Z"


async def test_credentials_are_renewed_before_they_end() -> None:
    """An attempt in the last minute of the credentials is signed with new ones."""
    new = FoundCredentials(Credentials("AKIDNEW", "s"), NOW + 7200)
    source = RenewingCredentials(FoundCredentials(KEY, NOW + 30), lambda: new, NOW - 3600)
    transport = PlannedTransport([ACCEPTED])
    client = SupplyChainClient(DESTINATIONS[0], ENDPOINT, source, transport, lambda: NOW)
    await client.attempt(sample_event())
    assert "Credential=AKIDNEW/" in transport.requests[0].headers["Authorization"]
    await client.close()


async def test_failed_renewal_does_not_fail_the_attempt() -> None:
    """If the renewal fails the attempt goes out with the old key; after its refusal the load stops."""

    def fail() -> FoundCredentials:
        raise SettingsError("none", why="logged out")

    source = RenewingCredentials(FoundCredentials(KEY, NOW - 1), fail, NOW - 3600)
    expired = Response(403, {"x-amzn-errortype": "ExpiredTokenException"}, b"{}")
    transport = PlannedTransport([expired])
    client = SupplyChainClient(DESTINATIONS[0], ENDPOINT, source, transport, lambda: NOW)
    outcome = await client.attempt(sample_event())
    assert outcome.kind is OutcomeKind.REFRESH
    with pytest.raises(ServiceStopped, match="could not be renewed"):
        await client.refresh_credentials()
    await client.close()


async def test_leaving_the_context_closes_the_transport() -> None:
    """The client is a context manager that closes what it was given."""
    client, transport = client_with(ACCEPTED)
    async with client as entered:
        assert entered is client
    assert transport.closed


async def test_nothing_of_the_event_is_in_a_repr() -> None:
    """Neither requests nor outcomes show the payload or a key when printed."""
    echo = Response(400, {"x-amzn-errortype": "ValidationException"}, b'{"message":"bad: top-secret"}')
    client, transport = client_with(echo)
    outcome = await client.attempt(sample_event(data=b'{"price":"top-secret"}'))
    shown = f"{client!r} {transport.requests[0]!r} {outcome!r} {echo!r}"
    assert "top-secret" not in shown
    assert "a-token" not in shown


# All of it together, over a socket.


def job(port: int, **settings: Any) -> Job:
    """A job for a server on this machine."""
    return Job(
        event_type="scn.data.inboundorderline",
        instance_id=INSTANCE_ID,
        endpoint_url=f"http://127.0.0.1:{port}",
        region="us-east-1",
        **settings,
    )


@pytest.fixture
def keys_in_environment(aws_files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The credentials of these tests, where botocore looks for them."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", KEY.secret_key)
    monkeypatch.setenv("AWS_SESSION_TOKEN", str(KEY.session_token))


def verified(received: Received, port: int, scheme: str = "http") -> bool:
    """Whether the signature fits the request as it came over the wire, in botocore's eyes."""
    url = f"{scheme}://{received.headers['host']}{received.target}"
    assert received.headers["host"].endswith(f":{port}")
    sent_at = datetime.strptime(received.headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    return received.headers["authorization"] == botocore_signature(url, received.body, sent_at.timestamp())


@pytest.mark.usefixtures("keys_in_environment")
@pytest.mark.parametrize("settings", [{}, {"transport": "aiohttp"}], ids=["fast", "aiohttp"])
async def test_a_client_for_a_job_delivers_an_event(settings: dict[str, str]) -> None:
    """A client opened for a job delivers an event; the signature fits what arrived, whatever its size."""
    async with (
        ScriptedServer([answer()]) as server,
        await open_client(client_settings(job(server.port, **settings))) as client,
    ):
        for data in (b'{"id":"1"}', orjson.dumps({"a": '"' * 1_000_000})):
            outcome = await client.attempt(sample_event(data=data))
            assert (outcome.kind, outcome.event_id) == (OutcomeKind.ACCEPTED, EVENT_ID)
        assert [verified(received, server.port) for received in server.requests] == [True, True]
        assert json.loads(server.requests[0].body)["data"] == '{"id":"1"}'


@pytest.mark.usefixtures("keys_in_environment")
async def test_job_to_receipt_over_tls(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    """With AWS_CA_BUNDLE a client opened for a job trusts that authority."""
    async with ScriptedServer([answer()], tls=authority.server_context("localhost")) as server:
        url = f"https://localhost:{server.port}"
        settings = job(server.port).model_copy(update={"endpoint_url": url})
        monkeypatch.setenv("AWS_CA_BUNDLE", authority.bundle)
        async with await open_client(client_settings(settings)) as client:
            outcome = await client.attempt(sample_event())
        assert outcome.kind is OutcomeKind.ACCEPTED
        assert verified(server.requests[0], server.port, "https")
        monkeypatch.delenv("AWS_CA_BUNDLE")
        async with await open_client(client_settings(settings)) as client:
            outcome = await client.attempt(sample_event())
        assert (outcome.kind, outcome.code) == (OutcomeKind.BLOCKED, "CertificateNotTrusted")
        assert len(server.requests) == 1


@pytest.mark.usefixtures("keys_in_environment")
async def test_faults_of_the_wire_are_outcomes() -> None:
    """Whatever happens on the wire, an attempt returns, and says whether the event may have arrived."""
    steps = [reset(reads=True), raw(b"garbage"), answer(503, b"<html>"), answer(429, b"{}"), answer()]
    expected = [
        (OutcomeKind.TRANSIENT, True),
        (OutcomeKind.TRANSIENT, True),
        (OutcomeKind.TRANSIENT, True),
        (OutcomeKind.THROTTLED, False),
        (OutcomeKind.ACCEPTED, False),
    ]
    async with (
        ScriptedServer(steps) as server,
        await open_client(client_settings(job(server.port))) as client,
    ):
        outcomes: list[Outcome] = [await client.attempt(sample_event()) for _ in steps]
    assert [(outcome.kind, outcome.may_have_been_accepted) for outcome in outcomes] == expected


@pytest.mark.usefixtures("keys_in_environment")
async def test_unknown_host_is_refused_unless_a_proxy_knows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening a client asks for the endpoint's name, which behind a proxy is the proxy's to know."""
    settings = job(1).model_copy(update={"endpoint_url": "https://no-such-host.invalid"})
    with pytest.raises(SettingsError, match="host name"):
        await open_client(client_settings(settings))
    async with ScriptedServer([answer(502, b"")]) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        async with await open_client(client_settings(settings)) as client:
            outcome = await client.attempt(sample_event())
    assert proxy.requests[0].target == "no-such-host.invalid:443"
    assert (outcome.kind, outcome.code) == (OutcomeKind.TRANSIENT, "ProxyFailed")
    assert not outcome.may_have_been_accepted


@pytest.mark.usefixtures("aws_files")
async def test_job_without_credentials_is_refused() -> None:
    """Without credentials a client cannot be opened; given ones are taken without a look-up."""
    with pytest.raises(SettingsError, match="No AWS credentials"):
        await open_client(client_settings(job(1)))
    async with ScriptedServer([answer()]) as server:
        async with await open_client(
            client_settings(job(server.port)), credentials=FixedCredentials(KEY)
        ) as client:
            outcome = await client.attempt(sample_event())
        assert outcome.kind is OutcomeKind.ACCEPTED
        assert verified(server.requests[0], server.port)


@pytest.mark.usefixtures("keys_in_environment")
@pytest.mark.parametrize("transport", ["fast", "aiohttp"])
async def test_base_path_and_name_are_sent(transport: Literal["fast", "aiohttp"]) -> None:
    """A path in the endpoint URL is sent and signed; User-Agent carries name and version."""
    async with ScriptedServer([answer()]) as server:
        settings = job(server.port, transport=transport).model_copy(
            update={"endpoint_url": f"http://127.0.0.1:{server.port}/base/a%20b/"}
        )
        async with await open_client(client_settings(settings)) as client:
            assert (await client.attempt(sample_event())).kind is OutcomeKind.ACCEPTED
        request = server.requests[0]
        assert request.target.startswith("/base/a%20b/api-data/")
        assert verified(request, server.port)
    name, _, version = request.headers["user-agent"].partition("/")
    assert (name, version[:1].isdigit()) == ("scn-loader", True)


@pytest.mark.usefixtures("keys_in_environment")
@pytest.mark.parametrize("transport", ["fast", "aiohttp"])
async def test_a_dot_at_the_end_of_a_host_works(
    transport: Literal["fast", "aiohttp"], authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``localhost.`` is an absolute name: the certificate of ``localhost`` is good for it."""
    monkeypatch.setenv("AWS_CA_BUNDLE", authority.bundle)
    async with ScriptedServer([answer()], tls=authority.server_context("localhost")) as server:
        url = f"https://localhost.:{server.port}"
        settings = job(server.port, transport=transport).model_copy(update={"endpoint_url": url})
        async with await open_client(client_settings(settings)) as client:
            outcome = await client.attempt(sample_event())
    assert outcome.kind is OutcomeKind.ACCEPTED, outcome


@pytest.mark.usefixtures("keys_in_environment")
@pytest.mark.parametrize("transport", ["fast", "aiohttp"])
async def test_a_server_without_tls_is_named(
    transport: Literal["fast", "aiohttp"], authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If a server answers the handshake with plain text, the certificate is not the cause."""
    monkeypatch.setenv("AWS_CA_BUNDLE", authority.bundle)
    async with ScriptedServer([answer(400, b"")]) as server:
        url = f"https://127.0.0.1:{server.port}"
        settings = job(server.port, transport=transport).model_copy(update={"endpoint_url": url})
        async with await open_client(client_settings(settings)) as client:
            outcome = await client.attempt(sample_event())
    assert outcome.code in ("NotTls", "ConnectTimeout"), outcome


async def test_a_rehearsal_takes_nothing_from_the_environment(
    aws_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With key, Region and URL given, nothing that is wrong in the environment stands in the way."""
    for name, value in {
        "AWS_PROFILE": "no-such-profile",
        "AWS_MAX_ATTEMPTS": "abc",
        "AWS_CONFIG_FILE": "/nonexistent",
        "AWS_CA_BUNDLE": "/nonexistent.pem",
        "AWS_ENDPOINT_URL": "nonsense",
        "HTTPS_PROXY": "http://",
        "HTTP_PROXY": "socks5://h",
    }.items():
        monkeypatch.setenv(name, value)
    credentials = FixedCredentials(Credentials("AKIAEXAMPLE", "secret"))
    async with (
        ScriptedServer([answer()]) as server,
        await open_client(client_settings(job(server.port)), credentials=credentials) as client,
    ):
        assert (await client.attempt(sample_event())).kind is OutcomeKind.ACCEPTED
