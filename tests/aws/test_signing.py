"""Signatures: botocore's signer is the oracle, over random requests."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.aws.signing import Credentials, Signer, request_line

HEX_PAIR = st.integers(0, 255).map(lambda byte: f"%{byte:02X}")
WIRE_TEXT = st.lists(st.sampled_from("abzAZ09-._~") | HEX_PAIR, min_size=1, max_size=12).map("".join)
SEGMENT = WIRE_TEXT.filter(lambda text: set(text) != {"."})
PATHS = st.lists(SEGMENT, max_size=5).map(lambda segments: "/" + "/".join(segments))
PAIRS = st.tuples(WIRE_TEXT, st.just("") | WIRE_TEXT).map("=".join)
QUERIES = st.lists(PAIRS | WIRE_TEXT, max_size=4).map("&".join)
HOSTS = st.sampled_from(["scn.us-east-1.amazonaws.com", "127.0.0.1:8080", "[::1]:9", "h.example:8443"])
KEYS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40)
CREDENTIALS = st.builds(Credentials, KEYS, KEYS, st.none() | KEYS)
REGION = "eu-west-1"
TIMES = st.floats(0, 4_000_000_000)


@dataclass(frozen=True)
class Asked:
    """What is signed: one request."""

    host: str
    path: str
    query: str
    body: bytes
    credentials: Credentials
    now: float

    def our_headers(self, method: str, content_type: str | None) -> dict[str, str]:
        """Sign it with our signer."""
        signer = Signer(self.host, REGION, content_type)
        line = request_line(method, self.path, self.query)
        return dict(signer.sign(line, self.body, self.credentials, self.now))

    def botocore_headers(self, method: str, content_type: str | None) -> dict[str, str]:
        """Sign it with botocore's signer."""
        url = f"https://{self.host}{self.path}" + (f"?{self.query}" if self.query else "")
        headers = {"Content-Type": content_type} if content_type else {}
        request = botocore.awsrequest.AWSRequest(method=method, url=url, data=self.body, headers=headers)
        keys = botocore.credentials.Credentials(
            self.credentials.access_key, self.credentials.secret_key, self.credentials.session_token
        )
        moment = datetime.fromtimestamp(int(self.now), UTC)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("botocore.auth.get_current_datetime", lambda: moment)
            botocore.auth.SigV4Auth(keys, "scn", REGION).add_auth(request)
        return dict(request.headers.items())


ASKED = st.builds(Asked, HOSTS, PATHS, QUERIES, st.binary(max_size=2000), CREDENTIALS, TIMES)


@given(ASKED)
def test_post_is_signed_as_botocore_signs_it(asked: Asked) -> None:
    """A POST gets the very headers that botocore gives it."""
    ours = asked.our_headers("POST", "application/json")
    assert ours == asked.botocore_headers("POST", "application/json")


@given(ASKED)
def test_get_is_signed_as_botocore_signs_it(asked: Asked) -> None:
    """A GET, without a body and content type, gets the very headers that botocore gives it."""
    bodiless = replace(asked, body=b"")
    assert bodiless.our_headers("GET", None) == bodiless.botocore_headers("GET", None)


@given(st.lists(CREDENTIALS, min_size=1, max_size=3), st.data())
def test_signer_that_remembers_signs_like_a_new_one(keys: list[Credentials], data: st.DataObject) -> None:
    """What a signer keeps between requests never gets into a request of another line, key, second or day."""
    day = 86_400
    near_midnight = st.integers(20_000 * day - 3, 20_000 * day + 3) | st.just(20_002 * day)
    signer = Signer("h.example", "us-east-1")
    lines = st.sampled_from([request_line("POST", "/a"), request_line("POST", "/b")])
    for _ in range(8):
        credentials, now = data.draw(st.sampled_from(keys)), data.draw(near_midnight)
        line, body = data.draw(lines), data.draw(st.binary(max_size=8))
        fresh = Signer("h.example", "us-east-1").sign(line, body, credentials, now)
        assert signer.sign(line, body, credentials, now) == fresh


def test_signature_covers_the_payload() -> None:
    """Two bodies never share a signature."""
    signer = Signer("h.example", "us-east-1")
    credentials = Credentials("AKID", "secret")
    one, other = (signer.sign(request_line("POST", "/"), body, credentials, 0) for body in (b"1", b"2"))
    assert one["Authorization"] != other["Authorization"]


def test_secrets_are_not_in_reprs() -> None:
    """Neither credentials nor a signer in use show a key when printed."""
    credentials = Credentials("AKIDEXAMPLE", "very-secret", "the-token")
    signer = Signer("h.example", "us-east-1")
    signer.sign(request_line("POST", "/"), b"", credentials, 0)
    shown = f"{credentials!r} {signer!r} {signer._second!r}"
    assert not any(text in shown for text in ("very-secret", "the-token"))
