"""JSON for machines, whatever the names of files hold."""

import orjson
from hypothesis import given
from hypothesis import strategies as st

from loader.report.json_text import json_text

BYTES = st.binary().map(lambda value: value.decode(errors="surrogateescape"))


@given(st.dictionaries(BYTES, BYTES | st.integers(0, 9) | st.lists(BYTES)))
def test_any_name_can_be_written(values: dict[str, object]) -> None:
    """What a strict reader reads is what was given, with each byte that is not UTF-8 made visible."""
    read = orjson.loads(json_text(values))
    assert str(read) == str(values).replace("\\udc", "\\\\udc")


def test_text_stays_as_it_is() -> None:
    """Names in any alphabet need no escape."""
    assert json_text({"name": "Bestände/日本"}) == '{"name":"Bestände/日本"}'.encode()
