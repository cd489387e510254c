"""The head of a request: what an argument holds stays in its line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.aws.signing import Credentials, Signer, request_line
from loader.http.fast.request_head import MAX_KEPT_STARTS, RequestHeads
from loader.http.transport import Request

NAMES = st.text("abcXYZ-", min_size=1, max_size=12)
VALUES = st.text(st.characters(codec="utf-8"), max_size=20)


@given(st.dictionaries(NAMES, VALUES, max_size=4), st.binary(max_size=20))
def test_every_header_is_one_line_or_refused(headers: dict[str, str], body: bytes) -> None:
    """The lines of a head are those it was asked for, whatever the values hold."""
    request = Request("POST", "/a?b=%0A", headers, body)
    if any("\r" in value or "\n" in value for value in headers.values()):
        with pytest.raises(ValueError, match="line break"):
            RequestHeads("h.example:1").head(request)
        return
    head = RequestHeads("h.example:1").head(request)
    lines = head.decode().split("\r\n")
    assert lines[:2] == ["POST /a?b=%0A HTTP/1.1", "Host: h.example:1"]
    assert lines[4:-3] == [f"{name}: {value}" for name, value in headers.items()]
    assert lines[-3:] == [f"Content-Length: {len(body)}", "", ""]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/a b"),
        ("POST", "/a\r\nX: y"),
        ("POST", "a"),
        ("POST", "/ä"),
        ("PO ST", "/"),
        ("POST\n", "/"),
    ],
)
def test_request_line_that_would_break_is_refused(method: str, path: str) -> None:
    """A method or path that is not sent as it is, is not sent at all."""
    with pytest.raises(ValueError, match="cannot be sent"):
        RequestHeads("h.example").head(Request(method, path, {}, b""))


def test_get_without_a_body_names_no_length() -> None:
    """A GET says nothing about a body, a POST without one says so."""
    heads = RequestHeads("h.example")
    assert b"Content-Length" not in heads.head(Request("GET", "/", {}, b""))
    assert b"Content-Length: 0\r\n" in heads.head(Request("POST", "/", {}, b""))


def test_kept_starts_do_not_grow() -> None:
    """Requests to any number of paths keep a bounded number of starts."""
    heads = RequestHeads("h.example")
    for number in range(5 * MAX_KEPT_STARTS):
        assert heads.head(Request("GET", f"/{number}", {}, b"")).startswith(b"GET /%d HTTP/1.1\r\n" % number)
    assert len(heads._starts) <= MAX_KEPT_STARTS


def test_signed_headers_go_out_as_they_read() -> None:
    """The lines of signed headers are those that any other mapping of the same headers gives."""
    key = Credentials("AKIDEXAMPLE", "secret", "token")
    signed = Signer("h.example", "us-east-1").sign(request_line("POST", "/"), b"{}", key, 1e9)
    heads = RequestHeads("h.example")
    as_signed, as_mapping = (heads.head(Request("POST", "/", each, b"{}")) for each in (signed, dict(signed)))
    assert as_signed == as_mapping
    assert len(signed) == len(dict(signed)) == 4
