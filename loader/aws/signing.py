"""AWS Signature Version 4, limited to what a load needs; the tests compare it with botocore.

Rules:

1. The time is an argument: a request is signed when it is sent, never when it is queued.
2. The payload is always part of the signature.
3. No repr contains a secret.

Values that requests share are computed once: the signing key once a day, everything around the
payload's hash once a second, as precomputed hash states. Each request then costs the SHA-256 of the
payload and the last one or two blocks of three other hashes.
"""

import hmac
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from urllib.parse import quote

from loader.running_hash import RunningHash

SERVICE_NAME = "scn"
"""``signingName`` in the service model 2024-01-01."""

ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class Credentials:
    """An AWS key, with the session token if it is a temporary one.

    Attributes:
        access_key: Access key id.
        secret_key: Secret access key.
        session_token: Session token, or None for a long-term key.
    """

    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


def request_line(method: str, path: str, query: str = "") -> str:
    """Return the start of the canonical request: method, path and query.

    Args:
        method: HTTP method.
        path: The path as sent, percent-encoded, without empty or dot segments.
        query: The query as sent, percent-encoded, without the question mark.
    """
    pairs = sorted(tuple(pair.partition("=")[::2]) for pair in query.split("&")) if query else []
    canonical_query = "&".join(f"{name}={value}" for name, value in pairs)
    # The path is encoded a second time: every service except S3 requires it.
    return f"{method}\n{quote(path or '/', safe='/~')}\n{canonical_query}\n"


def signing_key(secret_key: str, date: str, region: str, service: str = SERVICE_NAME) -> bytes:
    """Return the key that signs all requests of one day, region and service.

    Args:
        secret_key: Secret access key.
        date: The day in UTC, ``YYYYMMDD``.
        region: Region of the endpoint.
        service: Signing name of the service.
    """
    key = f"AWS4{secret_key}".encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


class SignedHeaders(Mapping[str, str]):
    """Headers as the lines that are sent; requests of one second share all but the signature.

    Args:
        lines: ``Name: value`` and CRLF for each; no value contains a line break.
    """

    __slots__ = ("lines",)

    def __init__(self, lines: str) -> None:
        self.lines = lines

    def _by_name(self) -> dict[str, str]:
        pairs = (line.partition(": ") for line in self.lines.split("\r\n") if line)
        return {name: value for name, _, value in pairs}

    def __getitem__(self, name: str) -> str:
        return self._by_name()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name())

    def __len__(self) -> int:
        return self.lines.count("\n")


@dataclass(frozen=True, slots=True)
class _Second:
    """The parts of a signature that do not depend on the payload, for one second, key and request line.

    Attributes:
        credentials: The key that signs.
        epoch_second: The second.
        line: The result of `request_line`.
        key: The day's signing key.
        amz_date: The second in AWS's format, ``YYYYMMDDTHHMMSSZ``.
        request: Hash of the canonical request up to the payload's hash.
        inner: Inner hash of the HMAC (RFC 2104) up to the canonical request's hash.
        outer: Outer hash of the HMAC up to the inner one.
        lines: The headers up to the signature, which is last.
    """

    credentials: Credentials
    epoch_second: int
    line: str
    key: bytes = field(repr=False)
    amz_date: str
    request: RunningHash = field(repr=False)
    inner: RunningHash = field(repr=False)
    outer: RunningHash = field(repr=False)
    lines: str = field(repr=False)


class Signer:
    """Signs requests to one endpoint.

    Args:
        host_header: The ``Host`` header that is sent, with the port unless it is the scheme's default.
        region: Region to sign for.
        content_type: The ``Content-Type`` to send, or None for requests without a body.
    """

    def __init__(self, host_header: str, region: str, content_type: str | None = "application/json") -> None:
        self._host_header = host_header
        self._region = region
        self._content_type = content_type
        self._second: _Second | None = None

    def sign(
        self, line: str, body: bytes, credentials: Credentials, now: float, body_hash: str | None = None
    ) -> SignedHeaders:
        """Return the headers of a request, without ``Host``, which the transport adds.

        Args:
            line: The result of `request_line` for the request.
            body: The body as sent, or empty.
            credentials: The key that signs.
            now: The server's time in epoch seconds.
            body_hash: SHA-256 of the body in hex, if the caller has it.

        Raises:
            ValueError: The access key or session token contains a line break.
        """
        second = self._second
        if (
            second is None
            or second.epoch_second != int(now)
            or second.credentials is not credentials
            or second.line != line
        ):
            second = self._second = self._prepare(line, credentials, int(now))
        request = second.request.copy()
        request.update((body_hash or sha256(body).hexdigest()).encode())
        inner = second.inner.copy()
        inner.update(request.hexdigest().encode())
        outer = second.outer.copy()
        outer.update(inner.digest())
        return SignedHeaders(f"{second.lines}{outer.hexdigest()}\r\n")

    def _prepare(self, line: str, credentials: Credentials, epoch_second: int) -> _Second:
        amz_date = datetime.fromtimestamp(epoch_second, UTC).strftime("%Y%m%dT%H%M%SZ")
        date = amz_date[:8]
        scope = f"{date}/{self._region}/{SERVICE_NAME}/aws4_request"
        signed = {
            "content-type": self._content_type,
            "host": self._host_header,
            "x-amz-date": amz_date,
            "x-amz-security-token": credentials.session_token,
        }
        present = {name: value for name, value in signed.items() if value is not None}
        names = ";".join(present)
        lines = "".join(f"{name}:{value}\n" for name, value in present.items())
        key = self._key(credentials, date)
        block = key.ljust(sha256().block_size, b"\0")
        return _Second(
            credentials,
            epoch_second,
            line,
            key,
            amz_date,
            request=sha256(f"{line}{lines}\n{names}\n".encode()),
            inner=sha256(
                bytes(byte ^ 0x36 for byte in block) + f"{ALGORITHM}\n{amz_date}\n{scope}\n".encode()
            ),
            outer=sha256(bytes(byte ^ 0x5C for byte in block)),
            lines=_header_lines(
                {
                    "X-Amz-Date": amz_date,
                    "Content-Type": self._content_type,
                    "X-Amz-Security-Token": credentials.session_token,
                    "Authorization": f"{ALGORITHM} Credential={credentials.access_key}/{scope}, "
                    f"SignedHeaders={names}, Signature=",
                }
            ),
        )

    def _key(self, credentials: Credentials, date: str) -> bytes:
        last = self._second
        if last is not None and last.credentials is credentials and last.amz_date[:8] == date:
            return last.key
        return signing_key(credentials.secret_key, date, self._region)


def _header_lines(headers: Mapping[str, str | None]) -> str:
    """Return headers as lines, the last one without a line end."""
    present = {name: value for name, value in headers.items() if value is not None}
    if any("\r" in value or "\n" in value for value in present.values()):
        raise ValueError("a header contains a line break")
    return "\r\n".join(f"{name}: {value}" for name, value in present.items())
