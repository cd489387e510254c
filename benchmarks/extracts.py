"""Extracts to measure with, made once and kept. Light to import: what measures must stay small."""

import subprocess
import sys
from pathlib import Path
from typing import Literal

from benchmarks.folder import ROOT, bench_folder

VERSION = 1
"""Part of the file names: count it up when the rows change, and no old file is taken for a new one."""

Form = Literal["parquet", "csv", "jsonl"]

MAKE_SECONDS = 1800.0


def extract(rows: int, form: Form = "parquet") -> Path:
    """Return an extract of so many rows, made now if it was not made before.

    Args:
        rows: How many rows.
        form: ``parquet`` or ``csv``; ``jsonl`` gives what the loader would send, for clients that read no
            extracts: group and record, separated by a tab.
    """
    path = bench_folder() / f"outbound-order-lines-{rows}-v{VERSION}.{form}"
    if not path.exists():
        # In a process of its own, for polars would stay in this one.
        command = [sys.executable, "-m", "benchmarks.order_lines", str(rows), str(path)]
        subprocess.run(command, cwd=ROOT, check=True, timeout=MAKE_SECONDS)
    return path
