"""The process of ``scn-loader``: it sets up streams and signals before it imports anything slow."""

import gc
import os
import signal
import sys
from collections.abc import Callable
from types import FrameType

from loader.errors import ExitCode, Interrupted
from loader.process.signals import GRACE_SECONDS, asked_to_stop, decide, end_process, on_signals
from loader.process.streams import mend_streams
from loader.process.summary_place import clear_summary, requested_summary

MOST_ALLOCATIONS_OF_IMPORTS = 200_000
"""Python's garbage collector runs after this many allocations that were not freed; by default after 700.
Objects of imports are not garbage, so that collections only delay a start: the 229 of a load take 8 % of the
processor time of its imports. With this value there is none."""

IMPORT_RETRY_SECONDS = 0.01
"""Interval between repetitions of an interrupt that arrived during an import."""


def run() -> None:
    """Run ``scn-loader`` and end this process with its exit code."""
    gc.set_threshold(MOST_ALLOCATIONS_OF_IMPORTS, *gc.get_threshold()[1:])
    mend_streams()
    summary_json = requested_summary(sys.argv[1:], os.environ)
    if summary_json is not None:
        clear_summary(summary_json)
    with on_signals(_wait, _leave, GRACE_SECONDS):
        # A KeyboardInterrupt raised while a module is imported may appear as another error.
        from loader.cli import after_output, interrupted, main  # noqa: PLC0415 - it takes most of a second

        code = _code(main, interrupted)
        decide(code)
        end_process(after_output(code))


def _code(main: Callable[[], None], interrupted: Callable[[], int]) -> int:
    """Return the exit code of the command."""
    with on_signals(_interrupt, _leave, GRACE_SECONDS):
        try:
            if asked_to_stop() is not None:  # the signal arrived while the command was imported
                return interrupted()
            main()
        except SystemExit as ended:
            return ended.code if isinstance(ended.code, int) else int(bool(ended.code))
        except KeyboardInterrupt:  # the signal arrived while an error was shown
            return interrupted()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0.0)
    return ExitCode.BUG


def _wait(_reason: Interrupted) -> None:
    pass


def _interrupt(_reason: Interrupted) -> None:
    signal.signal(signal.SIGALRM, _interrupt_outside_imports)
    _interrupt_outside_imports(signal.SIGALRM, sys._getframe())  # noqa: SLF001 - the documented way to the frame


def _interrupt_outside_imports(_number: int, frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt, but wait for the end of an import first.

    Commands import what they need. The import system runs callbacks in which Python drops an exception and
    prints it, so the interrupt would be lost.
    """
    if _is_importing(frame):
        signal.setitimer(signal.ITIMER_REAL, IMPORT_RETRY_SECONDS)
    else:
        raise KeyboardInterrupt


def _is_importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def _leave(reason: Interrupted) -> None:
    from loader.cli import leave  # noqa: PLC0415 - it takes most of a second

    leave(reason)


if __name__ == "__main__":
    run()
