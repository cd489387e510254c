"""Answers in other forms than the service's JSON: compressed by an intermediary, or XML of a front end."""

import re
import zlib
from html import unescape

from loader.service.outcomes import is_known

MAX_DECODED_BYTES = 64 * 1024
"""Limit of the content of a compressed answer: a receipt has 60 bytes."""

_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32

_CODE = re.compile(r"<Code>\s*([A-Za-z.]{1,100})\s*</Code>|<([A-Za-z]{1,100})(?: [^>]{0,200})?/?>")
_MESSAGE = re.compile(r"<Message>([^<]{1,2000})</Message>", re.IGNORECASE)


def decoded(body: bytes, encoding: str) -> bytes:
    """Return the content of a compressed answer, up to a limit; the body itself if it is not compressed.

    The requests accept no compression, but an intermediary may compress an answer nevertheless.

    Args:
        body: The body as received.
        encoding: The value of its ``Content-Encoding``.
    """
    if encoding.strip().lower() not in ("gzip", "x-gzip", "deflate"):
        return body
    try:
        return zlib.decompressobj(_GZIP_OR_ZLIB).decompress(body, MAX_DECODED_BYTES)
    except zlib.error:
        return body


def xml_error_code(text: str) -> str:
    """Return the known error code of an answer in XML, or "".

    A front end of AWS that finds no operation for a request answers in XML, with a request id:
    ``<AccessDeniedException><Message>...``. Without a request id, XML comes from an intermediary.
    """
    if not text.lstrip().startswith("<"):
        return ""
    found = (first or second for first, second in _CODE.findall(text))
    return next(filter(is_known, found), "")


def xml_message(text: str) -> str:
    """Return the message of an error in XML, or ""."""
    match = _MESSAGE.search(text)
    return unescape(match[1]).strip() if match else ""
