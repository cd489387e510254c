"""``report --live`` in a real browser, from another process than the load: it follows the load to its end."""

import asyncio
import base64
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.load.conftest import emulator_process, environment
from tests.page.browser import PROGRAM, START_SECONDS, browser, true_at_last
from tests.prepared.starts import run, start

__all__ = ["environment"]

pytestmark = [
    pytest.mark.skipif(PROGRAM is None, reason="no chromium"),
    pytest.mark.usefixtures("environment"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

ROWS = 2_000
"""At 20 a second they would take longer than any browser takes to start."""

PICTURES = os.environ.get("SCN_TESTS_PICTURES", "")
"""Folder for pictures of what the browser shows, to be looked at."""


@contextmanager
def live(run_dir: Path) -> Iterator[str]:
    """Serve the page from a process of its own, and yield its address."""
    with start(["report", run_dir, "--live"], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().split()[-1]
        finally:
            server.terminate()


async def test_it_follows_a_load_over_a_kill_to_its_end(tmp_path: Path) -> None:
    """Nothing is loaded a second time; the reader's place stays; each state is named."""
    extract, run_dir = tmp_path / "lines.csv", tmp_path / "run"
    run(["sample", "reservation", "--rows", str(ROWS), "-o", extract]).check_returncode()
    with emulator_process(tmp_path, "--latency-ms", "20") as emulator:
        load = ["load", extract, "--event-type", "scn.data.reservation", "--endpoint-url", emulator.url]
        load += ["--instance-id", "8928ae12-15e5-4441-825d-ec2184f0a43a", "--run-dir", run_dir]
        with start([*load, "--progress", "none", "--rate", "20"], stdout=subprocess.DEVNULL) as first:
            while not (run_dir / "checkpoint.sqlite").exists():  # noqa: ASYNC110 - of another process
                await asyncio.sleep(0.02)
            with live(run_dir) as address:
                async with browser(tmp_path / "profile") as tab:
                    await tab.open(address)
                    await tab.until("Running: ")
                    assert await tab.value("document.getElementById('live').textContent") == "live"
                    await tab.value("document.querySelector('details').open = true")
                    before = await accepted(tab)

                    async def has_moved() -> bool:
                        return await accepted(tab) >= before + 20

                    await true_at_last(has_moved, START_SECONDS)
                    assert await tab.value("document.querySelector('details').open")
                    await picture(tab, "live-running")
                    first.kill()
                    first.wait()
                    text = await tab.until("The process terminated unexpectedly")
                    assert "What to do next" in text
                    await tab.until("ended")
                    with start([*load, "--progress", "none"], stdout=subprocess.DEVNULL) as second:
                        await tab.until(f"Done: all {ROWS:,} events accepted.")
                        assert second.wait() == 0
                    assert await tab.value("document.title") == f"✓ Done: all {ROWS:,} events accepted."
                    await picture(tab, "live-done")
                    assert tab.complaints == []
                    assert set(tab.requests) <= {address, "data:,"}
                    assert len(tab.requests) > 3
                    assert tab.loads == 1


async def accepted(tab) -> int:
    """Return the figure of accepted events that is shown."""
    shown = await tab.value(
        "[...document.querySelectorAll('.figures div')].find(each => "
        "each.querySelector('dt').textContent === 'events accepted').querySelector('dd').textContent"
    )
    return int(shown.replace(",", ""))


async def test_another_name_of_this_machine_is_refused(tmp_path: Path) -> None:
    """A site whose name leads to 127.0.0.1 gets nothing, even with the token."""
    run_dir = tmp_path / "run"
    extract = tmp_path / "lines.csv"
    run(["sample", "reservation", "--rows", "5", "-o", extract]).check_returncode()
    load = ["load", extract, "--event-type", "scn.data.reservation", "--emulate", "--run-dir", run_dir]
    run([*load, "--progress", "none"]).check_returncode()
    with live(run_dir) as address:
        elsewhere = address.replace("127.0.0.1", "evil.example")
        async with browser(tmp_path / "profile", "--host-resolver-rules=MAP evil.example 127.0.0.1") as tab:
            await tab.open(elsewhere)
            assert await tab.text() == "Misdirected Request"
            await tab.open(address)
            assert "Done: all 5 events accepted." in await tab.text()


async def picture(tab, name: str) -> None:
    """Keep a picture of the page, if a folder is named for that."""
    if PICTURES:
        taken = await tab.ask("Page.captureScreenshot", captureBeyondViewport=True)
        await asyncio.to_thread((Path(PICTURES) / f"{name}.png").write_bytes, base64.b64decode(taken["data"]))
