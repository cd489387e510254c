"""Quoting is what orjson does to a string, and loses nothing."""

import orjson
from hypothesis import given
from hypothesis import strategies as st

from loader.json_quoting import quote, unquote


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_quoted_text_is_what_stands_between_the_quotes(text: str) -> None:
    """Around it quotes, and it is the JSON string; unquoted, it is the text again."""
    quoted = quote(text.encode())
    assert orjson.loads(b'"' + quoted + b'"') == text
    assert b'"' + quoted + b'"' == orjson.dumps(text)
    assert unquote(quoted) == text.encode()
