"""A process that imports the loader once and is forked for each command: ``python -m tests.prepared.server``.

Most of what a short command costs is its imports: a second of processor time. A fork has them already. It is
a process like any other: it has arguments, an environment, a folder and streams of its own, can be signalled
and killed, and is the child of the process that asked.

Standard input is the socket to that process. A request is a pickled ``Request`` with the descriptors of the
three streams; the answer is the number of the process.
"""

import ctypes
import gc
import importlib
import io
import os
import pickle
import pkgutil
import runpy
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from tests.faults import launcher
from tests.prepared import starts
from tests.prepared.request import WORKER_NAME, Request

MOST_BYTES = 200_000
"""Of a request: most of it is the environment."""

STARTING = {"--emulate", "--workers", "verify"}
"""Words of command lines that may start processes of the loader: an emulator, or workers."""

PR_SET_NAME = 15

LAZY = ("botocore.httpsession", "botocore.session", "uvloop")
"""What the loader imports when it needs it, and most commands need."""


def main() -> None:
    """Import the loader, and answer requests."""
    launcher.replace_clocks()  # before a module of the loader keeps one
    import_loader()
    gc.collect()
    gc.freeze()  # what is not traversed is not copied
    answer_requests()


def answer_requests() -> None:
    """Start a process for each request that comes from standard input, until the other side is gone."""
    with socket.socket(fileno=os.dup(0)) as requests:
        while True:
            message, streams, _, _ = socket.recv_fds(requests, MOST_BYTES, 3)
            if not message:
                return
            requests.send(b"%d" % started(message, streams))
            for stream in streams:
                os.close(stream)


def import_loader() -> None:
    """Import every module of the loader, after the command's own settings of polars."""
    import loader
    from loader.process.limits import limit_polars

    limit_polars()
    names = [module.name for module in pkgutil.walk_packages(loader.__path__, "loader.")]
    for name in (*names, *LAZY):
        with suppress(ModuleNotFoundError):  # of an extra that is not installed
            importlib.import_module(name)


def started(message: bytes, streams: Sequence[int]) -> int:
    """Start the process of a command.

    Its parent, a process between, ends at once, so that the process becomes the child of the nearest ancestor
    that asked for such orphans.

    Returns:
        Its number.
    """
    reader, writer = os.pipe()
    between = os.fork()
    if between == 0:
        command = os.fork()
        if command == 0:
            os.close(reader)
            os.close(writer)
            become(pickle.loads(message), streams)
        os.write(writer, b"%d" % command)
        os._exit(0)
    os.waitpid(between, 0)  # from now on the command is the child of the process that asked
    number = int(os.read(reader, 32))
    os.close(reader)
    os.close(writer)
    return number


def become(request: Request, streams: Sequence[int]) -> NoReturn:
    """Turn this fork into the requested process, run it to its end and leave."""
    code = 1
    try:
        if request.new_session:
            os.setsid()
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
        os.closerange(3, max(streams) + 1)
        if request.module == "loader" and not STARTING.isdisjoint(request.arguments):
            _prepare_more()
        os.chdir(request.folder)
        os.environ.clear()
        os.environ.update(request.environment)
        source = io.BufferedReader(io.FileIO(0, closefd=False))
        sys.stdin = sys.__stdin__ = io.TextIOWrapper(source, "utf-8")  # type: ignore[misc]
        sys.stdout = sys.__stdout__ = _output(1)  # type: ignore[misc]
        sys.stderr = sys.__stderr__ = _output(2)  # type: ignore[misc]
        _run(request)
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:  # noqa: BLE001 - as the interpreter does at its top
        sys.excepthook(*sys.exc_info())
    with suppress(OSError, ValueError):
        sys.stdout.flush()
    os._exit(code)


def _prepare_more() -> None:
    """Let processes that this one starts be forks too: of a fork of it, made before any thread."""
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    if os.fork() == 0:
        os.setsid()  # signals for the command do not reach it
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for number, descriptor in enumerate((its.fileno(), nowhere, nowhere)):
            os.dup2(descriptor, number)
        os.closerange(3, max(ours.fileno(), its.fileno(), nowhere) + 1)
        answer_requests()
        os._exit(0)
    its.close()
    starts.use_server(ours)
    subprocess.Popen = starts.MaybePreparedPopen  # type: ignore[assignment, misc]


def _output(number: int) -> io.TextIOWrapper:
    return io.TextIOWrapper(
        io.FileIO(number, "w", closefd=False), "utf-8", "backslashreplace", write_through=True
    )


def _run(request: Request) -> None:
    """Run what is asked for, as ``python -m MODULE ARGUMENTS`` does."""
    if request.module == "loader.runners.worker":
        from loader.runners import worker

        ctypes.CDLL(None).prctl(PR_SET_NAME, WORKER_NAME.encode(), 0, 0, 0)
        worker.main(worker.ToParent())
        return
    if request.module == "tests.hostile.worker":
        sys.argv[1:] = request.arguments
        runpy.run_module(request.module, run_name="__main__", alter_sys=True)
        return
    from loader import __main__ as command
    from tests.prepared.seen_commands import VARIABLE, note_makers

    sys.argv = [str(command.__file__), *request.arguments]
    if seen := os.environ.get(VARIABLE):
        note_makers(Path(seen))
    if request.module == "tests.faults.launcher":
        launcher.run()
    else:
        command.run()


if __name__ == "__main__":
    main()
