"""Run a function as a user without an entry in passwd and without HOME, as containers do."""

import os
from collections.abc import Callable

import pytest

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")

UID = 12345


def as_somebody_else(function: Callable[[], str]) -> str:
    """Return what a function returns, or the fault it raises, in a forked process of another user."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setuid(UID)
            os.environ.pop("HOME", None)
            os.environ.pop("XDG_STATE_HOME", None)
            said = function()
        except BaseException as fault:  # noqa: BLE001 - told to the test
            said = repr(fault)
        os.write(writer, said.encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as answer:
        said = answer.read()
    os.waitpid(pid, 0)
    return said
