"""Check that a request is signed with a key that the emulator knows.

botocore's signer computes the signature again from the received request and its list of signed headers, and
the two are compared. The loader's own signing is not used, because the emulator must be independent of it.
"""

import hmac
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, NamedTuple

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials
from multidict import CIMultiDictProxy

from loader.emulator.model.refusal import Refusal
from loader.emulator.model.shapes import service_model
from loader.emulator.settings import EmulatorSettings

TOLERANCE_SECONDS = 15 * 60.0
"""Maximum difference of x-amz-date and the service's clock (docs/service.md 8.9; scn's own is not
documented)."""

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 +Credential=(?P<key>[^/,]+)/(?P<date>\d{8})/(?P<region>[^/,]+)/(?P<service>[^/,]+)"
    r"/aws4_request, *SignedHeaders=(?P<headers>[^,]+), *Signature=(?P<signature>[0-9a-f]{64})"
)
_DATE_FORMAT = "%Y%m%dT%H%M%SZ"
_UNSIGNED = "UNSIGNED-PAYLOAD"


class WireRequest(NamedTuple):
    """A request as received.

    Attributes:
        method: HTTP method.
        target: Path and query, still escaped.
        headers: All headers.
        body: The body, still encoded.
    """

    method: str
    target: str
    headers: CIMultiDictProxy[str]
    body: bytes


class _ReceivedRequest(AWSRequest):  # type: ignore[misc] # botocore ships no types
    """A received request: botocore does not need to prepare its body for sending."""

    @property
    def body(self) -> bytes:
        body: bytes = self.data
        return body


class _Signer(SigV4Auth):  # type: ignore[misc] # botocore ships no types
    """botocore's signer with a cache for the keys of a day, which it would else derive per request."""

    def __init__(self, credentials: Credentials, service: str, region: str) -> None:
        super().__init__(credentials, service, region)
        self._keys: dict[tuple[bytes, str], bytes] = {}

    def _sign(self, key: bytes, msg: str, hex: bool = False) -> Any:  # noqa: A002, FBT001, FBT002 - botocore's
        if hex:  # the signature itself, which is different each time
            return super()._sign(key, msg, hex=True)
        if (key, msg) not in self._keys:
            self._keys[key, msg] = super()._sign(key, msg)
        return self._keys[key, msg]

    def sign_again(self, request: AWSRequest) -> str:
        signature: str = self.signature(
            self.string_to_sign(request, self.canonical_request(request)), request
        )
        return signature


def signed_region(request: WireRequest) -> str | None:
    """Return the Region that a request is signed for, or None if it is not signed."""
    match = _AUTHORIZATION.fullmatch(request.headers.get("Authorization", ""))
    return match["region"] if match is not None else None


