"""The reader of answers: the same answer however it is cut, and no more of it than the limits allow."""

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from loader.http.fast.answer_reader import MAX_HEAD_BYTES, AnswerHeaders, AnswerReader, UnreadableAnswer
from loader.http.transport import Response
from tests.service.samples import RECEIPT

LIMIT = 64
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\nDate: then\r\n\r\n"
HEAD = b"HTTP/1.1 200 OK\r\nDate: now\r\nX-Empty:\r\nX-Amzn-RequestId: \t abc \t\r\n"
ANSWERS = {
    "with a length": HEAD + b"Content-Length: %d\r\n\r\n%s" % (len(RECEIPT), RECEIPT),
    "in chunks": HEAD
    + b"Transfer-Encoding: chunked\r\n\r\n1;a=b\r\n{\r\n31\r\n%s\r\n0\r\nT: t\r\n\r\n" % RECEIPT[1:],
    "after interim ones": INTERIM + HEAD + b"Content-Length: %d\r\n\r\n%s" % (len(RECEIPT), RECEIPT),
}


def read(reader: AnswerReader, data: bytes, *cuts: int) -> Response | None:
    """Feed the data in pieces; every answer must come with the last one."""
    answer = None
    for start, end in pairwise((0, *sorted(cuts), len(data))):
        assert answer is None
        answer = reader.feed(data[start:end])
    return answer


@given(name=st.sampled_from(sorted(ANSWERS)), cuts=st.lists(st.integers(1, 150), unique=True))
@example(name="after interim ones", cuts=list(range(1, 150)))
@example(name="in chunks", cuts=list(range(1, 150)))
def test_answer_is_the_same_however_it_is_cut(name: str, cuts: list[int]) -> None:
    """Status, headers and body do not depend on how the bytes came, twice over one connection."""
    reader = AnswerReader(LIMIT)
    data = ANSWERS[name]
    for _ in range(2):
        answer = read(reader, data, *(cut for cut in cuts if cut < len(data)))
        assert answer is not None
        assert (answer.status, answer.body, reader.is_reusable) == (200, RECEIPT, True)
        headers = dict(answer.headers)
        assert headers.pop("content-length", None) or headers.pop("transfer-encoding")
        assert headers == {"date": "now", "x-empty": "", "x-amzn-requestid": "abc"}


def test_headers_are_found_by_lower_case_names() -> None:
    """Of several with one name, in any case, the first counts; one that is missing is missing."""
    headers = AnswerHeaders({b"DATE": b"now ", b"Date": b"then", b"X-Caf\xe9": b"\xe9"})
    assert dict(headers) == {"date": "now", "x-caf\xe9": "\xe9"}
    assert (len(headers), headers.get("DATE")) == (2, None)


def test_trailers_are_no_headers() -> None:
    """What comes after a chunked body is not among the headers, and an earlier answer's stay its own."""
    reader = AnswerReader(LIMIT)
    first = read(reader, ANSWERS["in chunks"])
    assert read(reader, b"HTTP/1.1 204 No\r\nOther: x\r\n\r\n") is not None
    assert first is not None
    assert {"t", "other"}.isdisjoint(first.headers)
    assert first.headers["date"] == "now"


