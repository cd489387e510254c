"""What answers mean: the outcome table, and answers that are not the service's."""

import gzip
import json
import zlib
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from loader.model import Outcome, OutcomeKind
from loader.service.outcomes import CODES
from loader.service.path_faults import WAY_FAULTS, path_fault
from loader.service.protocol import MAX_CODE_CHARS, MAX_MESSAGE_CHARS, read_response
from tests.service.samples import EVENT_ID, RECEIPT

DATE = "Mon, 23 Nov 2026 18:40:00 GMT"
DATE_SECONDS = 1795459200.0


def refusal(
    status: int, code: str | None = None, message: str = "no", headers: dict[str, str] | None = None
) -> Outcome:
    """The outcome of an error in the service's own form."""
    fields = {"message": message} | ({"__type": code} if code else {})
    return read_response(status, headers or {}, json.dumps(fields).encode())


def test_receipt_is_accepted() -> None:
    """A 200 with an event id is accepted, with its receipt and nothing else."""
    outcome = read_response(200, {"x-amzn-requestid": "r-1", "date": DATE}, RECEIPT)
    assert outcome == Outcome(OutcomeKind.ACCEPTED, status=200, event_id=EVENT_ID)


def test_refusal_keeps_what_a_support_case_needs() -> None:
    """An answer other than an acceptance keeps its request id and the server's time."""
    outcome = refusal(400, "ValidationException", headers={"x-amzn-requestid": "r-1", "date": DATE})
    assert (outcome.request_id, outcome.server_time) == ("r-1", DATE_SECONDS)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"<html>",
        b"null",
        b"[]",
        b'{"eventId":7}',
        b'{"eventId":"x"}',
        RECEIPT[:-2],
    ],
)
@pytest.mark.parametrize("status", [200, 202, 204])
def test_success_without_a_receipt_is_in_doubt(status: int, body: bytes) -> None:
    """A 2xx without an event id is not counted as accepted, nor as refused."""
    outcome = read_response(status, {"x-amzn-requestid": "r-1"}, body)
    assert outcome.kind is OutcomeKind.UNKNOWN
    assert outcome.may_have_been_accepted
    assert outcome.code == "NoReceipt"
    foreign = read_response(status, {}, body)
    assert foreign.kind is OutcomeKind.BLOCKED
    assert foreign.may_have_been_accepted
    assert foreign.code == ("HtmlPage" if body == b"<html>" else "NoReceipt")


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        # The operation's own errors (API_SendDataIntegrationEvent).
        (403, "AccessDeniedException", OutcomeKind.STOP),
        (409, "ConflictException", OutcomeKind.REJECTED),
        (500, "InternalServerException", OutcomeKind.TRANSIENT),
        (404, "ResourceNotFoundException", OutcomeKind.STOP),
        (402, "ServiceQuotaExceededException", OutcomeKind.QUOTA),
        (429, "ThrottlingException", OutcomeKind.THROTTLED),
        (400, "ValidationException", OutcomeKind.REJECTED),
        # Common errors.
        (403, "ExpiredTokenException", OutcomeKind.REFRESH),
        (403, "IncompleteSignature", OutcomeKind.STOP),
        (500, "InternalFailure", OutcomeKind.TRANSIENT),
        (400, "MalformedHttpRequestException", OutcomeKind.REJECTED),
        (401, "NotAuthorized", OutcomeKind.STOP),
        (403, "OptInRequired", OutcomeKind.STOP),
        (400, "RequestAbortedException", OutcomeKind.TRANSIENT),
        (413, "RequestEntityTooLargeException", OutcomeKind.REJECTED),
        (408, "RequestTimeoutException", OutcomeKind.TRANSIENT),
        (503, "ServiceUnavailable", OutcomeKind.TRANSIENT),
        (400, "ThrottlingException", OutcomeKind.THROTTLED),
        (404, "UnknownOperationException", OutcomeKind.STOP),
        (403, "UnrecognizedClientException", OutcomeKind.REFRESH),
        (400, "ValidationError", OutcomeKind.REJECTED),
        (400, "RequestExpired", OutcomeKind.SKEWED),
        (403, "MissingAuthenticationTokenException", OutcomeKind.STOP),
        # The status decides where no code is known, or none is there.
        (429, None, OutcomeKind.THROTTLED),
        (429, "NewThrottleException", OutcomeKind.THROTTLED),
        (400, "NewException", OutcomeKind.UNKNOWN),
        (403, "NewException", OutcomeKind.UNKNOWN),
        (402, "NewException", OutcomeKind.QUOTA),
        (408, "NewException", OutcomeKind.TRANSIENT),
        (413, "NewException", OutcomeKind.REJECTED),
        (503, "NewException", OutcomeKind.TRANSIENT),
    ],
)
def test_each_code_has_the_outcome_of_the_design(status: int, code: str | None, kind: OutcomeKind) -> None:
    """Each documented error, and each kind of undocumented one, means what the design says."""
    assert refusal(status, code).kind is kind


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *[(status, OutcomeKind.BLOCKED) for status in (300, 301, 302, 303, 304, 307, 308)],
        *[(status, OutcomeKind.BLOCKED) for status in (400, 401, 402, 403, 404, 405, 406, 407, 409, 410)],
        *[(status, OutcomeKind.BLOCKED) for status in (411, 413, 414, 415, 418, 421, 422, 426, 431, 451)],
        *[(status, OutcomeKind.BLOCKED) for status in (495, 496, 497, 499, 511, 999)],
        *[(status, OutcomeKind.TRANSIENT) for status in (408, 425, 500, 501, 502, 503, 504, 520, 524, 599)],
        (429, OutcomeKind.THROTTLED),
    ],
)
@pytest.mark.parametrize("body", [b"", b"<html>no</html>", b'{"message":"no"}', b'{"code":403}'])
def test_table_of_answers_that_are_not_the_services(status: int, kind: OutcomeKind, body: bytes) -> None:
    """Without an error code and a request id an answer is not the service's, and never fails an event."""
    outcome = read_response(status, {"server": "nginx"}, body)
    assert (outcome.kind, outcome.code, outcome.of_service) == (kind, f"HTTP{status}", False)
    assert outcome.may_have_been_accepted == (status >= 500)
    assert path_fault(outcome.code) is not None


