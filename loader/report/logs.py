"""The log: standard library logging, to the console and to ``load.log``, with repeats folded.

The same message with the same code is written REPEATS times, then at each power of ten with its count,
and once more at the end. At level DEBUG nothing is folded, and nothing above DEBUG may be logged per
event. What a line may hold is decided in ``log_lines``.
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
"""How often the same message is written before it is folded."""

MAX_KINDS = 1000
"""Kinds of messages that are counted apart. Codes come from outside, so their number needs a bound."""

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

    With the text format the console gets warnings and errors, the file everything; with JSON, which
    a machine reads, the console gets everything too.

    Args:
        console: Shows one line; normally ``Display.message``. None for no console.
        run_dir: Where ``load.log`` is continued (mode 0600); None for no file.
        log_format: Text or JSON lines.
        ids: What tells this load from others; on every line as it is then, but not on a person's console.
        debug: Also write debug lines, and where exceptions were raised.

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
    """Open a file for lines that must be there after a crash: nothing is buffered in this process."""
    try:
        # Never through a link: the file behind it would get our lines and our permissions.
        descriptor = open_private(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    except OSError as error:
        raise CheckpointError(
            "The log cannot be written.",
            where=str(path),
            why=error.strerror or str(error),
            next_step="move it away or make it writable, or name another folder with --run-dir",
        ) from error

    def write(line: str) -> None:
        with suppress(OSError):  # a full disk must not stop a load for the sake of its log
            os.write(descriptor, f"{line}\n".encode(errors="backslashreplace"))

    try:
        with suppress(OSError):  # another user's, which we may write
            os.fchmod(descriptor, 0o600)
        yield write
    finally:
        os.close(descriptor)


@dataclass(slots=True)
class _Repeated:
    """How often a message came, and what is needed to tell so at the end."""

    level: str
    message: str
    fields: Fields
    times: int = 0
    told: int = 0


class LineHandler(logging.Handler):
    """Writes records as lines, folding repeats.

    Libraries are heard from WARNING on only: at DEBUG, HTTP libraries log requests with their bodies.

    Args:
        write: Takes one line without its line end.
        log_format: Text or JSON.
        ids: Put on every line, as they are when it is written.
        level: The lowest level that is written.
        debug: Whether to tell where exceptions were raised.
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
        """Write the record, unless it is folded away or a library's chatter."""
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
        if kind not in self._repeated:
            self._repeated[kind] = _Repeated(record.levelname, "", {})
        repeated = self._repeated[kind]
        repeated.times += 1
        if repeated.times > REPEATS and not _is_power_of_ten(repeated.times):
            return
        repeated.told = repeated.times
        repeated.message = message_of(record)
        repeated.fields = fields_of(record, debug=self._debug)
        self._tell(record.created, repeated)

    def _tell(self, at: float, repeated: _Repeated) -> None:
        times = {"times": repeated.times} if repeated.times > REPEATS else {}
        self._put(at, repeated.level, repeated.message, times | repeated.fields)

    def _put(self, at: float, level: str, message: str, fields: Fields) -> None:
        self._write(self._line(at, level, message, fields | dict(self._ids)))

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the library's name
        """Tell where a record could not be written; the library would print its arguments."""
        with suppress(Exception):
            self._put(time.time(), "ERROR", f"A log line of {record.name}:{record.lineno} was lost.", {})

    def close(self) -> None:
        """Write the last counts of what was folded."""
        self.acquire()
        try:
            for repeated in self._repeated.values():
                if repeated.times > repeated.told:
                    self._tell(time.time(), repeated)
            self._repeated.clear()
        finally:
            self.release()
        super().close()


def _is_power_of_ten(number: int) -> bool:
    return str(number).rstrip("0") == "1"
