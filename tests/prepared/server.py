"""A process that imports the loader once and is forked for each command: ``python -m tests.prepared.server``.

Most of what a short command costs is its imports: a second of processor time. A fork has them already. It is
a process like any other: it has arguments, an environment, a folder and streams of its own, can be signalled
and killed, and is the child of the process that asked.

Standard input is the socket to that process. A request is a pickled tuple of arguments, environment and
folder with the descriptors of the three streams; the answer is the number of the process.
"""

import gc
import importlib
import io
import os
import pickle
import pkgutil
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from tests.prepared.seen_commands import VARIABLE, note_makers

MOST_BYTES = 200_000
"""Of a request: most of it is the environment."""

LAZY = ("botocore.httpsession", "botocore.session", "uvloop")
"""What the loader imports when it needs it, and most commands need."""


def main() -> None:
    """Start a process for each request, until the other side is gone."""
    import_loader()
    gc.collect()
    gc.freeze()  # what is not traversed is not copied
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
            arguments, environment, folder = pickle.loads(message)
            become(arguments, environment, folder, streams)
        os.write(writer, b"%d" % command)
        os._exit(0)
    os.waitpid(between, 0)  # from now on the command is the child of the process that asked
    number = int(os.read(reader, 32))
    os.close(reader)
    os.close(writer)
    return number


def become(
    arguments: Sequence[str], environment: Mapping[str, str], folder: str, streams: Sequence[int]
) -> NoReturn:
    """Turn this fork into the process of a command, run it to its end and leave."""
    code = 1
    try:
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
        os.closerange(3, max(streams) + 1)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        sys.stdin = sys.__stdin__ = io.TextIOWrapper(io.FileIO(0, closefd=False), "utf-8")  # type: ignore[misc]
        sys.stdout = sys.__stdout__ = _output(1)  # type: ignore[misc]
        sys.stderr = sys.__stderr__ = _output(2)  # type: ignore[misc]
        from loader import __main__ as command

        if seen := environment.get(VARIABLE):
            note_makers(Path(seen))
        sys.argv = [str(command.__file__), *arguments]
        command.run()
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:  # noqa: BLE001 - as the interpreter does at its top
        sys.excepthook(*sys.exc_info())
    with suppress(OSError, ValueError):
        sys.stdout.flush()
    os._exit(code)


def _output(number: int) -> io.TextIOWrapper:
    return io.TextIOWrapper(
        io.FileIO(number, "w", closefd=False), "utf-8", "backslashreplace", write_through=True
    )


if __name__ == "__main__":
    main()
