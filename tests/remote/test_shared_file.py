"""The file by which the machines of a cluster show that they have the same run directory."""

from pathlib import Path

import pytest

from loader.errors import CheckpointError
from loader.remote.settings import RunDirectorySettings
from loader.runners.shared_file import SharedFile
from loader.sources.s3.client import S3Access
from tests.remote.conftest import ADDRESS
from tests.remote.faulty_s3 import FaultyS3


@pytest.mark.parametrize("address", [None, ADDRESS])
def test_it_is_found_until_it_is_removed(s3: FaultyS3, tmp_path: Path, address: str | None) -> None:
    """In a folder and in S3."""
    shared = SharedFile(RunDirectorySettings(tmp_path, address, S3Access(None, "us-east-1")))
    assert shared.where == (address or str(tmp_path))
    assert not shared.is_found()
    shared.write()
    assert shared.is_found()
    assert len(s3.all_keys()) == (address is not None)
    shared.remove()
    assert not shared.is_found()
    assert s3.all_keys() == []
    assert list(tmp_path.iterdir()) == []


def test_s3_out_of_reach_is_an_error_of_the_loader(s3: FaultyS3, tmp_path: Path) -> None:
    """A machine passes it on to the driver, which shows it."""
    shared = SharedFile(RunDirectorySettings(tmp_path, ADDRESS, S3Access(None, "us-east-1")))
    s3.faults = lambda _method, _key: "503"
    with pytest.raises(CheckpointError) as raised:
        shared.is_found()
    assert ADDRESS in raised.value.where
