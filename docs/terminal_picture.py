"""Draw the live lines of a real load as a picture: python docs/terminal_picture.py PICTURE.svg COMMAND...

The command runs on a pseudo terminal of 100 columns. The picture shows the command and the lines as they were
after most of the load.
"""

import fcntl
import os
import pty
import re
import shlex
import struct
import sys
import termios
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.text import Text

COLUMNS = 100
SHOWN_AT = 0.8
"""Share of the drawings after which the lines are taken."""

ERASED = re.compile(r"\r?\x1b\[2K(?:\x1b\[1A\x1b\[2K)+")
"""What rich writes between two drawings."""

FONTS = re.compile(r"@font-face \{.*?\}", re.DOTALL)


def written_by(command: list[str]) -> str:
    """Run a command on a terminal and return what it writes."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ["TERM"] = "xterm-256color"
        os.execvp(command[0], command)  # noqa: S606 - the command line of this script
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 30, COLUMNS, 0, 0))
    sent = b""
    try:
        while part := os.read(terminal, 65536):
            sent += part
    except OSError:  # the command closed the terminal
        pass
    os.waitpid(pid, 0)
    return sent.decode().replace("\r\n", "\n")


def main(picture: Path, command: list[str]) -> None:
    """Write the picture."""
    drawings = ERASED.split(written_by(command))
    lines = drawings[int(len(drawings) * SHOWN_AT)].rstrip()
    console = Console(file=StringIO(), record=True, width=COLUMNS, force_terminal=True)
    console.print(Text(f"$ {shlex.join([Path(command[0]).name, *command[1:]])}"))
    console.print(Text.from_ansi(lines))
    # The picture must not load a font from the network.
    picture.write_text(FONTS.sub("", console.export_svg(title="scn-loader")), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
