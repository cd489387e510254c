"""The page in a real browser: opened from the disk, without network and without an error."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no chromium")


def test_the_report_of_a_load_opens_from_the_disk(tmp_path: Path):
    """A whole load, its report, and the document as the browser sees it: figures of the summary, no error."""
    scn_loader = [sys.executable, "-m", "loader"]
    extract, run_dir = tmp_path / "lines.csv", tmp_path / "run"
    subprocess.run([*scn_loader, "sample", "reservation", "--rows", "300", "-o", str(extract)], check=True)
    load = ["load", str(extract), "--event-type", "scn.data.reservation", "--emulate", "--progress", "none"]
    subprocess.run([*scn_loader, *load, "--run-dir", str(run_dir)], check=True, capture_output=True)
    subprocess.run([*scn_loader, "report", str(run_dir)], check=True, capture_output=True)
    seen = subprocess.run(
        [
            *(str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=3000"),
            *("--enable-logging=stderr", "--dump-dom", (run_dir / "report.html").as_uri()),
        ],
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )
    assert "Done: all 300 events accepted." in seen.stdout
    assert re.search(r"<dt>events accepted</dt><dd>300</dd>", seen.stdout)
    assert "<svg" in seen.stdout
    assert "CONSOLE" not in seen.stderr