def test_a_request_id_makes_an_answer_the_services() -> None:
    """With a request id the same answer is the service's, and its unknown error is held as before."""
    outcome = read_response(403, {"x-amzn-requestid": "r-1"}, b"{}")
    assert (outcome.kind, outcome.of_service) == (OutcomeKind.UNKNOWN, True)


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (400, b"<html><title>400 No required SSL certificate was sent</title>", "ClientCertificateWanted"),
        (400, b"<html><title>400 The SSL certificate error</title>", "ClientCertificateWanted"),
        (
            400,
            b"<html><title>400 The plain HTTP request was sent to HTTPS port</title>",
            "PlainHttpOnTlsPort",
        ),
        (400, b"Client sent an HTTP request to an HTTPS server.", "PlainHttpOnTlsPort"),
        (200, b"<!DOCTYPE html><html><title>Welcome to  the\nguest network</title>", "HtmlPage"),
        (200, b"OK", "NoReceipt"),
    ],
)
def test_pages_are_named_for_what_they_are(status: int, body: bytes, code: str) -> None:
    """The words of well-known pages say more than their status."""
    outcome = read_response(status, {}, body)
    assert outcome.code == code
    assert code in WAY_FAULTS
    if b"guest" in body:
        assert outcome.message == "Welcome to the guest network"


def test_a_redirect_says_where_to_without_path_and_query() -> None:
    """The host of the target helps to find out who redirects; its query may repeat the request."""
    outcome = read_response(302, {"location": "https://login.example/x?y=secret"}, b"")
    assert outcome.message == "to https://login.example"
    for bad in ("", "/login", "http://[", "x" * 9000, "\x1b[2J"):
        assert read_response(302, {"location": bad}, b"").message == ""


@pytest.mark.parametrize("code", sorted(code for codes in CODES.values() for code in codes))
@pytest.mark.parametrize("status", [400, 403, 429, 503])
def test_code_comes_before_status(code: str | None, status: int) -> None:
    """A known code means the same under every status."""
    assert refusal(status, code).kind is refusal(400, code).kind
    assert code in CODES[refusal(status, code).kind]


def test_no_code_has_two_meanings() -> None:
    """Each code is in the table once."""
    codes = [code for codes in CODES.values() for code in codes]
    assert len(codes) == len(set(codes))


