"""Records as JSON: byte for byte what orjson writes."""

import orjson
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loader.json_quoting import quote, unquote
from loader.records.json_records import Form, quoted_records, quoted_texts

TEXTS = st.text(
    st.one_of(
        st.characters(codec="utf-8"), st.sampled_from('"\\/\x00\x1f\x7f\b\f\n\r\t\u2028\u2029\ufeff😀')
    ),
    max_size=8,
)
NUMBERS = st.from_regex(r"-?(0|[1-9][0-9]{0,6})(\.[0-9]{1,4})?([eE][+-]?[0-9]{1,2})?", fullmatch=True)


def bytes_of(columns: dict[str, list[str | None]], forms: dict[str, Form], nulls: str) -> list[bytes]:
    frame = pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))
    records = quoted_records(quoted_texts(frame, forms), forms, nulls=nulls)
    quoted, plain = records["quoted"].to_list(), [unquote(record) for record in records["quoted"]]
    assert quoted == [quote(record) for record in plain]
    assert records["size"].to_list() == list(map(len, plain))
    return plain


def reference(columns: dict[str, list[str | None]], forms: dict[str, Form], nulls: str) -> list[bytes]:
    """Write the same rows with orjson; numbers go in as fragments, digit by digit."""
    rows = []
    for values in zip(*columns.values(), strict=True):
        record = {
            name: orjson.Fragment(value) if value is not None and forms[name] is Form.BARE else value
            for name, value in zip(columns, values, strict=True)
            if value is not None or nulls == "null"
        }
        rows.append(orjson.dumps(record))
    return rows


@settings(max_examples=100)
@given(data=st.data(), nulls=st.sampled_from(["omit", "null"]))
def test_records_are_what_orjson_writes(data: st.DataObject, nulls: str) -> None:
    """Any texts, numbers and gaps, in any columns: the same bytes."""
    rows = data.draw(st.integers(0, 5))
    names = data.draw(st.lists(st.sampled_from(["id", "a", "b", "quantity", "x_1"]), min_size=1, unique=True))
    columns: dict[str, list[str | None]] = {}
    forms: dict[str, Form] = {}
    for name in names:
        forms[name] = data.draw(st.sampled_from(Form))
        cells = TEXTS if forms[name] is Form.TEXT else NUMBERS
        cells_or_gaps = data.draw(st.sampled_from([cells, st.none() | cells, st.none()]))
        columns[name] = data.draw(st.lists(cells_or_gaps, min_size=rows, max_size=rows))
    assert bytes_of(columns, forms, nulls) == reference(columns, forms, nulls)


def test_every_character_survives() -> None:
    """All of Unicode but the surrogates, which no UTF-8 text holds, is written as orjson writes it."""
    letters = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    texts = ["".join(letters[start : start + 64]) for start in range(0, len(letters), 64)]
    written = bytes_of({"a": list(texts)}, {"a": Form.TEXT}, "omit")
    assert written == [orjson.dumps({"a": text}) for text in texts]


@pytest.mark.parametrize("number", ["1", "-0", "0.10", "1e+16", "123456789012345678901234567890.5"])
def test_numbers_go_in_digit_by_digit(number: str) -> None:
    """A JSON number has the digits it had in the extract."""
    assert bytes_of({"n": [number]}, {"n": Form.BARE}, "omit") == [b'{"n":' + number.encode() + b"}"]


def test_keys_keep_the_order_of_the_columns() -> None:
    """A first column that is missing leaves no comma behind."""
    columns: dict[str, list[str | None]] = {"z": [None, "1"], "a": ["2", None], "m": [None, None]}
    forms = dict.fromkeys(columns, Form.TEXT)
    assert bytes_of(columns, forms, "omit") == [b'{"a":"2"}', b'{"z":"1"}']
    assert bytes_of(columns, forms, "null") == [
        b'{"z":null,"a":"2","m":null}',
        b'{"z":"1","a":null,"m":null}',
    ]
