"""Keeps a running load in S3: renews the lease on its part and copies its checkpoint.

Two threads, so that a slow copy never delays a renewal. Neither holds up the event loop.

Rules kept here:

1. Nothing is sent before the first copy is in S3. This copy replaces that of the last holder, which can then
   no longer write.
2. An event is sent only if its window is below the horizon that a durable renewal of the lease names.
3. If a write is refused because of another writer, or the lease could not be renewed for so long that another
   runner may soon take it, the load stops at once. It can be resumed.
4. If S3 fails in another way, the load continues and logs the failure. After ``copy_limit_seconds`` without a
   copy it stops too, because the tokens of the events sent since then must not expire.
5. Copies take at most ``copy_share`` of a processor: the longer one takes, the longer the pause after it.
"""

import asyncio
import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from loader.command_line import scn_loader
from loader.errors import CheckpointError, DeliveryStopped, LoaderError
from loader.remote.answers import ConditionFailed, Unreachable
from loader.remote.copier import Copier
from loader.remote.horizon import Horizon
from loader.remote.lease import Lease
from loader.remote.pace import USUAL_PACE, KeepingPace
from loader.remote.reach import Reach
from loader.service.steady_clock import elapsed_seconds

log = logging.getLogger(__name__)


class LeaseLost(DeliveryStopped):
    """Another runner has taken the run directory in S3, or may do so soon."""


