"""A worker: the process that delivers one shard for a parent on the same machine.

Usage: ``python -m loader.runners.worker``, by ``workers.py`` only. If its parent dies, the
worker ends like after SIGTERM: it waits for attempts in flight, and the next run of the load resumes its
shard.
"""

import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from threading import Lock, Thread
from typing import Any

import uvloop

from loader.aws.credentials import FixedCredentials
from loader.aws.signing import Credentials
from loader.checkpoint.start.lock import look_without_locking
from loader.errors import Interrupted, LoaderError, unhandled
from loader.job import Job, checkpoint_dir_of, run_dir_of
from loader.loading.api import run_to_end
from loader.loading.error_limits import ErrorCounts
from loader.loading.observers import Ending, Observers
from loader.process.signals import GRACE_SECONDS, end_process, hold, on_signals
from loader.report import log_to
from loader.runners.messages import WorkerEnd, end_values, line, read_line, snapshot_values
from loader.shards.parts import WHOLE, part_folders

log = logging.getLogger(__name__)

BETWEEN_LOOKS_SECONDS = 0.1
"""Pause between two looks at the locks of the run directory."""

FILES_IN_A_MESSAGE = 100
"""A path has up to 4,096 bytes, and a message up to `processes.LINE_BYTES`."""


class ToParent:
    """Writes messages to the parent, from any thread. The death of the parent is detected elsewhere."""

    def __init__(self) -> None:
        self._lock = Lock()
        # Other output of this process must not appear between the messages.
        self._output = os.dup(1)
        os.dup2(2, 1)

    def send(self, **values: Any) -> None:
        """Write one message."""
        data = line(values)
        with self._lock:
            try:
                while data:
                    data = data[os.write(self._output, data) :]
            except OSError:
                return


class ErrorMessages:
    """Sends the parent the counts for its limits of errors.

    Args:
        parent: Receives the messages.
        of_files: Whether it needs the counts of each file.
    """

    def __init__(self, parent: ToParent, *, of_files: bool) -> None:
        self._parent = parent
        self._of_files = of_files
        self._sent: dict[str, ErrorCounts] = {}

    def send(self, load: ErrorCounts, by_file: Callable[[], Mapping[str, ErrorCounts]]) -> None:
        """Send the counts of the load and the changed counts of files."""
        files = by_file() if self._of_files else {}
        changed = [(path, counts) for path, counts in files.items() if self._sent.get(path) != counts]
        for first in range(0, max(1, len(changed)), FILES_IN_A_MESSAGE):
            some = dict(changed[first : first + FILES_IN_A_MESSAGE])
            self._parent.send(errors={"load": load, "files": some})
        self._sent.update(changed)


def main(parent: ToParent) -> None:
    """Deliver the shard that the parent names, and exit with its exit code.

    A signal after the end of the shard ends the process only after the parent has received that end.

    Args:
        parent: Receives the messages.
    """
    with on_signals(_exit, lambda _reason: None, GRACE_SECONDS):
        end = _deliver(parent)
        hold()
        parent.send(end=end_values(end.summary, end.error))
        end_process(end.exit_code)


def _exit(reason: Interrupted) -> None:
    """End the process before its load has begun."""
    end_process(reason.exit_code)


def _deliver(parent: ToParent) -> WorkerEnd:
    given = read_line(sys.stdin.buffer.readline())
    observers = Observers(
        watch=lambda snapshot: parent.send(snapshot=snapshot_values(snapshot)),
        errors=ErrorMessages(parent, of_files=given["errors_of_files"]).send,
    )
    Thread(target=_listen, args=(observers,), daemon=True).start()
    with ExitStack() as stack:
        stack.enter_context(log_to(lambda text: parent.send(message=text), run_dir=None))
        in_run_dir = stack.enter_context(ExitStack())

        def opened(run_dir: Path, load_id: str) -> None:
            in_run_dir.close()
            in_run_dir.enter_context(log_to(None, run_dir=run_dir, ids={"load": load_id}))
            parent.send(opened=load_id)

        observers.opened = opened
        ending, error = _run(given, observers)
    return WorkerEnd(None if ending is None else ending.summary, error)


def _run(given: dict[str, Any], observers: Observers) -> tuple[Ending | None, LoaderError | None]:
    job = Job(**given["job"])
    key = None if given["key"] is None else FixedCredentials(Credentials(*given["key"]))
    try:
        _wait_for_orphans(job)
        ending = run_to_end(
            job,
            observers,
            command=given["command"],
            loop_factory=uvloop.new_event_loop,
            credentials=key,
        )
    except LoaderError as error:
        return None, error
    except Exception as fault:  # noqa: BLE001 - the parent reports it
        return None, unhandled(fault)
    return ending, ending.error


def _wait_for_orphans(job: Job) -> None:
    """Wait while other processes hold the shard: workers that lost their parent drain and then end.

    If a process holds it for longer, the opening of the checkpoint refuses this worker.
    """
    own = job.shard or WHOLE
    run_dir = run_dir_of(job)
    seconds = job.drain_seconds + GRACE_SECONDS
    until = time.monotonic() + seconds
    has_warned = False
    while time.monotonic() < until:
        # A process that has just begun holds the folder before it writes a checkpoint.
        others = [folder for part, folder in part_folders(run_dir) if part == own or part.of != own.of]
        if all(_pid_of(folder) is None for folder in {checkpoint_dir_of(job), *others}):
            return
        if not has_warned:
            log.warning(
                "Another process is still working in the run directory: waiting up to %.0f s for its end.",
                seconds,
            )
            has_warned = True
        time.sleep(BETWEEN_LOOKS_SECONDS)


def _pid_of(folder: Path) -> int | None:
    with look_without_locking(folder) as pid:
        return pid


def _listen(observers: Observers) -> None:
    """Read shares of the maximum rate; stop the load when the parent dies."""
    for message in sys.stdin.buffer:
        values = read_line(message)
        observers.ceiling = (values["rate"], values["burst"])
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main(ToParent())