def test_limits_are_those_of_one_answer() -> None:
    """However many answers a connection has carried, the next one has the whole of the limits."""
    reader = AnswerReader(LIMIT)
    data = ANSWERS["with a length"]
    for _ in range(2 * MAX_HEAD_BYTES // len(data)):
        answer = read(reader, data, 30)
        assert answer is not None
        assert answer.body == RECEIPT


@given(
    st.binary(max_size=300),
    st.sampled_from([b"", HEAD, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"]),
)
def test_nothing_but_an_answer_or_unreadable_comes_out(data: bytes, start: bytes) -> None:
    """Any bytes at all give an answer within the limits, a refusal, or a wish for more."""
    reader = AnswerReader(LIMIT)
    try:
        answer = reader.feed(start + data)
    except UnreadableAnswer:
        assert not reader.is_reusable
    else:
        assert answer is None or len(answer.body) <= LIMIT


@given(st.integers(LIMIT + 1, 5 * LIMIT), st.lists(st.integers(1, 500), unique=True))
def test_long_body_is_cut_at_the_limit(size: int, cuts: list[int]) -> None:
    """Of a body beyond the limit exactly its start is handed on, and the connection is not used again."""
    reader = AnswerReader(LIMIT)
    data = b"HTTP/1.1 500 No\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size
    pieces = pairwise((0, *sorted(cut for cut in cuts if cut < len(data)), len(data)))
    answer = next(answer for start, end in pieces if (answer := reader.feed(data[start:end])))
    assert answer.body == b"x" * LIMIT
    assert not reader.is_reusable


def read_all(reader: AnswerReader, *pieces: bytes) -> None:
    """Feed pieces that make no answer."""
    for piece in pieces:
        assert reader.feed(piece) is None


ENDLESS = {
    "header": (b"HTTP/1.1 200 OK\r\nA: ", b"a" * 1000),
    "headers": (b"HTTP/1.1 200 OK\r\n", b"A: b\r\n" * 100),
    "interim answers": (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 10),
    "chunk extension": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", b"a" * 1000),
    "trailer": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: ", b"a" * 1000),
    "trailers": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"A: b\r\n" * 100),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_what_has_no_end_is_given_up(name: str) -> None:
    """An endless part of an answer is refused before it uses memory."""
    reader = AnswerReader(LIMIT)
    start, again = ENDLESS[name]
    with pytest.raises(UnreadableAnswer):
        read_all(reader, start, *[again] * (2 * MAX_HEAD_BYTES // len(again)))


UNREADABLE = {
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "length and chunks": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
    "folded header": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n 3\r\n\r\n{}",
    "other protocol": b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\nPRI",
    "negative chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_two_readers_could_read_differently_is_refused(name: str) -> None:
    """Answers whose length is not certain, and those that change the protocol, are not guessed at."""
    with pytest.raises(UnreadableAnswer) as caught:
        AnswerReader(LIMIT).feed(UNREADABLE[name])
    assert "{}" not in str(caught.value)


@pytest.mark.parametrize("extra", [b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", b"HTTP/1.", b"x"])
def test_bytes_after_an_answer_spoil_the_connection(extra: bytes) -> None:
    """The answer stands, but what came with it must never be the start of the next one."""
    reader = AnswerReader(LIMIT)
    answer = reader.feed(b"HTTP/1.1 400 No\r\nContent-Length: 2\r\n\r\n{}" + extra)
    assert answer is not None
    assert (answer.status, answer.body, reader.is_reusable) == (400, b"{}", False)


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n",
    ],
)
def test_server_that_says_it_closes_is_believed(head: bytes) -> None:
    """After such an answer the connection is not used again."""
    reader = AnswerReader(LIMIT)
    assert reader.feed(head + b"{}") is not None
    assert not reader.is_reusable


ENDS = {
    "body without a length": (b"HTTP/1.1 200 OK\r\nDate: now\r\n\r\n{}", b"{}"),
    "no body and no length": (b"HTTP/1.1 200 OK\r\n\r\n", b""),
    "nothing": (b"", None),
    "head cut short": (b"HTTP/1.1 200 OK\r\nDate:", None),
    "only an interim answer": (INTERIM, None),
    "body cut short": (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}", None),
    "chunks cut short": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", None),
    "other coding": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n{}", None),
}


@pytest.mark.parametrize("name", ENDS)
def test_end_of_the_connection_ends_only_what_has_no_other_end(name: str) -> None:
    """A body without length ends with the connection; anything else was cut short by that."""
    data, body = ENDS[name]
    reader = AnswerReader(LIMIT)
    assert not data or reader.feed(data) is None
    assert reader.has_begun == bool(data)
    answer = reader.end()
    assert (None if answer is None else answer.body) == body
    assert not reader.is_reusable
