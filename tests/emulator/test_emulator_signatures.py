"""Only requests signed with known credentials pass; botocore's signer is the judge."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import quote, urlencode

import orjson
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given, settings
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy

from loader.emulator import ACCESS_KEY_ID, EmulatorSettings
from loader.emulator.model.refusal import Refusal
from loader.emulator.service.signatures import SignatureCheck, WireRequest
from tests.emulator.signed_client import CREDENTIALS, event, signed

INVALID = (403, "InvalidSignatureException")
CHECK = SignatureCheck(EmulatorSettings())
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def signed_at(
    moment: datetime, target: str, body: bytes, headers: dict[str, str], method: str
) -> WireRequest:
    """Return a request that botocore signed at that moment."""
    request = AWSRequest(
        method, f"http://127.0.0.1:1{target}", headers={"Host": "127.0.0.1:1", **headers}, data=body
    )
    request.context["timestamp"] = moment.strftime("%Y%m%dT%H%M%SZ")
    signer = SigV4Auth(CREDENTIALS, "scn", "eu-central-1")
    signer._modify_request_before_signing(request)
    text = signer.string_to_sign(request, signer.canonical_request(request))
    signer._inject_signature_to_request(request, signer.signature(text, request))
    return WireRequest(method, target, CIMultiDictProxy(CIMultiDict(request.headers.items())), body)


def passes(request: WireRequest, now: datetime = NOW) -> bool:
    try:
        CHECK.check(request, now.timestamp())
    except Refusal:
        return False
    return True


words = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="?#%&=/"), min_size=1)


@settings(deadline=None)  # a busy machine must not fail it
@given(
    path=st.lists(words, max_size=4),
    query=st.dictionaries(words, words, max_size=3),
    body=st.binary(max_size=200),
    value=st.text(st.characters(min_codepoint=32, max_codepoint=126)),
    method=st.sampled_from(["GET", "POST"]),
)
def test_what_botocore_signs_passes(path, query, body, value, method):
    """Any path, query, body and header value passes if botocore signed it."""
    target = "/" + "/".join(map(quote, path)) + ("?" + urlencode(query) if query else "")
    assert passes(signed_at(NOW, target, body, {"X-Amz-Something": value}, method))


@settings(deadline=None)  # a busy machine must not fail it
@given(body=st.binary(min_size=1, max_size=100), position=st.integers(0, 99), change=st.integers(1, 255))
def test_a_changed_body_does_not_pass(body, position, change):
    """One changed byte of the body breaks the signature."""
    request = signed_at(NOW, "/", body, {}, "POST")
    position %= len(body)
    changed = body[:position] + bytes([body[position] ^ change]) + body[position + 1 :]
    assert passes(request)
    assert not passes(WireRequest("POST", "/", request.headers, changed))


@pytest.mark.parametrize(
    "changed",
    [
        {"method": "PUT"},
        {"target": "/b"},
        {"target": "/a?x=1"},
        {"headers": {"Host": "127.0.0.1:2"}},
        {"headers": {"X-Amz-Date": "20260102T030406Z"}},
        {"headers": {"X-Amz-Extra": "unsigned"}},
        {"scope": ("/20260102/", "/20260101/")},
        {"scope": ("/eu-central-1/", "/eu-central-2/")},
        {"scope": ("SignedHeaders=host;", "SignedHeaders=")},
    ],
)
def test_a_changed_request_does_not_pass(changed):
    """Method, path, query, scope and every signed header are under the signature; x-amz-* must be."""
    request = signed_at(NOW, "/a", b"{}", {}, "POST")
    headers = CIMultiDict(request.headers)
    headers.update(changed.get("headers", {}))
    headers["Authorization"] = headers["Authorization"].replace(*changed.get("scope", ("", "")))
    assert passes(request)
    assert not passes(
        WireRequest(
            changed.get("method", "POST"), changed.get("target", "/a"), CIMultiDictProxy(headers), b"{}"
        )
    )


@settings(deadline=None)  # a busy machine must not fail it
@given(st.integers(-3600, 3600))
def test_a_signature_is_good_for_a_quarter_of_an_hour(seconds):
    """A signature passes up to 15 minutes before and after its date, and not beyond."""
    request = signed_at(NOW + timedelta(seconds=seconds), "/", b"", {}, "GET")
    assert passes(request) is (abs(seconds) <= 15 * 60)


async def test_early_and_late_signatures_are_distinguished(client):
    """The service says whether the signature is too old or too young, and its Date says what time it is."""
    client.emulator.skew_clock(1000)
    early = await client.send()
    assert early.error == INVALID
    assert early.json["message"].startswith("Signature expired: ")
    client.emulator.skew_clock(-1000)
    late = await client.send()
    assert late.error == INVALID
    assert late.json["message"].startswith("Signature not yet current: ")
    dates = [parsedate_to_datetime(reply.headers["Date"]) for reply in (early, late)]
    assert 1998 <= (dates[0] - dates[1]).total_seconds() <= 2002
    assert {row.verdict for row in await client.emulator.rows()} == {"rejected:InvalidSignatureException"}


@pytest.mark.parametrize(
    ("signing", "error"),
    [
        ({"service": "s3"}, INVALID),
        ({"credentials": Credentials(ACCESS_KEY_ID, "another secret")}, INVALID),
        ({"credentials": Credentials("AKIAUNKNOWN", "secret")}, (403, "UnrecognizedClientException")),
        ({"headers": {"X-Amz-Content-SHA256": "0" * 64}}, INVALID),
    ],
)
async def test_wrong_credentials_have_their_errors(client, signing, error):
    """A wrong secret, key, service or body digest is refused."""
    assert (await client.send_bytes(orjson.dumps(event()), **signing)).error == error


@pytest.mark.parametrize(
    ("authorization", "error"),
    [
        (None, (403, "MissingAuthenticationTokenException")),
        ("Bearer of something", (403, "IncompleteSignature")),
        ("AWS4-HMAC-SHA256 Credential=a/20260101/r/scn/aws4_request", (403, "IncompleteSignature")),
    ],
)
async def test_missing_or_malformed_signatures_have_their_errors(client, authorization, error):
    """No signature and half a signature are different errors."""
    body = orjson.dumps(event())
    headers = signed(client.events_url, body)
    del headers["Authorization"]
    if authorization is not None:
        headers["Authorization"] = authorization
    assert (await client.request("POST", client.events_url, body, headers)).error == error


async def test_the_region_is_checked_if_one_is_set(start):
    """A signature for another Region is refused by an emulator that has one."""
    client = await start(region="eu-west-1")
    body = orjson.dumps(event())
    assert (await client.send_bytes(body, region="us-east-1")).error == INVALID
    assert (await client.send_bytes(body, region="eu-west-1")).event_id


async def test_the_session_token_is_checked_if_one_is_set(start):
    """Temporary credentials need their session token."""
    client = await start(session_token="the token")
    body = orjson.dumps(event())
    without = await client.send_bytes(body)
    assert without.error == (403, "UnrecognizedClientException")
    temporary = Credentials(CREDENTIALS.access_key, CREDENTIALS.secret_key, "the token")
    assert (await client.send_bytes(body, credentials=temporary)).event_id


async def test_verification_can_be_turned_off(start):
    """Benchmarks may leave signatures out."""
    client = await start(verify_signatures=False)
    headers = {"Content-Type": "application/json"}
    reply = await client.request("POST", client.events_url, orjson.dumps(event()), headers)
    assert reply.event_id


async def test_get_and_list_are_signed_too(client):
    """Reading needs a signature as writing does."""
    reply = await client.request("GET", client.events_url, b"", {})
    assert reply.error == (403, "MissingAuthenticationTokenException")