class SignatureCheck:
    """Knows keys; refuses requests that are not signed with them.

    Args:
        settings: Required credentials, Region and session token.
    """

    def __init__(self, settings: EmulatorSettings) -> None:
        self._secrets = settings.credentials
        self._session_token = settings.session_token
        self._region = settings.region
        self._service: str = service_model().signing_name
        self._signers: dict[tuple[str, str], _Signer] = {}

    def check(self, request: WireRequest, *times: float) -> None:
        """Refuse a request without a valid signature.

        Args:
            request: The request.
            times: Times of the service in epoch seconds; a signature may match any of them.

        Raises:
            Refusal: The signature is not valid.
        """
        try:
            self._check(request, times)
        except UnicodeError:  # a header or query is not UTF-8, so it cannot be signed
            raise _invalid("A signed header or the path is not valid UTF-8.") from None

    def _check(self, request: WireRequest, times: Sequence[float]) -> None:
        authorization = request.headers.get("Authorization")
        if authorization is None:
            raise Refusal("MissingAuthenticationTokenException", "Missing Authentication Token")
        match = _AUTHORIZATION.fullmatch(authorization)
        timestamp = request.headers.get("X-Amz-Date", "")
        if match is None or not re.fullmatch(r"\d{8}T\d{6}Z", timestamp):
            raise Refusal("IncompleteSignature", "Authorization or X-Amz-Date header is malformed or missing")
        self._check_scope(match, timestamp)
        self._check_identity(match["key"], request)
        _check_age(timestamp, times)
        _check_signed_headers(match["headers"].split(";"), request)
        _check_body_digest(request)
        signer = self._signer(match["key"], match["region"])
        expected = signer.sign_again(_as_signed(request, match["headers"].split(";"), timestamp))
        if not hmac.compare_digest(expected, match["signature"]):
            raise _invalid(
                "The request signature we calculated does not match the signature you provided."
                " Check your AWS Secret Access Key and signing method."
            )

    def _check_scope(self, match: re.Match[str], timestamp: str) -> None:
        if match["service"] != self._service:
            raise _invalid(f"Credential should be scoped to correct service: '{self._service}'.")
        if self._region is not None and match["region"] != self._region:
            raise _invalid(f"Credential should be scoped to a valid region, not '{match['region']}'.")
        if match["date"] != timestamp[:8]:
            raise _invalid("Date in Credential scope does not match the day of X-Amz-Date.")

    def _check_identity(self, key: str, request: WireRequest) -> None:
        token = request.headers.get("X-Amz-Security-Token")
        if key not in self._secrets or (self._session_token is not None and token != self._session_token):
            raise Refusal(
                "UnrecognizedClientException", "The security token included in the request is invalid."
            )

    def _signer(self, key: str, region: str) -> _Signer:
        signer = self._signers.get((key, region))
        if signer is None:
            signer = _Signer(Credentials(key, self._secrets[key]), self._service, region)
            self._signers[key, region] = signer
        return signer


def _check_age(timestamp: str, times: Sequence[float]) -> None:
    try:
        signed_at = datetime.fromisoformat(timestamp).timestamp()
    except ValueError:
        raise Refusal("IncompleteSignature", "X-Amz-Date is not a time") from None
    now = min(times, key=lambda each: abs(each - signed_at))
    if signed_at < now - TOLERANCE_SECONDS:
        limit = _as_text(now - TOLERANCE_SECONDS)
        raise _invalid(
            f"Signature expired: {timestamp} is now earlier than {limit} ({_as_text(now)} - 15 min.)"
        )
    if signed_at > now + TOLERANCE_SECONDS:
        limit = _as_text(now + TOLERANCE_SECONDS)
        raise _invalid(
            f"Signature not yet current: {timestamp} is still later than {limit} ({_as_text(now)} + 15 min.)"
        )


def _check_signed_headers(signed: list[str], request: WireRequest) -> None:
    # "You must include the host header and any x-amz-* headers in the request" (SigV4 specification).
    must = {"host"} | {name.lower() for name in request.headers if name.lower().startswith("x-amz-")}
    unsigned = must.difference(signed) | {name for name in signed if name not in request.headers}
    if unsigned:
        raise _invalid(f"Headers must be present and signed: {', '.join(sorted(unsigned))}")


def _check_body_digest(request: WireRequest) -> None:
    # botocore's signer trusts this header for the body, so the header is checked here.
    digest = request.headers.get("X-Amz-Content-SHA256")
    if digest is not None and digest not in {_UNSIGNED, sha256(request.body).hexdigest()}:
        raise _invalid("The value of X-Amz-Content-SHA256 is not the digest of the body.")


def _as_signed(request: WireRequest, signed: list[str], timestamp: str) -> AWSRequest:
    headers = HTTPHeaders()
    for name in signed:
        for value in request.headers.getall(name):
            value.encode()  # raises UnicodeEncodeError; botocore's signer would raise other exceptions
            headers[name] = value
    rebuilt = _ReceivedRequest(
        method=request.method, url=f"http://{request.headers['Host']}{request.target}", data=request.body
    )
    rebuilt.headers = headers
    rebuilt.context["timestamp"] = timestamp
    return rebuilt


def _as_text(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime(_DATE_FORMAT)


def _invalid(message: str) -> Refusal:
    return Refusal("InvalidSignatureException", message)
