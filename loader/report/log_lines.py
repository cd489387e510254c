"""One log record as one line of text or JSON, without anything that a row says.

Rules kept here, whoever logs and whatever they pass:

1. A line's fields are the names in ``FIELDS``, and their values scalars. Others are dropped, and only
   their names are told.
2. An argument of the message is a scalar or becomes ``<Type>``: no object, ours or a library's, prints
   itself. Every text is clipped, on one line, and free of terminal controls.
3. Of an exception the type is told, and with ``debug`` the places it passed through. Its words are
   told only if it is a LoaderError or an OSError: the words of others may quote a row.
"""

import json
import logging
import math
import traceback
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import PurePath
from typing import Any

from loader.errors import LoaderError
from loader.report.figures import printable

MAX_TEXT_CHARS = 300
"""A bound on the number of lines is not a bound on bytes: every text in a line is clipped to this."""

FIELDS = frozenset(
    {
        *("attempts", "bytes", "code", "column", "count", "endpoint", "event_id", "events", "file", "host"),
        *("in_flight", "in_flight_cap", "index", "limiting", "path", "phase", "rate_limit", "region"),
        *(
            "request_id",
            "row_number",
            "rows",
            "seconds",
            "setting",
            "signal",
            "state",
            "status",
            "token",
            "window",
        ),
    }
)
"""What ``extra`` may carry. ``group`` and ``message`` are missing on purpose: they repeat row data."""

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

Fields = dict[str, Any]


class LogFormat(StrEnum):
    """The form of log lines."""

    TEXT = "text"
    JSON = "json"


def message_of(record: logging.LogRecord) -> str:
    """Return the record's sentence with harmless arguments."""
    if not isinstance(record.msg, str):
        return f"<{type(record.msg).__qualname__}>"
    args = record.args
    try:
        if isinstance(args, Mapping):
            text = record.msg % {name: _scalar(value) for name, value in args.items()}
        else:
            text = record.msg % tuple(_scalar(value) for value in args) if args else record.msg
    except (TypeError, ValueError, KeyError):  # a placeholder such as %d met a <Type>
        text = record.msg
    return printable(text, MAX_TEXT_CHARS)


def fields_of(record: logging.LogRecord, *, debug: bool) -> Fields:
    """Return what goes beside the sentence: allowed extras, and what may be told of an exception."""
    extras = {name: value for name, value in vars(record).items() if name not in _STANDARD}
    fields: Fields = {name: _scalar(value) for name, value in extras.items() if name in FIELDS}
    if dropped := sorted(extras.keys() - FIELDS):
        fields["dropped"] = printable(" ".join(dropped), MAX_TEXT_CHARS)
    if record.exc_info and record.exc_info[1] is not None:
        fields |= _exception_fields(record.exc_info[1], debug=debug)
    return fields


def text_line(at: float, level: str, message: str, fields: Fields) -> str:
    """Return ``TIME LEVEL Sentence. name=value ...``.

    Args:
        at: Epoch seconds.
        level: Name of the level.
        message: The sentence.
        fields: Scalars by name.
    """
    pairs = (f"{name}={_quoted_if_needed(value)}" for name, value in fields.items())
    return " ".join([_iso(at), level.ljust(7), message, *pairs])


def json_line(at: float, level: str, message: str, fields: Fields) -> str:
    """Return the same as a JSON object, in ASCII so that no log collector stumbles."""
    return json.dumps({"time": _iso(at), "level": level, "message": message, **fields})


def _exception_fields(error: BaseException, *, debug: bool) -> Fields:
    chain = list(_chain(error))
    fields: Fields = {"error": " from ".join(type(each).__qualname__ for each in chain)}
    if isinstance(error, LoaderError | OSError):
        fields["error_text"] = printable(str(error), MAX_TEXT_CHARS)
    if debug:
        frames = [frame for each in chain for frame in traceback.extract_tb(each.__traceback__)]
        fields["raised_at"] = " < ".join(
            printable(f"{frame.filename}:{frame.lineno} {frame.name}") for frame in reversed(frames)
        )
    return fields


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    following: BaseException | None = error
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        yield following
        following = following.__cause__ or (None if following.__suppress_context__ else following.__context__)


def _scalar(value: object) -> Any:
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, str | PurePath):
        return printable(str(value), MAX_TEXT_CHARS)
    return f"<{type(value).__qualname__}>"


def _quoted_if_needed(value: object) -> str:
    text = str(value)
    return text if text and not set(text) & set(' "=') else json.dumps(text, ensure_ascii=False)


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
