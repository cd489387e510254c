"""The page of a real run directory: what it says of files and windows."""

import time
from pathlib import Path

import pytest

from loader import run_load
from loader.emulator import EmulatorSettings
from loader.model.source_file import common_folder
from loader.page.build import build_page
from loader.report.figures import counted
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
    found = {Path(each.path).name: (each.rows, each.rejected, each.failed) for each in page.files.lines}
    assert found == {"b.csv": (3, 1, 0), "c.csv": (2, 0, 1), "a.csv": (1, 0, 0)}
    assert [Path(each.path).name for each in page.files.lines] == ["b.csv", "c.csv", "a.csv"]
    assert sum(each.share for each in page.files.lines) == pytest.approx(1.0)
    assert len(page.windows) == 1


def test_a_list_of_many_files_begins_with_those_that_have_errors_and_adds_up(tmp_path: Path):
    """Of 60 equal files, the last has an error: it is first; the sum of the list is that of the load."""
    folder = tmp_path / "in" / "deep"
    folder.mkdir(parents=True)
    for number in range(60):
        quantity = "x" if number == 59 else "5"
        (folder / f"{number:02}.csv").write_text(f"{HEAD}R{number},1,{quantity}\n")
    with emulated_service(EmulatorSettings()) as service:
        job = service.job(extract=[str(folder)], event_type="scn.data.reservation", run_dir=tmp_path / "run")
        run_load(job)
    page = build_page(tmp_path / "run", time.time())
    files = page.files
    assert files.lines[0].path == "59.csv"
    assert files.folder == f"{folder}/"
    assert files.rest is not None
    assert files.rest.path == "10 more files"
    assert sum(line.rows for line in [*files.lines, files.rest]) == 60
    assert files.total == 60
    assert page.headline == "Done, but with 1 rejected row."


@pytest.mark.parametrize(
    ("paths", "folder"),
    [
        (["/a/b.csv"], ""),
        (["/a/b1.csv", "/a/b2.csv"], "/a/"),
        (["/a/b/1.csv", "/a/bc/1.csv"], "/a/"),
        (["s3://bucket/x/1.csv", "s3://bucket/x/2.csv"], "s3://bucket/x/"),
        (["1.csv", "2.csv"], ""),
    ],
)
def test_the_common_folder_ends_between_names(paths: list[str], folder: str):
    """It is the folder that all paths share, never a part of a name."""
    assert common_folder(paths) == folder


def test_a_load_that_has_not_read_its_extract_does_not_look_complete(tmp_path: Path):
    """Stopped in the middle of a CSV file: all planned events are accepted, but they are not all."""
    extract, run_dir = tmp_path / "a.csv", tmp_path / "run"
    extract.write_text(HEAD + "".join(f"R{n},1,{'x' if n > 20 else 5}\n" for n in range(40)))
    with emulated_service(EmulatorSettings()) as service:
        job = service.job(
            extract=[str(extract)],
            event_type="scn.data.reservation",
            run_dir=run_dir,
            window_rows=10,
            max_errors="1",
        )
        summary = run_load(job)
    assert summary.exit_code == 3
    assert summary.files_read_whole == 0
    page = build_page(run_dir, time.time())
    accepted = counted(summary.events_accepted, "event")
    assert page.headline == f"Stopped: {accepted} accepted so far."
    assert page.reasons
    assert page.stages[0].name == "Rows read so far"
    notes = {figure.name: figure.note for figure in page.figures}
    assert notes["events accepted"].endswith("planned so far")
    settings = dict(page.settings)
    assert settings["csv.header"] == "true"
    assert not any("{" in text or "[" in text for text in settings.values())
