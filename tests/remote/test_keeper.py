"""What the keeper of a run directory in S3 does before a load sends anything."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from loader.errors import CheckpointError
from loader.remote.answers import Unreachable
from loader.remote.keeper import Keeper
from loader.remote.pace import KeepingPace


class GoneS3:
    """A copier, and a lease, of which no request is answered."""

    horizon = 0

    def __init__(self) -> None:
        self.tries = 0

    def bring_files_up(self) -> None:
        """Count a request, and fail."""
        self.tries += 1
        raise Unreachable("cut")


def test_a_load_that_ends_does_not_try_its_first_copy_again() -> None:
    """Otherwise it could take the lease again after its release, and the next runner would wait for it."""
    gone = GoneS3()
    keeper = Keeper("s3://b/p", gone, gone, KeepingPace(end_seconds=0.1))  # type: ignore[arg-type] # fakes
    with ThreadPoolExecutor(1) as thread:
        beginning = thread.submit(keeper.begin, time.time, lambda _error: None)
        until = time.monotonic() + 10
        while not gone.tries:
            assert time.monotonic() < until
            time.sleep(0.01)
        assert keeper.finish() is not None
        with pytest.raises(CheckpointError, match="cannot be reached"):
            beginning.result(10)  # it tries for 30 s if the load goes on
