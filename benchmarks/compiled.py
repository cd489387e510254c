"""The loader with its hot modules compiled to C, as ``make compiled`` builds it."""

import subprocess
import sys
from pathlib import Path

from benchmarks.folder import ROOT

BUILD_SECONDS = 1800.0


def compiled_loader() -> Path:
    """Build it, and return the folder that holds it.

    Raises:
        subprocess.CalledProcessError: It cannot be built, for example because there is no C compiler.
    """
    folder = ROOT / ".compiled"
    command = [str(ROOT / ".ci" / "compiled"), str(folder), sys.executable]
    subprocess.run(command, check=True, timeout=BUILD_SECONDS)
    return folder
