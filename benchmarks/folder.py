"""Where the benchmarks keep what they make: extracts, an environment for peers, results. Not in git."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
BENCH = ROOT / ".bench"
"""Extracts are kept from run to run, results for comparison; ``rm -r .bench`` is always safe."""

EVENT_TYPE = "scn.data.outboundorderline"
INSTANCE = "8928ae12-15e5-4441-825d-ec2184f0a43a"
REGION = "us-east-1"

# Keys that open nothing: nginx looks at no signature, but making one is part of every client's work.
KEYS = {
    "AWS_ACCESS_KEY_ID": "AKIABENCHMARKEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "loopback/bench+opens/nothing-at-all-0001",
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
}


def bench_folder() -> Path:
    """Return the folder, made if it was not there."""
    BENCH.mkdir(exist_ok=True)
    return BENCH
