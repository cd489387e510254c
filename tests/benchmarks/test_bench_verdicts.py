"""The benchmark of verify, in small: it makes a checkpoint with many receipts, and judges each of them."""

from pathlib import Path

import pytest

from benchmarks.verdicts import keep_many
from tests.load.conftest import environment

__all__ = ["environment"]

RECEIPTS = 60_000

pytestmark = pytest.mark.usefixtures("environment")


def test_a_verdict_takes_less_than_a_byte_and_memory_stays_flat(tmp_path: Path) -> None:
    """Half a byte an event in the checkpoint; memory is that of the libraries and some MiB."""
    kept = keep_many(tmp_path, RECEIPTS)
    assert kept.grown_bytes < RECEIPTS
    assert kept.peak_bytes < 300 * 2**20