class Keeper:
    """Keeps one part of a run directory in S3 for as long as this process works on it.

    Args:
        address: The address of the run directory, for errors.
        lease: The lease on the part. This process holds it.
        copier: Copies the part.
        pace: Intervals and limits.
    """

    def __init__(self, address: str, lease: Lease, copier: Copier, pace: KeepingPace = USUAL_PACE) -> None:
        self._address = address
        self._lease = lease
        self._copier = copier
        self._pace = pace
        self._clock: Callable[[], float] = time.time
        self._stop: Callable[[LoaderError], None] = lambda _error: None
        self._changed = threading.Condition()
        self._horizon = Horizon(lease.horizon, 2 * pace.stop_seconds, self._changed)
        self._renewed_at = elapsed_seconds()
        self._renewing = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._failing: set[str] = set()
        self._is_ending = False
        self._error: LoaderError | None = None

    def begin(self, clock: Callable[[], float], stop: Callable[[LoaderError], None]) -> None:
        """Write the first copy and start the threads that keep the part in S3 up to date. Blocking.

        Args:
            clock: Epoch seconds of the service, as in the checkpoint.
            stop: Called, in a thread, with the error that ends the load.

        Raises:
            LeaseLost: Another runner has the run directory.
            CheckpointError: S3 refuses, or cannot be reached.
        """
        self._clock, self._stop = clock, stop
        try:
            reach = Reach(lambda: self._is_ending)
            reach(self._copier.bring_files_up)
            reach(lambda: self._copier.copy(clock, thorough=True))
            reach(self._renew)
        except Unreachable as error:
            raise unreachable(self._address, error) from error
        except ConditionFailed as error:
            raise self._lost() from error
        except (OSError, sqlite3.Error) as error:
            raise CheckpointError(
                "The checkpoint cannot be copied to S3.",
                where=self._address,
                why=str(error),
                next_step="free space on the disk of this machine, then run the same command again",
            ) from error
        if not self._threads:
            for work in (self._keep_lease, self._keep_copying):
                self._threads.append(threading.Thread(target=work, name=f"s3{work.__name__}", daemon=True))
                self._threads[-1].start()

    async def permit(self, window: int) -> None:
        """Wait until events of a window may be sent.

        Raises:
            LeaseLost: No more events may be sent.
        """
        if self._error is not None:
            raise self._error
        future = self._horizon.ask(window)
        if future is not None:
            if self._error is not None:  # set by another thread since the check above
                raise self._error
            await asyncio.wrap_future(future)

    def finish(self) -> LoaderError | None:
        """Write the last copy and release the lease. Blocking.

        Returns:
            The reason why the last state of the load is not in S3, or None.
        """
        with self._changed:
            self._is_ending = True
            self._changed.notify_all()
        deadline = elapsed_seconds() + self._pace.end_seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - elapsed_seconds()))
        if self._error is not None:
            return self._error
        if any(thread.is_alive() for thread in self._threads):
            return self._not_copied("a request to S3 takes too long")
        while True:
            try:
                self._copier.bring_files_up()
                self._copier.copy(self._clock, thorough=True)
                self._lease.release()
            except Unreachable as error:
                if elapsed_seconds() >= deadline:
                    return self._not_copied(error.why)
                time.sleep(self._pace.retry_seconds / 4)
            except ConditionFailed:
                return self._lost()
            except (CheckpointError, OSError, sqlite3.Error) as error:
                return self._not_copied(error.what if isinstance(error, CheckpointError) else str(error))
            else:
                return None

    # The threads.

    def _keep_lease(self) -> None:
        pause = self._pace.renew_seconds
        while self._waits(pause, lambda: self._horizon.is_due):
            if elapsed_seconds() - self._renewed_at >= self._pace.stop_seconds:
                self._end_with(self._out_of_reach())
                return
            failed = self._tried(self._renew, "The lease on the run directory in S3 could not be renewed")
            pause = self._pace.retry_seconds if failed else self._pace.renew_seconds
            if failed:
                time.sleep(min(pause, 1.0))  # a horizon that is due ends the next wait at once

    def _keep_copying(self) -> None:
        pause = self._pace.copy_seconds
        while self._waits(pause, lambda: False):
            began = time.thread_time()
            failed = self._tried(
                lambda: self._copier.copy(self._clock), "The checkpoint could not be copied to S3"
            )
            if failed and self._copier.age_seconds >= self._pace.copy_limit_seconds:
                self._end_with(self._out_of_reach())
                return
            share = (time.thread_time() - began) / self._pace.copy_share
            pause = self._pace.retry_seconds if failed else max(self._pace.copy_seconds, share)

    def _waits(self, seconds: float, is_due: Callable[[], bool]) -> bool:
        """Wait for this time or until work is due; return whether the load continues."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_ending or self._error is not None or is_due(), seconds)
            return not self._is_ending and self._error is None

    def _tried(self, work: Callable[[], None], what: str) -> bool:
        """Run ``work``, log its failure, and return whether it failed."""
        try:
            work()
        except ConditionFailed:
            self._end_with(self._lost())
            return True
        except Unreachable as error:
            why = error.why
        except LoaderError as error:
            why = f"{error.what} {error.why}".strip()
        except (OSError, sqlite3.Error) as error:
            why = str(error)
        else:
            if what in self._failing:
                self._failing.discard(what)
                log.info("S3 responds again.")
            return False
        if what not in self._failing:
            self._failing.add(what)
            log.warning(
                "%s; the loader tries again. The load continues. If this machine is lost, the events sent "
                "since the last copy are sent again, with the same tokens. Cause: %s",
                what,
                why,
            )
        return True

    def _renew(self) -> None:
        with self._renewing:
            began = elapsed_seconds()
            self._lease.renew(self._horizon.next(began - self._renewed_at))
            self._renewed_at = began
        self._horizon.published(self._lease.horizon)

    # Its errors.

    def _end_with(self, error: LoaderError) -> None:
        with self._changed:
            if self._error is not None:
                return
            self._error = error
            self._changed.notify_all()
        self._horizon.refuse(error)
        with suppress(RuntimeError):  # the loop has closed: the load has ended
            self._stop(error)

    def _lost(self) -> LeaseLost:
        return LeaseLost(
            "Another runner has taken over the run directory in S3, so this one stopped.",
            where=self._address,
            why="another writer replaced an object that this runner had to replace",
            next_step="let the other runner continue; to see its progress:\n"
            f"{scn_loader('status', self._address)}",
        )

    def _out_of_reach(self) -> LeaseLost:
        renewed, copied = elapsed_seconds() - self._renewed_at, self._copier.age_seconds
        return LeaseLost(
            "The run directory in S3 could not be kept up to date, so the load stopped.",
            where=self._address,
            why=f"the lease was renewed {renewed:.0f} s ago, the checkpoint copied {copied:.0f} s ago, and "
            "another runner may take over",
            next_step="run the same command again when S3 can be reached: it resumes",
        )

    def _not_copied(self, why: str) -> DeliveryStopped:
        return DeliveryStopped(
            "The end of the load is recorded on this machine, but not in S3.",
            where=self._address,
            why=why,
            next_step="run the same command again; on another machine it repeats the events since the last "
            "copy, with the same tokens",
        )


def unreachable(address: str, error: Unreachable) -> CheckpointError:
    """Return the error for a run directory in S3 that cannot be reached when it is needed."""
    return CheckpointError(
        "The run directory in S3 cannot be reached.",
        where=address,
        why=error.why,
        next_step="run the same command again when S3 can be reached",
    )
