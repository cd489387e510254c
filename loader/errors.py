"""The errors that stop a load, and the exit code of each.

    LoaderError                     what, where, why and what to run next
      SettingsError       exit 2    a mistake in flags, job file or environment
      ExtractError        exit 2    a file that cannot be read or does not fit the dataset
      NothingToLoad       exit 9    no file, or no row, matched
      NothingNew          exit 0    an earlier load delivered every file
      CheckpointError     exit 2    the run directory cannot be used as it is
        CheckpointMismatch          it belongs to another job, or the extract has changed
        CheckpointCorrupt           it cannot be read; it is unchanged
        CheckpointLocked            another process uses it
      CheckpointWriteError exit 5   a write to the disk failed during the load; resumable
      TooManyFailures     exit 3    stopped by --max-errors
      ServiceStopped      exit 4    stopped by the service: access, instance, quota, credentials
      DeliveryStopped     exit 5    stopped for now; running the same command again resumes
      ReadingStopped      exit 5    the extract became unreadable after some of it was sent
      SystemRefusal       exit 5    the machine refused memory, a thread, a file or space; 2 before sending
      UnhandledCase       exit 70   a bug of the loader or of a library, of any class; resumable
      DecisionNeeded      exit 6    events in doubt are older than their token: the user decides
      Interrupted         exit 130  Ctrl-C; resumable
        Terminated        exit 143  SIGTERM; resumable

Only ``plan`` ends with exit code 8: the load would not fit its time.

A failed *event* is never an exception. It is an outcome (a value) that is counted and recorded.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import ParamSpec, TypeVar

from loader.shortage import refused_by_system

P = ParamSpec("P")
T = TypeVar("T")


class ExitCode(IntEnum):
    """The exit codes of the commands, for schedulers."""

    DELIVERED = 0
    DELIVERED_WITH_FAILURES = 1
    REFUSED = 2
    TOO_MANY_ERRORS = 3
    STOPPED_BY_SERVICE = 4
    STOPPED_RESUMABLE = 5
    DECISION_NEEDED = 6
    UNDECIDED = 7
    PLAN_DOES_NOT_FIT = 8
    NOTHING_TO_LOAD = 9
    BUG = 70
    INTERRUPTED = 130
    TERMINATED = 143


class LoaderError(Exception):
    """An error that stops the load, shown as one block.

    Args:
        what: One sentence that names the error.
        where: The place: file, row, column, setting; or empty.
        why: The cause, as its source reports it, without row data or secrets.
        next_step: What to run or change next. A command follows the sentence on a separate line.
    """

    exit_code = ExitCode.BUG
    end = ""
    """The value of ``end`` in the summary; empty if the exit code determines it."""

    def __init__(self, what: str, *, where: str = "", why: str = "", next_step: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.why = why
        self.next_step = next_step

    def __str__(self) -> str:
        """Return the lines that the user sees, without the word "error": a traceback shows the class."""
        labelled = (("where", self.where), ("why", self.why), ("next", self.next_step))
        lines = [
            f"  {label + ':':<7}{text}".replace("\n", f"\n{' ' * 9}") for label, text in labelled if text
        ]
        return "\n".join([self.what, *lines])

    def block(self) -> str:
        """Return the error as the lines that the user sees."""
        return f"error: {self}"


class SettingsError(LoaderError):
    """A flag, job file or environment variable that cannot be used."""

    exit_code = ExitCode.REFUSED


class ExtractError(LoaderError):
    """A file that cannot be read or does not fit the dataset."""

    exit_code = ExitCode.REFUSED


class NothingToLoad(LoaderError):
    """No file, or no row, matched. The exit code lets a scheduler distinguish this from success."""

    end = "no_file"
    exit_code = ExitCode.NOTHING_TO_LOAD


class EmptyExtract(NothingToLoad):
    """The files exist, but have no rows."""

    end = "empty"


class NothingNew(LoaderError):
    """Earlier loads delivered every file, so nothing is sent."""

    exit_code = ExitCode.DELIVERED


class CheckpointError(LoaderError):
    """The run directory cannot be used as it is; nothing was sent and nothing in it was changed."""

    exit_code = ExitCode.REFUSED


class CheckpointMismatch(CheckpointError):
    """The run directory belongs to another job, or the extract has changed since the load began."""

    end = "other_load"


class CheckpointCorrupt(CheckpointError):
    """The checkpoint file cannot be read."""


class CheckpointLocked(CheckpointError):
    """Another process uses the run directory."""

    end = "in_use"


class CheckpointWriteError(LoaderError):
    """A write to the disk failed during the load; earlier writes stay valid."""

    exit_code = ExitCode.STOPPED_RESUMABLE


class TooManyFailures(LoaderError):
    """More rows were rejected or failed than --max-errors allows."""

    exit_code = ExitCode.TOO_MANY_ERRORS


class ServiceStopped(LoaderError):
    """The service refuses the whole load: access, instance, quota or credentials."""

    exit_code = ExitCode.STOPPED_BY_SERVICE


class DeliveryStopped(LoaderError):
    """The load stopped for now; the same command resumes it."""

    exit_code = ExitCode.STOPPED_RESUMABLE


class ReadingStopped(LoaderError):
    """The extract became unreadable after some of it was sent; the checkpoint contains what was sent."""

    exit_code = ExitCode.STOPPED_RESUMABLE


class DecisionNeeded(LoaderError):
    """Events in doubt are older than the life of their tokens, so resending could duplicate them."""

    exit_code = ExitCode.DECISION_NEEDED


class Interrupted(LoaderError):
    """Ctrl-C stopped the load after attempts in flight ended or timed out; the same command resumes."""

    exit_code = ExitCode.INTERRUPTED


class Terminated(Interrupted):
    """SIGTERM stopped the load after attempts in flight ended or timed out; the same command resumes."""

    exit_code = ExitCode.TERMINATED


class SystemRefusal(LoaderError):
    """The operating system refused memory, a thread, a file or space; the same command resumes the load.

    If it is shown before anything was sent, its exit code is set to 2.
    """

    exit_code = ExitCode.STOPPED_RESUMABLE


class UnhandledCase(LoaderError):
    """A bug of the loader or of a library; the checkpoint contains what was sent."""

    exit_code = ExitCode.BUG


def unhandled(fault: BaseException, *, where: str = "") -> UnhandledCase | SystemRefusal:
    """Return the error that is shown for an unexpected exception.

    It omits the message of the exception, in which a library may quote values.

    Args:
        fault: The exception, which becomes the cause. What this function returned is returned unchanged.
        where: The place, if it is known.
    """
    if isinstance(fault, UnhandledCase | SystemRefusal):
        return fault
    error: UnhandledCase | SystemRefusal
    if refusal := refused_by_system(fault):
        why, file = refusal
        error = SystemRefusal(
            "The operating system refused what scn-loader needs.",
            where=file or where,
            why=why,
            next_step="free or permit this resource, then run the same command again; a load resumes",
        )
    else:
        error = UnhandledCase(
            "An internal error stopped scn-loader.",
            where=where,
            why=type(fault).__name__,
            next_step="this is a bug: run the same command with --debug and report its output; it also "
            "resumes a load",
        )
    error.__cause__ = fault
    return error


@contextmanager
def contained(where: Callable[[], str] = str) -> Iterator[None]:
    """Convert a BaseException that ``except Exception`` does not catch into an error of the loader.

    A panic of polars is a BaseException, and so is SystemExit. Either would pass all handlers of a load and
    end a task silently, or the process with a meaningless exit code. Exceptions that stop a coroutine or
    program on purpose are not converted: cancellation, GeneratorExit, Ctrl-C.

    Args:
        where: Returns the place for the error.

    Raises:
        UnhandledCase: The block raised another BaseException that is not an Exception.
        SystemRefusal: The same, and the operating system is the cause.
    """
    try:
        yield
    except (Exception, asyncio.CancelledError, GeneratorExit, KeyboardInterrupt):
        raise
    except BaseException as fault:
        raise unhandled(fault, where=where()) from fault


def contained_call(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function in a worker thread, which neither cancellation nor Ctrl-C reaches.

    Raises:
        UnhandledCase: The function raised a BaseException that is not an Exception.
        SystemRefusal: The same, and the operating system is the cause.
    """
    try:
        return function(*args, **kwargs)
    except Exception:
        raise
    except BaseException as fault:
        raise unhandled(fault) from fault
