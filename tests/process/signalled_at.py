"""Sends this process a signal at the first call of a function: ``python -m tests.process.signalled_at ...``.

The arguments are ``MODULE:FUNCTION``, with the function as Python qualifies it, and those of ``scn-loader``.
"""

import os
import signal
import sys
from types import FrameType
from typing import Any


def signal_at(place: str) -> None:
    """Send this process SIGTERM at the first call of a function in this thread.

    Args:
        place: ``MODULE:FUNCTION``; or several with commas, of which each counts after the one before.
    """
    left = place.split(",")

    def look(frame: FrameType, event: str, _argument: Any) -> None:
        if event != "call" or left[0] != f"{frame.f_globals.get('__name__')}:{frame.f_code.co_qualname}":
            return
        del left[0]
        if left:
            return
        sys.setprofile(None)
        sys.stderr.write("SIGNALLED\n")
        os.kill(os.getpid(), signal.SIGTERM)

    sys.setprofile(look)


if __name__ == "__main__":
    from loader.__main__ import run

    signal_at(sys.argv.pop(1))
    run()
