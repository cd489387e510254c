"""Cutting a packed event: the bytes of its records, untouched, and tokens of their own."""

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.events.split import halves, part_event, part_token, record_spans, whole
from loader.json_quoting import quote
from loader.model import Event, Part

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
RECORDS = st.lists(st.dictionaries(st.text(max_size=4), VALUES, max_size=4), min_size=1, max_size=12)


def written(record: dict[str, object], *, ascii_only: bool) -> bytes:
    return json.dumps(record, ensure_ascii=ascii_only, separators=(",", ":")).encode(errors="replace")


def packed(records: list[bytes]) -> Event:
    data = b"[" + b",".join(records) + b"]"
    return Event(2, 5, 0, tuple(range(10, 10 + len(records))), "g", "t" * 64, "1.5", quote(data))


def all_parts(part: Part) -> list[Part]:
    return [part] + [each for half in halves(part) for each in all_parts(half)] if part.count > 1 else [part]


@given(RECORDS, st.booleans())
def test_records_are_found_byte_for_byte(records, ascii_only):
    """The place of a record holds exactly the bytes it was packed from, whatever is in its texts."""
    parts = [written(record, ascii_only=ascii_only) for record in records]
    data = packed(parts).data
    assert [data[begin:end] for begin, end in record_spans(data)] == parts


@given(RECORDS, st.sampled_from(["", " ", "\n", "\t \r\n"]))
def test_blanks_between_records_are_no_part_of_them(records, blank):
    """Any JSON array of objects can be cut, also one that another program wrote."""
    data = (
        blank + "[" + blank + f"{blank},{blank}".join(map(json.dumps, records)) + blank + "]" + blank
    ).encode()
    assert [data[begin:end].decode() for begin, end in record_spans(data)] == list(map(json.dumps, records))


@pytest.mark.parametrize(
    "data",
    [b"", b"[]", b"{}", b"[1]", b'[{"a":1}', b'[{"a":1},]', b'[{"a":1}]]', b'[{"a":1} {"b":2}]', b'[{"a"]'],
)
def test_what_is_no_array_of_objects_is_refused(data):
    """Nothing is cut that is not understood to its end."""
    with pytest.raises(ValueError, match=r"array of objects|Expecting"):
        record_spans(data)


def test_a_number_of_any_length_is_only_text():
    """A number too long for Python to read as one is cut out like any other."""
    record = b'{"n":' + b"9" * 10_000 + b"}"
    assert record_spans(b"[" + record + b"]") == [(1, 1 + len(record))]


@given(RECORDS)
def test_the_parts_of_an_event_are_its_records_again(records):
    """Halves put together are the whole; each part has the rows, the place and the bytes of its records."""
    texts = [written(record, ascii_only=True) for record in records]
    event = packed(texts)
    places = record_spans(event.data)
    tokens = set()
    for part in all_parts(whole(event))[1:]:
        first, second = halves(part) if part.count > 1 else (part, Part(part.first + 1, 0))
        assert (first.first, first.count + second.count) == (part.first, part.count)
        assert second.first == first.first + first.count
        cut = part_event(event, part, event.data, places)
        mine = texts[part.first : part.first + part.count]
        assert cut.data == (mine[0] if part.count == 1 else b"[" + b",".join(mine) + b"]")
        assert cut.rows == event.rows[part.first : part.first + part.count]
        assert (cut.window, cut.index, cut.file, cut.group, cut.timestamp) == (2, 5, 0, "g", "1.5")
        tokens.add(cut.token)
    assert len(tokens) == max(0, 2 * len(records) - 2)
    assert event.token not in tokens


def test_the_token_of_a_part_is_the_one_written_down_here():
    """A function of the event's token and the range alone, the same in every version."""
    token = part_token("ab" * 32, Part(850, 425))
    assert token == hashlib.sha256(b"scn-loader part 1:" + b"ab" * 32 + b",850,425").hexdigest()
    assert len(token) == 64
