"""Commands as processes of their own, without the second that each would spend on imports.

``SCN_TESTS_PLAIN_STARTS=1`` starts an interpreter for each of them, as users do; ``make soak`` sets it.
"""

import atexit
import ctypes
import os
import pickle
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from tests.prepared.request import MODULES, Request

ROOT = Path(__file__).parents[2]

COMMAND = (sys.executable, "-m", "loader")
"""What starts the command in an interpreter of its own."""

PLAIN_STARTS = os.environ.get("SCN_TESTS_PLAIN_STARTS") == "1" or sys.platform != "linux"

PR_SET_CHILD_SUBREAPER = 36

Plain = subprocess.Popen

_one_at_a_time = threading.Lock()

_own_server: socket.socket | None = None


def use_server(server: socket.socket) -> None:
    """Ask this prepared process instead of one that is started when it is needed."""
    global _own_server  # noqa: PLW0603 - of the process
    _own_server = server


def start(arguments: Sequence[object], **options: Any) -> "subprocess.Popen[Any]":
    """Start ``scn-loader ARGUMENTS``; the options are those of Popen."""
    return start_by(COMMAND, list(map(str, arguments)), **options)


def start_by(launcher: Sequence[str], arguments: Sequence[str], **options: Any) -> "subprocess.Popen[Any]":
    """Start ``LAUNCHER ARGUMENTS``; prepared if the launcher is ``python -m`` and one of ``MODULES``."""
    *interpreter, module = launcher
    if PLAIN_STARTS or tuple(interpreter) != COMMAND[:-1] or module not in MODULES:
        return subprocess.Popen([*launcher, *arguments], **options)
    return PreparedPopen(arguments, module=module, **options)


def run(
    arguments: Sequence[object],
    *,
    content: str | bytes | None = None,
    timeout_seconds: float = 100,
    **options: Any,
) -> "subprocess.CompletedProcess[Any]":
    """Run ``scn-loader ARGUMENTS`` to its end and capture what it writes.

    Raises:
        subprocess.TimeoutExpired: It did not end; it is killed.
    """
    source = subprocess.DEVNULL if content is None else subprocess.PIPE
    streams = {"stdin": source, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with start(arguments, **(streams | options)) as process:
        try:
            out, err = process.communicate(content, timeout_seconds)
        except BaseException:
            process.kill()
            raise
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


class PreparedPopen(subprocess.Popen[Any]):
    """A process that is forked from one which has imported the loader, and is otherwise as Popen makes it.

    Args:
        arguments: The command line after the module.
        module: One of ``MODULES``.
        options: Those of Popen.
    """

    def __init__(self, arguments: Sequence[str], *, module: str = COMMAND[-1], **options: Any) -> None:
        self._module = module
        super().__init__(arguments, **options)

    def _execute_child(self, args: Sequence[str], *given: Any) -> None:
        """Start the process; Popen has opened its streams and hands over all it was asked for."""
        folder, environment = given[4:6]
        p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite = given[9:15]
        request = Request(
            self._module,
            list(args),
            dict(os.environ if environment is None else environment),
            str(folder or Path.cwd()),
            new_session=given[20],
        )
        streams = [
            own if stream == -1 else stream for own, stream in enumerate((p2cread, c2pwrite, errwrite))
        ]
        self.pid = _started(pickle.dumps(request), streams)
        self._child_created = True
        self._close_pipe_fds(  # type: ignore[attr-defined] # private
            p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite
        )


class MaybePreparedPopen(PreparedPopen):
    """A process that is prepared if its command is ``python -m`` and one of ``MODULES``.

    Args:
        command: The whole command line.
        options: Those of Popen.
    """

    def __init__(self, command: Sequence[str], **options: Any) -> None:
        self._is_prepared = tuple(command[:2]) == COMMAND[:2] and command[2] in MODULES
        if self._is_prepared:
            super().__init__(command[3:], module=command[2], **options)
        else:
            Plain.__init__(self, command, **options)

    def _execute_child(self, args: Sequence[str], *given: Any) -> None:
        if self._is_prepared:
            super()._execute_child(args, *given)
        else:
            Plain._execute_child(self, args, *given)  # type: ignore[attr-defined] # private


def _started(request: bytes, streams: list[int]) -> int:
    with _one_at_a_time:
        server = _own_server or _server()
        _adopt_orphans(wanted=True)
        try:
            socket.send_fds(server, [request], streams)
            answer = server.recv(32)
        finally:
            _adopt_orphans(wanted=False)
    assert answer, "the prepared process has ended"
    return int(answer)


def _adopt_orphans(*, wanted: bool) -> None:
    """Let orphans among the descendants of this process become its children, or those of init again."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, int(wanted), 0, 0, 0)


@cache
def _server() -> socket.socket:
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    # A clean environment: what is read during the imports is the same for all tests.
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": "/nonexistent"}
    with its:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.prepared.server"], stdin=its.fileno(), env=environment
        )

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours
