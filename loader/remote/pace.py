"""Intervals, limits and sizes of the work with S3. A load imports them whether or not it uses S3."""

from dataclasses import dataclass

LEASE_SECONDS = 120.0
"""Duration of a lease after it was written. A network outage of one minute has no effect. A runner that takes
over from a lost machine waits two minutes."""


@dataclass(frozen=True, slots=True)
class ArchiveSizes:
    """When an archive is made. Sizes are those before compression.

    Attributes:
        least_bytes: Size of the first archives.
        most_bytes: Size of the archives of a large load, and maximum size of each.
        share: Size of an archive as a share of what is in archives already.
    """

    least_bytes: int = 256 * 2**10
    most_bytes: int = 4 * 2**20
    share: float = 1 / 16

    def enough(self, archived_bytes: int) -> int:
        """Return the size at which the next archive is made."""
        return int(min(max(self.least_bytes, archived_bytes * self.share), self.most_bytes))


USUAL_SIZES = ArchiveSizes()


@dataclass(frozen=True, slots=True)
class KeepingPace:
    """Intervals and limits of the work with S3.

    Attributes:
        lease_seconds: Duration of a lease after each renewal.
        renew_seconds: Interval of renewals.
        stop_seconds: Time after the last renewal at which the load stops. Attempts in flight and the drain
            take less than the rest of the lease.
        copy_seconds: Minimum pause between two copies.
        copy_share: Share of one processor that copies may take.
        copy_limit_seconds: Maximum age of the last copy.
        retry_seconds: Pause after a failure.
        end_seconds: Time for the last copy at the end of a load.
        opens_seconds: Time in which another shard of an unfinished load must be started on its machine.
        archive_sizes: When an archive is made.
    """

    lease_seconds: float = LEASE_SECONDS
    renew_seconds: float = 15.0
    stop_seconds: float = 90.0
    copy_seconds: float = 5.0
    copy_share: float = 0.02
    copy_limit_seconds: float = 3600.0
    retry_seconds: float = 2.0
    end_seconds: float = 15.0
    opens_seconds: float = LEASE_SECONDS
    archive_sizes: ArchiveSizes = USUAL_SIZES


USUAL_PACE = KeepingPace()
