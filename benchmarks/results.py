"""What was measured, as values, and as the JSON that is kept of a run."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, Literal

from benchmarks.environment import Environment
from benchmarks.folder import bench_folder

Kind = Literal["row", "packed", "peer", "ceiling"]


@dataclass(frozen=True, slots=True)
class Measurement:
    """The measured speed of a client.

    Attributes:
        name: What it was.
        kind: The loader in row mode or packed, a peer, or a ceiling.
        rows_per_second: One number for each round.
        requests_per_second: The same in requests: of packed events there are fewer.
        server_share: Largest share of its core that the server used, 0..1.
        peak_bytes: Peak memory of the client, or 0 if it was not measured.
        versions: Versions of what a peer is made of.
        remark: What a reader has to know about it.
    """

    name: str
    kind: Kind
    rows_per_second: Sequence[float]
    requests_per_second: Sequence[float]
    server_share: float
    peak_bytes: int = 0
    versions: Mapping[str, str] = field(default_factory=dict)
    remark: str = ""

    @property
    def rows(self) -> float:
        """Rows per second, the median of the rounds."""
        return median(self.rows_per_second)

    @property
    def requests(self) -> float:
        """Requests per second, the median of the rounds."""
        return median(self.requests_per_second)


@dataclass(frozen=True, slots=True)
class Figure:
    """One number with what it was aimed at.

    Attributes:
        name: What it is.
        value: The number with its unit, as text.
        target: What it should be, as text; empty if nothing was set.
        met: Whether it is; None if nothing was set.
    """

    name: str
    value: str
    target: str = ""
    met: bool | None = None


def write_json(kind: str, environment: Environment, *, quick: bool, **content: Any) -> Path:
    """Write down a run under the time it ended.

    Args:
        kind: ``throughput``, ``quota`` or ``stages``.
        environment: Where it took place.
        quick: Whether it was only a trial of the benchmark itself.
        content: What was measured: values, or dataclasses of them.

    Returns:
        The file.
    """
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    path = bench_folder() / f"results-{kind}-{stamp}.json"
    document = {"kind": kind, "quick": quick, "environment": asdict(environment), **content}
    path.write_text(json.dumps(document, indent=2, default=_as_json) + "\n")
    return path


def _as_json(value: Any) -> Any:
    return asdict(value)
