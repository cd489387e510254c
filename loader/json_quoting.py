"""Data as it stands between the quotes of a JSON string: the form in which a request carries it.

Records are written in this form at once. To write them as plain JSON and escape them for each request
took a quarter of the processor time of a packed load (benchmarks/stages.md).
"""

import orjson

BODY_START = b'{"data":"'
"""How the body of a request begins, before the quoted data. They come first so that one SHA-256 of them
serves both the token of an event and the signatures of its requests."""


def quote(data: bytes) -> bytes:
    """Return UTF-8 text as it stands between the quotes of a JSON string.

    Raises:
        UnicodeDecodeError: It is not UTF-8.
    """
    return orjson.dumps(data.decode())[1:-1]


def unquote(quoted: bytes) -> bytes:
    """Return the text that `quote` made this of.

    Raises:
        orjson.JSONDecodeError: It cannot stand between the quotes of a JSON string.
    """
    text: str = orjson.loads(b'"%b"' % quoted)
    return text.encode()
