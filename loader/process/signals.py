"""Ctrl-C, SIGTERM and SIGHUP: the first signal stops the work in order, the second one at once.

Rules kept here:

1. The handlers are Python's own, not the event loop's, so that they run even while the main thread waits in a
   read or write.
2. The first signal starts a watchdog: the process ends when its time is over, whatever the work waits for.
3. Exiting at once is safe, because a checkpoint survives ``kill -9`` at any moment. Last writes and removals
   get one second, in a thread, because they may block too.
"""

import atexit
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import FrameType

from loader.errors import Interrupted, Terminated

SIGNALS: dict[signal.Signals, tuple[type[Interrupted], str]] = {
    signal.SIGINT: (Interrupted, "Ctrl-C"),
    signal.SIGTERM: (Terminated, "SIGTERM"),
    signal.SIGHUP: (Terminated, "SIGHUP"),
}

LAST_ACTS_SECONDS = 1.0
"""Time for last writes and removals before the process exits at once."""

GRACE_SECONDS = 5.0
"""Time after the wait, to record the end of the load."""


@dataclass(slots=True)
class _State:
    """The state of signal handling in this process.

    Attributes:
        asked: The error for the first signal, which stops the work.
        verdict: The exit code, once it is final.
        coming: The exit code, while the results of the command are being written.
        held: Signals that wait until that is done; None if signals do not wait.
    """

    asked: Interrupted | None = None
    verdict: int | None = None
    coming: int | None = None
    held: list[int] | None = None

    def clear(self) -> None:
        """Reset everything."""
        self.asked = self.verdict = self.coming = self.held = None


_state = _State()


def asked_to_stop() -> Interrupted | None:
    """Return the error for the first signal, or None without a signal."""
    return _state.asked


@contextmanager
def on_signals(
    stop: Callable[[Interrupted], None], leave: Callable[[Interrupted], None], seconds: float
) -> Iterator[None]:
    """Let signals end the work of the block; outside the main thread, do nothing.

    Args:
        stop: Called at the first signal, in the main thread. It may raise.
        leave: Called in a thread before the process exits at once.
        seconds: How long the work may take to end after the first signal.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    watchdogs: list[threading.Timer] = []

    def handle(number: int, _frame: FrameType | None) -> None:
        kind, word = SIGNALS[signal.Signals(number)]
        if _state.held is not None and not _state.held:
            _state.held.append(number)
            watchdogs.append(_watchdog(GRACE_SECONDS, kind(f"{word} came."), leave))
            return
        if _state.asked is not None or _is_nearly_decided():
            _leave(_state.asked or kind(f"{word} came."), leave)
        _state.asked = kind(
            f"{word} received; the loader waited for requests in flight.",
            next_step="run the same command again: it resumes",
        )
        watchdogs.append(_watchdog(seconds, _state.asked, leave))
        stop(_state.asked)

    before = {number: signal.getsignal(number) for number in SIGNALS}
    is_outermost = all(not getattr(each, "ends_work", False) for each in before.values())
    if is_outermost:
        _state.clear()
    handle.ends_work = True  # type: ignore[attr-defined] # read by a block inside this one
    for number, handler in before.items():
        # nohup: a process that was started to outlive its terminal keeps running.
        if number != signal.SIGHUP or handler is not signal.SIG_IGN:
            signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if is_outermost:  # otherwise the watchdog also covers the rest of the outer block
            _end(watchdogs)


def _watchdog(seconds: float, reason: Interrupted, leave: Callable[[Interrupted], None]) -> threading.Timer:
    watchdog = threading.Timer(seconds, _leave, (reason, leave))
    watchdog.daemon = True
    watchdog.start()
    return watchdog


def _end(watchdogs: list[threading.Timer]) -> None:
    for watchdog in watchdogs:
        watchdog.cancel()
    release()
    _state.clear()


def hold() -> None:
    """Hold the next signal until ``release`` or the end of ``deciding``, so that results are written first.

    A further signal ends the process at once; so does the end of GRACE_SECONDS.
    """
    if _state.held is None:
        _state.held = []


def release() -> None:
    """Let the signal that was held, and all later ones, end the work."""
    held, _state.held = _state.held, None
    if held:
        signal.raise_signal(held[0])


@contextmanager
def deciding(exit_code: int) -> Iterator[None]:
    """Write the results of the command in the block; a signal cannot change the exit code."""
    hold()
    _state.coming = exit_code
    try:
        yield
    finally:
        _state.verdict, _state.coming = exit_code, None
        release()


def decide(exit_code: int) -> None:
    """Make the exit code final: from now on, a signal ends the process with this code at once."""
    _state.verdict = exit_code


def _is_nearly_decided() -> bool:
    return _state.verdict is not None or bool(_state.held)


def is_decided() -> bool:
    """Return whether the exit code is final."""
    return _state.verdict is not None


def end_process(exit_code: int) -> None:
    """End the process without waiting for threads, but with its final removals."""
    with suppress(Exception):
        atexit._run_exitfuncs()  # noqa: SLF001 - os._exit leaves them out
    os._exit(exit_code)


def _leave(error: Interrupted, leave: Callable[[Interrupted], None]) -> None:
    code = _state.coming if _state.verdict is None else _state.verdict

    def last_acts() -> None:
        if code is None:  # otherwise the summary is final, and written or about to be
            with suppress(Exception):
                leave(error)
        with suppress(Exception):
            atexit._run_exitfuncs()  # noqa: SLF001 - as above

    acts = threading.Thread(target=last_acts, daemon=True)
    acts.start()
    acts.join(LAST_ACTS_SECONDS)
    os._exit(error.exit_code if code is None else code)
