"""What every peer shares: the rows it sends, its arguments, and the line of JSON it ends with.

Needs nothing but the standard library: peers run in environments of their own.
"""

import argparse
import json
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from itertools import count
from pathlib import Path

EVENT_TYPE = "scn.data.outboundorderline"
"""The same as in `benchmarks.folder`."""

INSTANCE = "8928ae12-15e5-4441-825d-ec2184f0a43a"
REGION = "us-east-1"


@dataclass(frozen=True, slots=True)
class Row:
    """A row as it is sent: its group and its record as JSON text."""

    group: str
    data: str


class Rows:
    """Rows, from the first to the last and again, until the time is over. Safe for threads.

    Args:
        path: File of `benchmarks.extracts`, format jsonl.
        seconds: For how long rows are handed out, from the first call of ``next``.
    """

    def __init__(self, path: Path, seconds: float) -> None:
        lines = (line.split("\t", 1) for line in path.read_text(encoding="utf-8").splitlines())
        self._rows = [Row(group, data) for group, data in lines]
        self._seconds = seconds
        self._positions = count()
        self._ends_at: float | None = None

    def next(self) -> Row | None:
        """Return the next row, or None once the time is over."""
        now = time.monotonic()
        if self._ends_at is None:
            self._ends_at = now + self._seconds
        return self._rows[next(self._positions) % len(self._rows)] if now < self._ends_at else None


@dataclass(slots=True)
class Sent:
    """The result of a peer.

    Attributes:
        accepted: Rows with a receipt.
        seconds: Duration of sending.
        failed: Rows given up, by error code.
    """

    accepted: int = 0
    seconds: float = 0.0
    failed: Counter[str] = field(default_factory=Counter)


def arguments(description: str, **extra: Mapping[str, object]) -> argparse.Namespace:
    """Return the arguments of a peer.

    Args:
        description: What it is.
        extra: Arguments of its own, by name, as ``argparse`` takes them.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--url", required=True, help="where the service listens")
    parser.add_argument("--rows", required=True, type=Path, help="rows to send: group, tab, record")
    parser.add_argument("--seconds", required=True, type=float, help="how long to send")
    for name, options in extra.items():
        parser.add_argument(f"--{name}", **options)  # type: ignore[arg-type] # argparse's own overloads
    return parser.parse_args()


def tell(sent: Sent, *libraries: str) -> None:
    """Print the result of a peer and the versions of its libraries as one line of JSON."""
    print(
        json.dumps(
            {
                "accepted": sent.accepted,
                "seconds": sent.seconds,
                "failed": dict(sent.failed),
                "versions": {library: version(library) for library in libraries},
            }
        )
    )
