"""JSON for machines. Names of files may have bytes that are not UTF-8."""

from collections.abc import Mapping
from typing import Any

import orjson


def json_text(values: object, *, option: int = 0) -> bytes:
    r"""Return values as JSON in UTF-8.

    A byte of a file name that is not UTF-8 is half a surrogate pair to Python, which JSON cannot hold. It is
    written as the characters ``\udc80`` to ``\udcff``, as on a terminal.

    Args:
        values: What orjson can write.
        option: Options of orjson.
    """
    try:
        return orjson.dumps(values, option=option)
    except TypeError:
        return orjson.dumps(_encodable(values), option=option)


def _encodable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode(errors="backslashreplace").decode()
    if isinstance(value, Mapping):
        return {_encodable(name): _encodable(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_encodable(each) for each in value]
    return value
