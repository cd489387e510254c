"""Read what the page shows from a checkpoint, beside the overview of the load."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from loader.checkpoint.progress import read_known_rows
from loader.checkpoint.reading import open_for_reading
from loader.checkpoint.samples import StoredSample, read_samples
from loader.checkpoint.start.lock import look_without_locking
from loader.latency import Latencies, Percentiles
from loader.page.file_list import file_list
from loader.page.model import FileList, Period, WindowCell

MOST_CELLS = 224
"""Maximum cells of the window map (seven rows). With more windows, a cell stands for several of them."""

WINDOWS = """
SELECT number, finished_at IS NOT NULL,
       EXISTS (SELECT 1 FROM events WHERE events.window = windows.number AND state = 'failed')
FROM windows ORDER BY number"""


@dataclass(frozen=True, slots=True)
class Shown:
    """What the page shows from a checkpoint.

    Attributes:
        samples: The samples of the load, in order of time.
        windows: The cells of its window map.
        files: Its files.
        files_read: Number of files that were read to their end.
    """

    samples: Sequence[StoredSample]
    windows: Sequence[WindowCell]
    files: FileList
    files_read: int

    def latencies(self) -> Percentiles:
        """Return the percentiles over all samples."""
        latencies = Latencies()
        for sample in self.samples:
            latencies.add_json(sample.round_trips, sample.longest_round_trip_seconds)
        return latencies.percentiles()


def read_stored(run_dir: Path) -> Shown:
    """Return what the page shows from the checkpoint in a run directory, which does not change.

    Raises:
        CheckpointError: The checkpoint cannot be read.
    """
    with (
        look_without_locking(run_dir) as pid,
        open_for_reading(run_dir, alive=pid is not None) as connection,
    ):
        return Shown(
            samples=read_samples(connection),
            windows=_window_cells(connection.execute(WINDOWS).fetchall()),
            files=file_list(connection),
            files_read=len(read_known_rows(connection)),
        )


def _window_cells(windows: Sequence[tuple[int, int, int]]) -> list[WindowCell]:
    size = max(1, -(-len(windows) // MOST_CELLS))
    cells = []
    for start in range(0, len(windows), size):
        part = windows[start : start + size]
        done = sum(finished for _, finished, _ in part)
        failed = sum(has_failed for _, _, has_failed in part)
        cells.append(WindowCell(part[0][0], part[-1][0], done, len(part) - done, failed))
    return cells


def period_of(stored: StoredSample) -> Period:
    """Return a sample as the page shows it."""
    latencies = Latencies.from_json(stored.round_trips, stored.longest_round_trip_seconds).percentiles()
    seconds = max(stored.seconds, 1e-9)
    return Period(
        start_seconds=stored.start_seconds,
        seconds=stored.seconds,
        attempted=stored.attempted,
        accepted=stored.accepted,
        throttled=stored.throttled,
        retried=stored.retried,
        failed=stored.failed,
        rejected_rows=stored.rejected_rows,
        rate_allowed=stored.rate_allowed,
        in_flight=stored.in_flight,
        held_bytes=stored.held_bytes,
        limits={name: share / seconds for name, share in stored.limits.items()},
        p50_ms=latencies.p50,
        p95_ms=latencies.p95,
        p99_ms=latencies.p99,
    )
