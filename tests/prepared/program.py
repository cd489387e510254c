"""The program ``scn-loader`` for shells and scripts: it has this process start the command, prepared.

The program is a small script, without imports that take time. It hands its arguments, environment, folder and
streams over, waits for the command and ends with its exit code. A signal that ends the script does not reach
the command.
"""

import json
import os
import shlex
import socket
import sys
import tempfile
import threading
from functools import cache
from pathlib import Path

from tests.prepared.starts import COMMAND, PLAIN_STARTS, start

MOST_BYTES = 200_000

SCRIPT = """\
import json, os, socket, sys
with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as asked:
    asked.connect({address!r})
    request = json.dumps([sys.argv[1:], dict(os.environ), os.getcwd()]).encode()
    socket.send_fds(asked, [request], [0, 1, 2])
    for stream in range(3):
        os.close(stream)
    code = int(asked.recv(32))
os._exit(code if code >= 0 else 128 - code)
"""


def write_program(path: Path) -> None:
    """Write the program to a path, in a new folder or one that is there."""
    path.parent.mkdir(exist_ok=True)
    if PLAIN_STARTS:
        path.write_text(f'#!/bin/sh\nexec {shlex.join(COMMAND)} "$@"\n')
    else:
        script = path.with_name(".scn-loader.py")
        script.write_text(SCRIPT.format(address=str(_address())))
        path.write_text(
            f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -S -E {shlex.quote(str(script))} "$@"\n'
        )
    path.chmod(0o755)


@cache
def _address() -> Path:
    """Return where requests are taken, from now on to the end of this process."""
    address = Path(tempfile.mkdtemp(prefix="scn-")) / "requests"
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(str(address))
    listener.listen()
    threading.Thread(target=_serve, args=(listener,), daemon=True).start()
    return address


def _serve(listener: socket.socket) -> None:
    while True:
        asked, _ = listener.accept()
        threading.Thread(target=_answer, args=(asked,), daemon=True).start()


def _answer(asked: socket.socket) -> None:
    with asked:
        message, streams, _, _ = socket.recv_fds(asked, MOST_BYTES, 3)
        arguments, environment, folder = json.loads(message)
        stdin, stdout, stderr = streams
        process = start(arguments, stdin=stdin, stdout=stdout, stderr=stderr, cwd=folder, env=environment)
        for stream in streams:
            os.close(stream)
        asked.send(b"%d" % process.wait())