def test_errors_of_the_service_model_are_all_known() -> None:
    """Each error that the service model names for the operation is in the table."""
    import botocore.session

    model = botocore.session.Session().get_service_model("supplychain")
    modelled = {shape.name for shape in model.operation_model("SendDataIntegrationEvent").error_shapes}
    assert modelled <= {code for codes in CODES.values() for code in codes}


@pytest.mark.parametrize("code", ["InvalidSignatureException", "SignatureDoesNotMatch", "AuthFailure", None])
@pytest.mark.parametrize("message", ["Signature expired: 1 is now earlier", "Signature not yet current: 2"])
def test_the_message_distinguishes_clock_skew_from_a_wrong_key(code: str | None, message: str) -> None:
    """The same code is a wrong clock or a wrong key; only the message tells."""
    assert refusal(403, code, message).kind is OutcomeKind.SKEWED
    stopped = OutcomeKind.STOP if code else OutcomeKind.BLOCKED
    assert refusal(403, code, "The signature does not match").kind is stopped


def test_payload_quoted_in_a_message_is_not_a_skew() -> None:
    """A data error stays one whatever text of the payload its message begins with."""
    assert refusal(400, "ValidationException", "Signature expired: is no date").kind is OutcomeKind.REJECTED


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"x-amzn-errortype": "ThrottlingException"}, b""),
        ({"x-amzn-errortype": "ThrottlingException:http://internal.amazon.com/coral/com.x/"}, b"{}"),
        ({"x-amzn-errortype": "com.amazon.scn#ThrottlingException:http://x/#y"}, b"<"),
        ({}, b'{"__type":"com.amazon.scn#ThrottlingException"}'),
        ({}, b'{"code":"ThrottlingException"}'),
        ({}, b'{"Code":"ThrottlingException"}'),
        ({"x-amzn-errortype": "ThrottlingException"}, b'{"__type":"ValidationException"}'),
        ({"x-amzn-errortype": ""}, b'{"__type":["x"],"code":"ThrottlingException"}'),
    ],
)
def test_code_is_found_in_each_place(headers: dict[str, str], body: bytes) -> None:
    """The code is taken from header, __type or code, without its namespace and address."""
    outcome = read_response(400, headers, body)
    assert (outcome.kind, outcome.code) == (OutcomeKind.THROTTLED, "ThrottlingException")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (
            b"<AccessDeniedException>\n  <Message>Unable to determine</Message>\n</AccessDeniedException>",
            "AccessDeniedException",
        ),
        (b'<?xml version="1.0"?><UnknownOperationException/>', "UnknownOperationException"),
        (b"<Error><Type>Sender</Type><Code>AccessDenied</Code><Message>a &amp; b</Message>", "AccessDenied"),
    ],
)
def test_a_front_end_of_aws_answers_in_xml(body: bytes, code: str) -> None:
    """It refuses the whole load, so each event need not be refused ten times; without an id it is foreign."""
    outcome = read_response(403, {"x-amzn-requestid": "r-1"}, body)
    assert (outcome.kind, outcome.code) == (OutcomeKind.STOP, code)
    assert "<" not in outcome.message or b"Message" not in body
    foreign = read_response(403, {}, body)
    assert (foreign.kind, foreign.code) == (OutcomeKind.BLOCKED, "HTTP403")


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
def test_a_compressed_answer_is_read(pack: Callable[[bytes], bytes]) -> None:
    """An intermediary compresses what was to be plain: the event is accepted; a bomb is cut."""
    headers = {"content-encoding": " GZIP " if pack is gzip.compress else "deflate"}
    assert read_response(200, headers, pack(RECEIPT)).kind is OutcomeKind.ACCEPTED
    refused = read_response(400, headers, pack(b'{"__type":"ValidationException","message":"no"}'))
    assert (refused.code, refused.message) == ("ValidationException", "no")
    bomb = read_response(200, headers, pack(RECEIPT + b" " * 50_000_000))
    assert bomb.kind is OutcomeKind.ACCEPTED
    assert read_response(200, headers, b"not compressed").code == "NoReceipt"


