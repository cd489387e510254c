"""Try to load into a read-only directory named on the command line, and print the result."""

import sys
from pathlib import Path

import pytest

from loader.checkpoint import open_checkpoint
from loader.errors import CheckpointError
from loader.status.overview import read_overview
from tests.checkpoint.sample_loads import START, load_plan

if __name__ == "__main__":
    run_dir = Path(sys.argv[1])
    with pytest.raises(CheckpointError) as refused:
        open_checkpoint(run_dir, load_plan())
    print(refused.value.exit_code.value, read_overview(run_dir, START).state)
