"""The peak of a process's resident memory, measured by the process itself."""

import re
from pathlib import Path


def own_peak_bytes() -> int:
    """Return the peak since this program began (``VmHWM`` of Linux), in bytes.

    ``ru_maxrss`` would also count the size of the process that started this one.
    """
    status = Path("/proc/self/status").read_text(encoding="ascii")
    found = re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024