@pytest.mark.parametrize("status", [302, 400, 429, 499])
def test_a_refusal_was_not_accepted(status: int) -> None:
    """Below 500 the service says for sure that it does not hold the event."""
    assert not refusal(status).may_have_been_accepted


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize("code", [None, "InternalServerException", "ThrottlingException"])
def test_a_server_error_leaves_doubt(status: int, code: str | None) -> None:
    """From 500 on the service may hold the event."""
    assert refusal(status, code).may_have_been_accepted


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": " 0.5 "}, 0.5),
        ({"retry-after": "86400"}, 300.0),
        ({"x-amz-retry-after": "1500"}, 1.5),
        ({"x-amz-retry-after": "5\x1f"}, 0.005),
        ({"x-amz-retry-after": "5\u2003"}, 0.005),
        ({"x-amz-retry-after": "250", "retry-after": "9"}, 0.25),
        ({"x-amz-retry-after": "soon", "retry-after": "9"}, 9.0),
        ({"retry-after": "Mon, 23 Nov 2026 18:40:30 GMT", "date": DATE}, 30.0),
        ({"retry-after": "Mon, 23 Nov 2026 18:39:00 GMT", "date": DATE}, 0.0),
        ({"retry-after": "Mon, 23 Nov 2026 18:40:30 GMT"}, None),
        ({}, None),
        *[
            ({"retry-after": text}, None)
            for text in ("", "-1", "nan", "inf", "1e9", "\u0661", "9" * 400, "now")
        ],
    ],
)
def test_retry_after_is_read_in_each_form_within_bounds(
    headers: dict[str, str], seconds: float | None
) -> None:
    """The hint is read in milliseconds, seconds or as a date, within bounds; other values are ignored."""
    assert refusal(429, headers=headers).retry_after_seconds == seconds


@pytest.mark.parametrize(
    ("date", "seconds"),
    [
        (DATE, DATE_SECONDS),
        ("Mon, 23 Nov 2026 18:40:00 -0000", DATE_SECONDS),
        ("Monday, 23-Nov-26 18:40:00 GMT", DATE_SECONDS),
        ("Mon, 01 Jan 1990 00:00:00 GMT", None),
        ("Mon, 01 Jan 9999 00:00:00 GMT", None),
        ("yesterday", None),
        ("", None),
        (", , ,", None),
    ],
)
def test_the_date_header_sets_the_clock_if_it_is_plausible(date: str, seconds: float | None) -> None:
    """The Date header sets the clock only if it is a date of this century."""
    assert refusal(403, headers={"date": date}).server_time == seconds


HOSTILE = st.binary(max_size=300) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["__type", "code", "message", "Message", "eventId"]), inner)
    ),
).map(lambda value: json.dumps(value).encode("utf-8", "surrogatepass"))
HEADERS = st.dictionaries(
    st.sampled_from(["x-amzn-errortype", "x-amzn-requestid", "date", "retry-after", "x-amz-retry-after"]),
    st.text(st.characters()),
)


@given(st.integers(100, 999), HEADERS, HOSTILE)
@example(400, {}, b"[" * 100_000)
@example(400, {}, b'{"__type":' * 50_000)
@example(200, {}, b'{"eventId":1' + b"0" * 60_000 + b"}")
@example(400, {}, b'{"message":"\xff\xfe"}')
@example(400, {"x-amzn-errortype": "\udcff\x1b[2J", "x-amzn-requestid": "\udcff"}, b"\xff\x00")
def test_no_answer_can_raise_or_smuggle_anything_out(
    status: int, headers: dict[str, str], body: bytes
) -> None:
    """Any answer gives an outcome whose text is short, printable and can be written to a file."""
    outcome = read_response(status, headers, body)
    for text, limit in (
        (outcome.code, MAX_CODE_CHARS),
        (outcome.message, MAX_MESSAGE_CHARS),
        (outcome.request_id or "", MAX_CODE_CHARS),
        (outcome.event_id or "", 36),
    ):
        assert len(text) <= limit
        assert text.isprintable()
        text.encode()
    assert outcome.retry_after_seconds is None or 0 <= outcome.retry_after_seconds <= 300
    assert (outcome.kind is OutcomeKind.ACCEPTED) == (outcome.event_id is not None)
    assert bool(outcome.code) == (outcome.kind is not OutcomeKind.ACCEPTED)


def test_first_words_of_a_proxys_page_are_kept() -> None:
    """An answer that is not the service's says whose it is, clipped and without control characters."""
    outcome = read_response(403, {}, b"<html>\x1b[2J\r\nBlocked by the gateway" + b"." * 1000)
    assert "Blocked by the gateway" in outcome.message
    assert len(outcome.message) <= MAX_MESSAGE_CHARS
    assert "\x1b" not in outcome.message
    assert "Blocked" not in repr(outcome)
