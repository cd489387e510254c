"""Limits on memory and threads that are too low to read an extract.

polars is written in Rust. If an allocation fails, it ends the process with SIGABRT; if one of its threads
cannot start, it waits forever. No error can be shown then. So the loader checks the limits before it imports
polars.
"""

import os
import resource
import threading

from loader.errors import SettingsError

FILES_BESIDE_CONNECTIONS = 100
"""Open files of a load beside its connections: extract, checkpoint, libraries. Usually far fewer are open."""

READING_COMMANDS = frozenset({"load", "plan", "init", "sample"})
"""Commands that read or write an extract."""

LEAST_ADDRESS_SPACE_BYTES = 2 * 2**30
"""A load of 300,000 rows reserved 1.5 GiB and used a fifth of it: libraries, and stacks of 21 threads."""

LEAST_DATA_BYTES = 2**29
"""The same load used 440 MiB of private memory."""

LIMITS = (
    (resource.RLIMIT_AS, "address space", "ulimit -v", LEAST_ADDRESS_SPACE_BYTES),
    (resource.RLIMIT_DATA, "private memory", "ulimit -d", LEAST_DATA_BYTES),
)


def limit_polars() -> None:
    """Set how polars uses threads and memory. It reads both variables when it is first imported.

    Two threads read faster than a load can send. All threads share one arena of the allocator: with an arena
    for each, memory that one thread freed is not used by another (records from 100 bytes to 900 KiB: 325 to
    358 MiB instead of 356 to 391, at the same speed). Freed memory goes back to the system after 0.2 s, which
    lowers resident memory by 30 to 50 MB.
    """
    os.environ.setdefault("POLARS_MAX_THREADS", "2")
    os.environ.setdefault("_RJEM_MALLOC_CONF", "narenas:1,dirty_decay_ms:200,muzzy_decay_ms:0")


def refuse_low_limits() -> None:
    """Check that this process may use the memory and threads that it needs to read an extract.

    Raises:
        SettingsError: A limit is too low.
    """
    for limit, what, command, least_bytes in LIMITS:
        soft, _ = resource.getrlimit(limit)
        if soft != resource.RLIM_INFINITY and soft < least_bytes:
            raise SettingsError(
                "The limit on the memory of this process is too low, so nothing was sent.",
                where=command,
                why=f"it permits {soft // 2**20:,} MiB of {what}; reading an extract takes up to "
                f"{least_bytes // 2**20:,} MiB",
                next_step=f"raise the limit, then run the same command again:\n{command} unlimited",
            )
    wanted = threads_wanted()
    started = threads_startable(wanted)
    if started < wanted:
        raise SettingsError(
            "The limit on the threads of this process is too low, so nothing was sent.",
            where="ulimit -u, or the process limit of the container",
            why=f"{started:,} threads can be started; reading an extract takes up to {wanted:,}",
            next_step="raise the limit, or end other processes of this user, then run the same command again",
        )


def threads_wanted() -> int:
    """Return the number of threads that a load may start: 21 on 2 cores, plus threads of polars per core."""
    return 20 + 2 * (os.cpu_count() or 1)


def threads_startable(wanted: int) -> int:
    """Return how many threads can run at the same time, at most ``wanted``. 24 threads take a millisecond.

    The limit covers all processes of the user or the container, so only a trial shows what is left.
    """
    end = threading.Event()
    threads: list[threading.Thread] = []
    try:
        for _ in range(wanted):
            thread = threading.Thread(target=end.wait, daemon=True)
            thread.start()
            threads.append(thread)
    except RuntimeError:  # "can't start new thread"
        pass
    finally:
        end.set()
        for thread in threads:
            thread.join()
    return len(threads)
