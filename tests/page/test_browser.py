"""The page in a real browser: opened from the disk, without network and without an error."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from loader.page.document import to_html
from loader.page.model import CauseLine, WindowCell
from tests.page.test_document import page_of
from tests.prepared.starts import run

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no chromium")


def test_the_report_of_a_load_opens_from_the_disk(tmp_path: Path):
    """A whole load, its report, and the document as the browser sees it: figures of the summary, no error."""
    extract, run_dir = tmp_path / "lines.csv", tmp_path / "run"
    run(["sample", "reservation", "--rows", "300", "-o", extract]).check_returncode()
    load = ["load", str(extract), "--event-type", "scn.data.reservation", "--emulate", "--progress", "none"]
    run([*load, "--run-dir", run_dir]).check_returncode()
    run(["report", run_dir]).check_returncode()
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


AXE = os.environ.get("AXE_CORE", "")
"""Path of ``axe.min.js``: `npm install axe-core` puts it into node_modules/axe-core."""

RUN_AXE = """
axe.run(document, {resultTypes: ["violations"]}).then(found => {
  const told = document.createElement("pre");
  told.id = "violations";
  told.textContent = "[" + found.violations.map(each => each.id).join() + "] of " + found.passes.length;
  document.body.append(told);
})
"""


@pytest.mark.skipif(not AXE, reason="no axe-core: name its axe.min.js in AXE_CORE")
@pytest.mark.parametrize("width", [400, 1100])
@pytest.mark.parametrize("scheme", [0, 1], ids=["dark", "light"])
def test_axe_finds_nothing(tmp_path: Path, width: int, scheme: int):
    """The checker of the web's accessibility rules, in the browser, in each scheme and on a phone."""
    cause = CauseLine("quantity", "not a number", 3, "/x/a.csv row 1")
    windows = [WindowCell(0, 3, 4, 0, 0), WindowCell(4, 7, 3, 1, 0), WindowCell(8, 11, 4, 0, 2)]
    html = to_html(page_of(rejected=[cause], failed=[cause], windows=windows)).replace(
        "<details>", "<details open>"
    )
    scripts = f"<script>{Path(AXE).read_text()}</script><script>{RUN_AXE}</script>"
    page = tmp_path / "page.html"
    page.write_text(html.replace("</body>", f"{scripts}</body>"))
    seen = subprocess.run(
        [
            *(str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=20000"),
            *(f"--window-size={width},900", f"--blink-settings=preferredColorScheme={scheme}"),
            *("--dump-dom", page.as_uri()),
        ],
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )
    told = re.search(r'<pre id="violations">(.*?)</pre>', seen.stdout)
    assert told is not None
    assert told[1].startswith("[] of ")
