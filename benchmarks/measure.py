"""Measure one thing at a time on a running server: a load, a peer, a ceiling."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.ceilings import Ceiling, wrk_requests_per_second
from benchmarks.folder import ROOT
from benchmarks.loads import LoadEnded, finish_load, load_command, start_load
from benchmarks.peer_runs import Peer, run_peer
from benchmarks.processes import Cores
from benchmarks.results import Kind, Measurement
from benchmarks.servers import Server


@dataclass(slots=True)
class Rounds:
    """The rounds of one measurement, while they are taken."""

    name: str
    kind: Kind
    remark: str = ""
    rows: list[float] = field(default_factory=list)
    requests: list[float] = field(default_factory=list)
    server_share: float = 0.0
    peak_bytes: int = 0
    versions: dict[str, str] = field(default_factory=dict)

    def add(self, rows: float, requests: float, server_share: float) -> None:
        """Add a round: rows and requests per second, and the share of its core that the server used."""
        self.rows.append(rows)
        self.requests.append(requests)
        self.server_share = max(self.server_share, server_share)

    def measurement(self) -> Measurement:
        """Return all rounds together."""
        return Measurement(
            name=self.name,
            kind=self.kind,
            rows_per_second=self.rows,
            requests_per_second=self.requests,
            server_share=self.server_share,
            peak_bytes=self.peak_bytes,
            versions=self.versions,
            remark=self.remark,
        )


class Workbench:
    """Client and server on their cores, and a folder for what loads write.

    Args:
        server: An nginx that takes everything.
        cores: Where client and server run.
        folder: For run directories.
    """

    def __init__(self, server: Server, cores: Cores, folder: Path) -> None:
        self.server = server
        self.cores = cores
        self.folder = folder
        self._runs = 0

    def run_dir(self) -> Path:
        """Return a new run directory."""
        self._runs += 1
        return self.folder / f"run-{self._runs}"

    def load(
        self, extract: Path, *options: str, run_dir: Path | None = None, source: Path = ROOT
    ) -> LoadEnded:
        """Run the whole command and compare its counts with the server's.

        Args:
            extract: What to load.
            options: Options of the command.
            run_dir: The run directory, if it is needed afterwards; otherwise a temporary folder is used.
            source: The folder that holds the loader.

        Raises:
            RuntimeError: It did not deliver everything, or the server had other requests than it says.
        """
        folder = run_dir or self.run_dir()
        before = self.server.requests()
        command = load_command(extract, self.server.url, folder, *options)
        trusted = self.server.certificate
        with start_load(command, folder, self.cores.client, source, trusted) as child:
            ended = finish_load(child, folder)
        self._compare(before, ended.summary["attempts"], "the load")
        if run_dir is None:
            shutil.rmtree(folder)
        return ended

    def load_round(self, rounds: Rounds, extract: Path, *options: str, source: Path = ROOT) -> LoadEnded:
        """Run the whole command and add it to the rounds of a measurement."""
        cpu_before = self.server.cpu_seconds()
        ended = self.load(extract, *options, source=source)
        share = (self.server.cpu_seconds() - cpu_before) / ended.summary["seconds"]
        rounds.add(ended.rows_per_second, ended.requests_per_second, share)
        rounds.peak_bytes = max(rounds.peak_bytes, ended.process.peak_bytes)
        return ended

    def peer_round(self, rounds: Rounds, peer: Peer, rows: Path, seconds: float) -> None:
        """Run a peer and add it to the rounds of a measurement.

        Raises:
            RuntimeError: It failed, or the server had other requests than it says.
        """
        before, cpu_before = self.server.requests(), self.server.cpu_seconds()
        ended = run_peer(peer, self.server.url, rows, seconds, self.cores.client)
        if ended.failed:
            raise RuntimeError(f"{peer.name}: rows failed: {ended.failed}")
        self._compare(before, ended.accepted, peer.name)
        rounds.versions = ended.versions
        speed = ended.accepted / ended.seconds
        rounds.add(speed, speed, (self.server.cpu_seconds() - cpu_before) / ended.seconds)

    def ceiling_round(
        self, rounds: Rounds, ceiling: Ceiling, seconds: float, rows_per_request: float
    ) -> None:
        """Let wrk show what the server can do and add it to the rounds of a measurement."""
        cpu_before = self.server.cpu_seconds()
        speed = wrk_requests_per_second(self.server.url, ceiling, seconds, self.cores.client)
        share = (self.server.cpu_seconds() - cpu_before) / seconds
        rounds.add(speed * rows_per_request, speed, share)

    def _compare(self, requests_before: int, told: int, who: str) -> None:
        arrived = self.server.requests() - requests_before - 1  # the look itself is one
        if arrived != told:
            raise RuntimeError(f"{who} counted {told} requests, nginx {arrived}")


def all_measurements(rounds: Sequence[Rounds]) -> list[Measurement]:
    """Return what was measured; nothing for what never ran."""
    return [each.measurement() for each in rounds if each.rows]
