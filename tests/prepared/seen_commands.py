"""Note which functions of the loader make the commands that a process prints.

A process of the loader that is forked from the prepared one does so if a variable names a file.
"""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from loader import command_line
from loader.command_line import CommandLine, scn_loader

VARIABLE = "SCN_TESTS_SEEN_COMMANDS"
PACKAGE = Path(command_line.__file__).parent

MAKERS = {scn_loader.__code__, CommandLine.pasteable.__code__}
"""Through one of these goes each command that is printed."""


def note_makers(file: Path) -> None:
    """Add a line for each command that is made from now on: module and function that made it."""
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def look(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code in MAKERS:
            place = _place(frame.f_back)
            if place:
                os.write(descriptor, f"{place}\n".encode())

    sys.settrace(look)
    threading.settrace(look)


@contextmanager
def noted(file: Path) -> Iterator[None]:
    """Do the same in this process, and in threads that begin meanwhile, until the block ends."""
    before, in_threads = sys.gettrace(), threading.gettrace()
    note_makers(file)
    try:
        yield
    finally:
        sys.settrace(before)
        threading.settrace(in_threads)


def _place(caller: FrameType | None) -> str:
    while caller is not None and caller.f_code.co_name.startswith("<"):
        caller = caller.f_back  # a comprehension lies in the function
    if caller is None or caller.f_code in MAKERS:
        return ""
    path = Path(caller.f_code.co_filename)
    return f"{path.relative_to(PACKAGE)}:{caller.f_code.co_name}" if path.is_relative_to(PACKAGE) else ""
