"""The page in a real browser: opened from the disk, without network and without an error."""

import re
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path

import pytest

from loader.page.document import to_html
from loader.page.model import (
    Badge,
    CauseLine,
    FileLine,
    FileList,
    LoadPage,
    NextStep,
    Period,
    WindowCell,
)
from loader.report.limiting_factor import WORDS
from tests.page.browser import browser
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


AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
"""The checker of the web's accessibility rules. The package is there for this file only."""

FOUND = """
axe.run(document, {resultTypes: ["violations"]}).then(found => ({
  violations: found.violations.flatMap(
    each => each.nodes.map(node => `${each.id}: ${node.html.slice(0, 200)}`)
  ),
  passes: found.passes.length
}))
"""

WIDER_THAN_THE_SCREEN = "document.documentElement.scrollWidth - document.documentElement.clientWidth"

OVERLAPS = """
[...document.querySelectorAll("svg.timeline text")].map(each => [each, each.getBBox()]).flatMap(
  ([one, a], at, all) => all.slice(at + 1).filter(([, b]) =>
    a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height
  ).map(([other]) => one.textContent + " / " + other.textContent).concat(
    a.x >= 0 && a.x + a.width <= one.ownerSVGElement.viewBox.baseVal.width
      ? [] : ["outside: " + one.textContent]
  )
)
"""
"""Texts of the picture that lie on each other or outside."""


def full_page() -> LoadPage:
    """A page with much of everything: long paths and words, all causes of limits, errors."""
    path = "/data/warehouse=rotterdam-distribution-centre-number-2/year=2026/Bestellungen_der_Woche.csv"
    cause = CauseLine("reservation_detail_id", "not ISO 8601, such as 2024-01-31T23:59:59Z", 31_003, path)
    windows = [WindowCell(0, 3, 4, 0, 0), WindowCell(4, 7, 3, 1, 0), WindowCell(8, 11, 4, 0, 2)]
    names = list(WORDS)
    samples = [
        Period(
            *(at * 1.37, 1.37, 900, 800),
            throttled=50,
            failed=9,
            rate_allowed=1_234_567.0,
            limits={names[at % len(names)]: 1.0},
            p50_ms=10.0,
            p95_ms=250.0,
            p99_ms=12_345.0,
        )
        for at in range(2 * len(names))
    ]
    return page_of(
        verdict=Badge.ATTENTION,
        reasons=["No event was accepted for 10 min (--give-up-after)."],
        facts=[("event type", "scn.data.outboundorderline"), ("run directory", path)],
        next_steps=[NextStep("resume the load", f"scn-loader load {path} --run-dir {path} " * 3)],
        rejected=[cause],
        failed=[cause],
        windows=windows,
        samples=samples,
        files=FileList(
            "/data/", [FileLine(path, 10_324, 0, 0, 1.0)], FileLine("9 more files", 1, 0, 0, 0.0), 10
        ),
    )


async def test_axe_finds_nothing_and_nothing_overlaps(tmp_path: Path):
    """In each colour scheme and on a phone: accessible, no wider than the screen, no text on another."""
    page = tmp_path / "page.html"
    page.write_text(to_html(full_page()).replace("<details>", "<details open>"), encoding="utf-8")
    async with browser(tmp_path / "profile") as tab:
        for width, scheme in ((1100, "light"), (1100, "dark"), (390, "light"), (320, "dark")):
            await tab.ask(
                "Emulation.setDeviceMetricsOverride",
                width=width,
                height=900,
                deviceScaleFactor=1,
                mobile=width < 500,
            )
            feature = {"name": "prefers-color-scheme", "value": scheme}
            await tab.ask("Emulation.setEmulatedMedia", features=[feature])
            await tab.open(page.as_uri())
            assert await tab.value(WIDER_THAN_THE_SCREEN) == 0, width
            assert await tab.value(OVERLAPS) == [], width
            await tab.value(f"{AXE};0")
            found = await tab.value(FOUND)
            assert found["violations"] == [], (width, scheme)
            assert found["passes"] > 10
