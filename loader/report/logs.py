"""The log: standard library logging, to the console and to ``load.log``. Repeated messages are folded.

The same message with the same code is written REPEATS times, then at each power of ten with its count, and
once more at the end. At level DEBUG nothing is folded; code may log per event at DEBUG only. ``log_lines``
decides what a line may contain.
"""

import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from loader.checkpoint.file_names import LOG_NAME
from loader.errors import CheckpointError
from loader.private_files import open_private
from loader.report.log_lines import Fields, LogFormat, fields_of, json_line, message_of, text_line

REPEATS = 5
"""How often the same message is written before repeats are folded."""

MAX_KINDS = 1000
"""Maximum number of message kinds that are counted separately. Codes come from outside: a bound is needed."""

Write = Callable[[str], None]


@contextmanager
def log_to(
    console: Write | None,
    *,
    run_dir: Path | None,
    log_format: LogFormat = LogFormat.TEXT,
    ids: Mapping[str, str | None] | None = None,
    debug: bool = False,
) -> Iterator[None]:
    """Log to the console, and to a file in the run directory, until the block ends.

    In text format the console gets warnings and errors, and the file gets everything. In JSON format the
    console gets everything too, because a program reads it.

    Args:
        console: Shows one line; normally ``Display.message``. None for no console.
        run_dir: Folder where ``load.log`` is appended (mode 0600); None for no file.
        log_format: Text or JSON lines.
        ids: Ids of this load. Every line has their current values, except text lines on the console.
        debug: Also write debug lines, and code locations of exceptions.

    Raises:
        CheckpointError: The log file cannot be opened.
    """
    ids = {} if ids is None else ids
    lowest = logging.DEBUG if debug else logging.INFO
    for_people = log_format is LogFormat.TEXT
    with ExitStack() as stack:
        handlers = []
        if console is not None:
            level = logging.WARNING if for_people and not debug else lowest
            shown_ids = {} if for_people else ids
            handlers.append(LineHandler(console, log_format, shown_ids, level=level, debug=debug))
        if run_dir is not None:
            write = stack.enter_context(_appending(run_dir / LOG_NAME))
            handlers.append(LineHandler(write, log_format, ids, level=lowest, debug=debug))
        ours, everything = logging.getLogger("loader"), logging.getLogger()
        stack.callback(ours.setLevel, ours.level)
        ours.setLevel(lowest)
        for handler in handlers:
            everything.addHandler(handler)
            stack.callback(handler.close)
            stack.callback(everything.removeHandler, handler)
        yield


@contextmanager
def _appending(path: Path) -> Iterator[Write]:
    """Open a file whose lines survive a crash: this process does not buffer them."""
    try:
        # Do not follow a link: its target would get our lines and our permissions.
        descriptor = open_private(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    except OSError as error:
        raise CheckpointError(
            "The log cannot be written.",
            where=str(path),
            why=error.strerror or str(error),
            next_step="move it away or make it writable, or name another folder with --run-dir",
        ) from error

    def write(line: str) -> None:
        with suppress(OSError):  # a full disk must not stop a load because of its log
            os.write(descriptor, f"{line}\n".encode(errors="backslashreplace"))

    try:
        with suppress(OSError):  # the file belongs to another user, but is writable
            os.fchmod(descriptor, 0o600)
        yield write
    finally:
        os.close(descriptor)


@dataclass(slots=True)
class _Repeated:
    """The occurrences of a message.

    Attributes:
        last: The last one, without its exception, which would hold frames and their rows.
        times: Number of occurrences.
        reported_times: Number of occurrences at the last line.
    """

    last: logging.LogRecord
    times: int = 0
    reported_times: int = 0


class LineHandler(logging.Handler):
    """Writes records as lines, folding repeats.

    Records of other libraries are written from WARNING on: at DEBUG, HTTP libraries log request bodies.

    Args:
        write: Takes one line without its line end.
        log_format: Text or JSON.
        ids: Put on every line, with the values at that moment.
        level: The lowest level that is written.
        debug: Whether to write code locations of exceptions.
    """

    def __init__(
        self, write: Write, log_format: LogFormat, ids: Mapping[str, str | None], *, level: int, debug: bool
    ) -> None:
        super().__init__(level)
        self._write = write
        self._line = json_line if log_format is LogFormat.JSON else text_line
        self._ids = ids
        self._debug = debug
        self._repeated: dict[tuple[str, str], _Repeated] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record, unless it is folded or a library's record below WARNING."""
        if record.levelno < logging.WARNING and record.name.partition(".")[0] != "loader":
            return
        try:
            if record.levelno <= logging.DEBUG:
                fields = fields_of(record, debug=self._debug)
                self._put(record.created, record.levelname, message_of(record), fields)
            else:
                self._fold(record)
        except Exception:  # noqa: BLE001 - a fault in logging must not stop a load
            self.handleError(record)

    def _fold(self, record: logging.LogRecord) -> None:
        kind = (record.msg if isinstance(record.msg, str) else "", str(getattr(record, "code", "")))
        if kind not in self._repeated and len(self._repeated) >= MAX_KINDS:
            kind = (record.name, record.levelname)
        last = logging.makeLogRecord(vars(record) | {"exc_info": None}) if record.exc_info else record
        repeated = self._repeated.setdefault(kind, _Repeated(last))
        repeated.last = last
        repeated.times += 1
        if repeated.times <= REPEATS or _is_power_of_ten(repeated.times):
            repeated.reported_times = repeated.times
            self._write_repeated(record.created, record, repeated.times)

    def _write_repeated(self, at: float, record: logging.LogRecord, times: int) -> None:
        counted = {"times": times} if times > REPEATS else {}
        fields = counted | fields_of(record, debug=self._debug)
        self._put(at, record.levelname, message_of(record), fields)

    def _put(self, at: float, level: str, message: str, fields: Fields) -> None:
        self._write(self._line(at, level, message, fields | dict(self._ids)))

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the library's name
        """Report a record that could not be written; the standard library would print its arguments."""
        with suppress(Exception):
            self._put(time.time(), "ERROR", f"A log line of {record.name}:{record.lineno} was lost.", {})

    def close(self) -> None:
        """Write the last counts of folded messages."""
        self.acquire()
        try:
            for repeated in self._repeated.values():
                if repeated.times > repeated.reported_times:
                    self._write_repeated(time.time(), repeated.last, repeated.times)
            self._repeated.clear()
        finally:
            self.release()
        super().close()


def _is_power_of_ten(number: int) -> bool:
    return str(number).rstrip("0") == "1"
