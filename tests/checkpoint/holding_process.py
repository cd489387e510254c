"""A process that opens the run directory named on its command line, says so and waits to be killed."""

import sys
import time
from pathlib import Path

from loader.checkpoint import open_checkpoint
from tests.checkpoint.sample_loads import load_plan, window_plan

if __name__ == "__main__":
    checkpoint = open_checkpoint(Path(sys.argv[1]), load_plan())
    checkpoint.begin_slice(window_plan())
    print("open", flush=True)
    time.sleep(600)
