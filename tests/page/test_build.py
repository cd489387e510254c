"""The page of a real run directory: what it says of files and windows."""

import time
from pathlib import Path

import pytest

from loader import run_load
from loader.emulator import EmulatorSettings
from loader.page.build import build_page
from loader.testing import emulated_service

HEAD = "reservation_id,reservation_detail_id,quantity\n"


def test_files_of_one_window_have_their_own_rows(tmp_path: Path):
    """One window runs over three files: each has the rows, rejected rows and failed rows that are in it."""
    folder = tmp_path / "in"
    folder.mkdir()
    contents = {"a.csv": "R1,1,5\n", "b.csv": "R2,1,x\nR3,1,7\nR4,1,7\n", "c.csv": "R5,1,1\nBAD,1,1\n"}
    for name, rows in contents.items():
        (folder / name).write_text(HEAD + rows)
    refused = EmulatorSettings(refused_values={"reservation_id": frozenset({"BAD"})})
    with emulated_service(refused) as service:
        job = service.job(
            extract=[str(folder)], event_type="scn.data.reservation", run_dir=tmp_path / "run", pack="group"
        )
        run_load(job)
    page = build_page(tmp_path / "run", time.time())
    found = {Path(each.path).name: (each.rows, each.rejected, each.failed) for each in page.files}
    assert found == {"b.csv": (3, 1, 0), "c.csv": (2, 0, 1), "a.csv": (1, 0, 0)}
    assert [Path(each.path).name for each in page.files] == ["b.csv", "c.csv", "a.csv"]
    assert sum(each.share for each in page.files) == pytest.approx(1.0)
    assert len(page.windows) == 1
