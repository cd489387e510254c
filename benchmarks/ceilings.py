"""What the server can give at most: wrk, a client written in C, sends it one request over and over."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.folder import INSTANCE
from benchmarks.processes import pinned
from benchmarks.servers import require

SCRIPT = """\
wrk.method = "POST"
wrk.path = "/api-data/data-integration/instance/{instance}/data-integration-events"
wrk.headers["Content-Type"] = "application/json"
wrk.body = string.rep("x", {body_bytes})
"""

WRK_MARGIN_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Ceiling:
    """Requests of a size to send from a number of connections."""

    body_bytes: int
    connections: int


def wrk_requests_per_second(url: str, ceiling: Ceiling, seconds: float, core: int | None) -> float:
    """Return the requests per second that wrk gets answered.

    Args:
        url: Where the server listens.
        ceiling: What to send.
        seconds: For how long; wrk counts whole seconds.
        core: The core wrk runs on, or None for any.

    Raises:
        MissingProgramError: wrk is not installed.
        RuntimeError: wrk printed no number.
    """
    require("wrk")
    seconds = max(1, round(seconds))
    with TemporaryDirectory(prefix="scn-bench-") as folder:
        script = Path(folder) / "post.lua"
        script.write_text(SCRIPT.format(instance=INSTANCE, body_bytes=ceiling.body_bytes))
        command = ["wrk", "-t1", f"-c{ceiling.connections}", f"-d{seconds}s", "-s", str(script), url]
        said = subprocess.run(
            pinned(command, core),
            capture_output=True,
            text=True,
            check=True,
            timeout=seconds + WRK_MARGIN_SECONDS,
        )
    return read_requests_per_second(said.stdout)


def read_requests_per_second(text: str) -> float:
    """Return the rate in what wrk prints.

    Raises:
        RuntimeError: There is none, or some requests were not answered with a 200.
    """
    found = re.search(r"Requests/sec:\s+([\d.]+)", text)
    if found is None or "Non-2xx" in text:
        raise RuntimeError(f"wrk told no rate that can be used:\n{text}")
    return float(found[1])
