"""One log record as one line of text or JSON, without row data.

Rules kept here, for every logger and every argument:

1. The fields of a line are the names in ``FIELDS``, and their values are scalars. A field with an empty text
   is left out. Other fields are dropped; the line lists their names.
2. An argument of the message is a scalar or becomes ``<Type>``: no object prints itself. Every text is
   clipped, on one line, and free of terminal control characters.
3. Of an exception, the line has the type, and with ``debug`` the code locations. It has the message only for
   a LoaderError or an OSError: other messages may quote a row.
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
"""Every text in a line is clipped to this length: a limit on lines alone would not limit the bytes."""

FIELDS: Mapping[str, str] = {
    "attempts": "HTTP requests for the event, or those that ended with the `code`.",
    "cause": "What ended the run; `completed` if nothing stopped it.",
    "code": "Error code of the service or the loader, or reason of a rejected row.",
    "column": "Column that rejected the row; absent if the whole record did.",
    "events": "Number of events that the service accepted, over all runs of the load.",
    "exit_code": "Exit code of the run.",
    "file": "Path of a file of the extract.",
    "files": "Number of files of the extract that the line covers.",
    "index": "Position of the event in its window, from 0.",
    "loads": "Number of earlier loads.",
    "path": "Path of any other file.",
    "records": "Number of records that were refused.",
    "row": "Number of a row in its file, from 1, without the header (in Excel files: as Excel counts); the "
    "first one of an event or part.",
    "rows": "Number of rows of the extract; null if its format does not state it.",
    "rows_rejected": "Number of rejected rows.",
    "seconds": "Duration in seconds.",
    "state": "State of the event: failed, in_doubt or unprocessed.",
    "token": "clientToken of the event.",
    "window": "Number of the window of the event, from 0.",
}
"""The permitted keys of ``extra`` and their meaning; docs/howto/watching.md has the same table. ``group`` and
the ``message`` of an answer are not permitted, because they repeat row data."""

HANDLER_FIELDS: Mapping[str, str] = {
    "time": "When it happened, ISO 8601 in UTC.",
    "level": "DEBUG, INFO, WARNING or ERROR.",
    "message": "The sentence; `progress` on progress lines.",
    "load": "Id of the load; null until the checkpoint is open.",
    "times": "How often the same message occurred so far, if repeats are folded.",
    "error": "Type of an exception and of its causes.",
    "error_text": "Message of an exception without row data.",
    "raised_at": "Code locations of an exception; with `--debug`.",
    "dropped": "Names of fields that were dropped because they are not in this table.",
    "where": "Place of an error that ended the command.",
    "why": "Its cause.",
    "next": "What to run or change next.",
}
"""Fields that the log adds itself; the first four are on every JSON line."""

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

Fields = dict[str, Any]


class LogFormat(StrEnum):
    """The format of log lines."""

    TEXT = "text"
    JSON = "json"


def message_of(record: logging.LogRecord) -> str:
    """Return the record's message with safe arguments."""
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
    """Return the fields of a record: permitted extras, and the safe parts of an exception."""
    # Other libraries, such as Ray, add private attributes to every record.
    names = (name for name in vars(record) if name not in _STANDARD and not name.startswith("_"))
    extras = {name: getattr(record, name) for name in names}
    fields: Fields = {name: _scalar(extras[name]) for name in extras if name in FIELDS and extras[name] != ""}
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
    return " ".join([iso(at), level.ljust(7), message, *pairs])


class LogFormatter(logging.Formatter):
    """Formats the records of a load as lines of text with their fields: file, row, column, code and others.

    A line never contains a value of a row. A program that calls the library sets it on its own handler.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return ``TIME LEVEL Sentence. name=value ...``."""
        fields = fields_of(record, debug=False)
        return text_line(record.created, record.levelname, message_of(record), fields)


def json_line(at: float, level: str, message: str, fields: Fields) -> str:
    """Return the same as a JSON object in ASCII, which every log collector can read."""
    return json.dumps({"time": iso(at), "level": level, "message": message, **fields})


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


def iso(at: float) -> str:
    """Return epoch seconds as ISO 8601 in UTC, to the millisecond."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
