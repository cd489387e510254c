"""What can stop a load, and the exit code each cause ends with.

    LoaderError                     what, where, why and what to run next
      SettingsError       exit 2    the caller's mistake: flags, job file, environment
      ExtractError        exit 2    a file that cannot be read or does not fit the dataset
      NothingToLoad       exit 9    no file, or no row, matched
      CheckpointError     exit 2    the run directory cannot be used as it is
        CheckpointMismatch          it belongs to another job, or the extract changed
        CheckpointCorrupt           it cannot be read; nothing in it was changed
        CheckpointLocked            another process is using it
      CheckpointWriteError exit 5   the disk refused a write while the load ran; resumable
      TooManyFailures     exit 3    stopped by --max-errors
      ServiceStopped      exit 4    stopped by the service: access, instance, quota, credentials
      DeliveryStopped     exit 5    stopped for now; running the same command again resumes
      ReadingStopped      exit 5    the extract could not be read on, after some of it was sent
      UnhandledCase       exit 70   a fault of the loader or of a library, whatever its class; resumable
      DecisionNeeded      exit 6    events in doubt are older than their token: the user decides
      Interrupted         exit 130  Ctrl-C; resumable
        Terminated        exit 143  SIGTERM; resumable

``plan`` alone ends with exit code 8, for a load that would not fit its time.

A failed *event* is never an exception: it is an outcome (a value), counted and written down.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class ExitCode(IntEnum):
    """How a command ended, for schedulers."""

    DELIVERED = 0
    DELIVERED_WITH_FAILURES = 1
    REFUSED = 2
    TOO_MANY_ERRORS = 3
    STOPPED_BY_SERVICE = 4
    STOPPED_RESUMABLE = 5
    DECISION_NEEDED = 6
    PLAN_DOES_NOT_FIT = 8
    NOTHING_TO_LOAD = 9
    BUG = 70
    INTERRUPTED = 130
    TERMINATED = 143


class LoaderError(Exception):
    """Something that stops the load, told in one block.

    Args:
        what: One sentence saying what went wrong.
        where: The place: file, row, column, setting; empty if there is none.
        why: The cause in the words of whoever refused, without row data or secrets.
        next_step: What to run or change next. A command stands on a line of its own, after the sentence.
    """

    exit_code = ExitCode.BUG

    def __init__(self, what: str, *, where: str = "", why: str = "", next_step: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.why = why
        self.next_step = next_step

    def block(self) -> str:
        """Return the error as the few lines a user reads."""
        labelled = (("where", self.where), ("why", self.why), ("next", self.next_step))
        lines = [
            f"  {label + ':':<7}{text}".replace("\n", f"\n{' ' * 9}") for label, text in labelled if text
        ]
        return "\n".join([f"error: {self.what}", *lines])


class SettingsError(LoaderError):
    """A flag, job file or environment variable that cannot be used."""

    exit_code = ExitCode.REFUSED


class ExtractError(LoaderError):
    """A file that cannot be read or does not fit the dataset."""

    exit_code = ExitCode.REFUSED


class NothingToLoad(LoaderError):
    """No file, or no row, matched: a scheduler must be able to tell this from success."""

    exit_code = ExitCode.NOTHING_TO_LOAD


class CheckpointError(LoaderError):
    """The run directory cannot be used as it is; nothing was sent and nothing in it was changed."""

    exit_code = ExitCode.REFUSED


class CheckpointMismatch(CheckpointError):
    """The run directory belongs to another job, or the extract changed since the load began."""


class CheckpointCorrupt(CheckpointError):
    """The checkpoint file cannot be read."""


class CheckpointLocked(CheckpointError):
    """Another process is using the run directory."""


class CheckpointWriteError(LoaderError):
    """The disk refused a write while the load ran; what was written before stays valid."""

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
    """The extract could not be read on, after some of it was sent; what was sent is in the checkpoint."""

    exit_code = ExitCode.STOPPED_RESUMABLE


class DecisionNeeded(LoaderError):
    """Events in doubt are older than the life of their tokens, and resending could double them."""

    exit_code = ExitCode.DECISION_NEEDED


class Interrupted(LoaderError):
    """Ctrl-C: what was in flight was waited for; the same command resumes."""

    exit_code = ExitCode.INTERRUPTED


class Terminated(Interrupted):
    """SIGTERM: what was in flight was waited for; the same command resumes."""

    exit_code = ExitCode.TERMINATED


class UnhandledCase(LoaderError):
    """A fault of the loader or of a library; what was sent before is in the checkpoint."""

    exit_code = ExitCode.BUG


def unhandled(fault: BaseException, *, where: str = "") -> UnhandledCase:
    """Return the error that users read for a fault.

    The fault's message is left out: a library may quote values in it.

    Args:
        fault: What was raised; it becomes the cause. An UnhandledCase is returned as it is.
        where: The place, if it is known.
    """
    if isinstance(fault, UnhandledCase):
        return fault
    error = UnhandledCase(
        "scn-loader met a case that it does not handle.",
        where=where,
        why=type(fault).__name__,
        next_step="this is a bug: run the same command with --debug and report what it prints; a load can be "
        "resumed by running the same command again",
    )
    error.__cause__ = fault
    return error


@contextmanager
def contained(where: Callable[[], str] = str) -> Iterator[None]:
    """Turn what ``except Exception`` does not catch into an error that it does.

    A panic of polars is a BaseException, and so is SystemExit. Each would pass all handlers of a load: a task
    would end without a trace, or the process with a code that says nothing. What stops a coroutine or a
    program on purpose passes: cancellation, the closing of a generator, Ctrl-C.

    Args:
        where: Returns the place for the error.

    Raises:
        UnhandledCase: Something else was raised that is not an Exception.
    """
    try:
        yield
    except (Exception, asyncio.CancelledError, GeneratorExit, KeyboardInterrupt):
        raise
    except BaseException as fault:
        raise unhandled(fault, where=where()) from fault


def contained_call(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function in a thread of its own kind, where cancellation and Ctrl-C cannot come from outside.

    Raises:
        UnhandledCase: It raised something that is not an Exception.
    """
    try:
        return function(*args, **kwargs)
    except Exception:
        raise
    except BaseException as fault:
        raise unhandled(fault) from fault
