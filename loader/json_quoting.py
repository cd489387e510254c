"""The content of a JSON string, without its quotes: the form in which a request contains the records.

Records are written in this form directly. Writing them as plain JSON and escaping them for each request
took a quarter of the processor time of a packed load (benchmarks/stages.md).
"""

import orjson

BODY_START = b'{"data":"'
"""Start of the body of a request, before the quoted data. The data comes first, so that one SHA-256 state
of start and data serves both the token of an event and the signatures of its requests."""


def quote(data: bytes) -> bytes:
    """Return UTF-8 text escaped as the content of a JSON string.

    Raises:
        UnicodeDecodeError: ``data`` is not UTF-8.
    """
    return orjson.dumps(data.decode())[1:-1]


def unquote(quoted: bytes) -> bytes:
    """Return the text whose quoted form is ``quoted``.

    Raises:
        orjson.JSONDecodeError: ``quoted`` is not the content of a JSON string.
    """
    text: str = orjson.loads(b'"%b"' % quoted)
    return text.encode()
