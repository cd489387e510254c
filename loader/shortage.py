"""Distinguish a resource that the machine refuses from a bug of the loader.

A limit on memory, threads, open files or file sizes appears in many forms: as an OSError, as an error of an
import, as a panic of polars. The message of the exception decides only which limit it was. It is never shown,
because a library may quote values in it.
"""

import errno
import os
import re

REFUSALS = frozenset(
    {
        *(errno.ENOMEM, errno.EAGAIN, errno.EMFILE, errno.ENFILE),
        *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO),
        *(errno.EACCES, errno.EPERM, errno.ENAMETOOLONG, errno.ELOOP, errno.ENOTDIR),
    }
)
"""Error numbers with which the operating system refuses a valid request."""

_MOST_CAUSES = 8
"""Maximum number of causes of an exception that are examined."""

_NUMBER = re.compile(r"os error (\d+)|Os \{ code: (\d+)")
"""The two forms in which Rust quotes the system's error number."""

NO_THREAD = re.compile(r"can't start new thread|failed to spawn", re.IGNORECASE)
NO_MEMORY = re.compile(
    r"cannot allocate memory|failed to map segment|memory allocation|out of memory", re.IGNORECASE
)


def refused_by_system(fault: BaseException) -> tuple[str, str] | None:
    """Return why the operating system refused a request, and the file; None for any other exception.

    Args:
        fault: An exception; its causes are examined too.
    """
    looked_at: BaseException | None = fault
    for _ in range(_MOST_CAUSES):
        if looked_at is None:
            break
        if found := _refusal(looked_at):
            return found
        looked_at = looked_at.__cause__
    return None


def _refusal(fault: BaseException) -> tuple[str, str] | None:
    if isinstance(fault, MemoryError):
        return os.strerror(errno.ENOMEM), ""
    if isinstance(fault, OSError) and fault.errno in REFUSALS:
        return os.strerror(fault.errno), os.fsdecode(fault.filename) if _is_path(fault.filename) else ""
    words = str(fault)
    if NO_THREAD.search(words):
        return "no further thread can be started", ""
    if NO_MEMORY.search(words):
        return os.strerror(errno.ENOMEM), ""
    number = _NUMBER.search(words)
    code = int(number[1] or number[2]) if number else 0
    if code in REFUSALS:
        return os.strerror(code), ""
    return None


def _is_path(name: object) -> bool:
    return isinstance(name, str | bytes | os.PathLike)
