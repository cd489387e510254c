"""Rows of failed loads: written once, in the extract's own format, and loaded by the printed command."""

import asyncio
import json
import shlex
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from loader.checkpoint.start.correction_folders import not_loaded_folders
from loader.checkpoint.verdicts import Verdict
from loader.emulator import Emulator
from loader.errors import ExitCode
from loader.verify.api import keep_refused, together, verify
from loader.verify.session import VerifySettings
from loader.verify.text import to_json, to_text
from tests.thoroughness import examples
from tests.verify.test_verdicts import ARN, DATASET, INSTANCE, load, loaded

pytestmark = pytest.mark.usefixtures("environment")

MANY_ROWS = examples(900, 3_000)


async def ids_in_lake(emulator: Emulator) -> set[str]:
    await emulator.flush()
    return {name for (name,) in await emulator.lake("SELECT id FROM company")}


def reasons_in(run_dir: Path) -> list[dict[str, object]]:
    text = (run_dir / "not-loaded" / "reasons.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize(
    "packing", [{}, {"pack": "group", "group_buckets": 7, "window_rows": MANY_ROWS // 6}]
)
async def test_each_failed_row_is_written_once_and_loads_again(tmp_path, packing):
    """After the load of the corrected file the lake holds the extract."""
    job = DATASET | packing
    async with loaded(tmp_path, MANY_ROWS, job, fail_load_share=0.1, seed=5) as (emulator, run_dir):
        found = await verify(run_dir, VerifySettings())
        assert found.not_loaded is not None
        assert found.not_loaded.problem is None
        extract = {f"c{number}" for number in range(MANY_ROWS)}
        lacking = extract - await ids_in_lake(emulator)
        written = (run_dir / "not-loaded" / "extract.csv").read_text().splitlines()
        assert written[0] == "id"
        assert sorted(written[1:]) == sorted(lacking)
        reasons = reasons_in(run_dir)
        assert [each["rejected_row"] for each in reasons] == list(range(1, len(lacking) + 1))
        place = run_dir
        while await ids_in_lake(emulator) != extract:  # the emulator lets a tenth fail again
            source, place = place / "not-loaded" / "extract.csv", place / "corrected"
            await load(emulator, source, place, **job)
            await verify(place, VerifySettings())
        assert await ids_in_lake(emulator) == extract


async def test_a_row_that_a_later_one_replaced_is_left_out(tmp_path):
    """Loading it would put old over new; a row that came after the last good one of its key is written."""
    extract = tmp_path / "rows.csv"
    extract.write_text(
        "id,description\n"
        "a,bad\nb,bad\na,good\nc,good\nc,bad\n"  # a: replaced; b: lacking; c: the last one failed
    )
    async with loaded(tmp_path, 1, failed_values={"description": {"bad"}}) as (emulator, _):
        run_dir = tmp_path / "versions"
        await load(emulator, extract, run_dir, **DATASET)
        found = await verify(run_dir, VerifySettings())
    assert found.not_loaded is not None
    assert (found.not_loaded.rows, found.not_loaded.left_out) == (3, 1)
    assert (run_dir / "not-loaded" / "rows.csv").read_text() == "id,description\nb,bad\nc,bad\n"
    reasons = reasons_in(run_dir)
    assert [(each["row"], each.get("left_out", False)) for each in reasons] == [
        (2, False),
        (5, False),
        (1, True),
    ]


async def test_appended_rows_are_never_left_out(tmp_path):
    """APPEND replaces nothing: each failed row is lacking."""
    extract = tmp_path / "rows.csv"
    extract.write_text("id,description\na,bad\na,good\n")
    async with loaded(tmp_path, 1, failed_values={"description": {"bad"}}) as (emulator, _):
        run_dir = tmp_path / "appended"
        await load(emulator, extract, run_dir, **(DATASET | {"operation": "APPEND"}))
        found = await verify(run_dir, VerifySettings())
    assert found.not_loaded is not None
    assert (found.not_loaded.rows, found.not_loaded.left_out) == (1, 0)


async def test_rows_that_were_written_are_not_written_again(tmp_path):
    """It may have been corrected meanwhile."""
    async with loaded(tmp_path, failed_values={"id": {"c5"}}) as (_, run_dir):
        await verify(run_dir, VerifySettings())
        path = run_dir / "not-loaded" / "extract.csv"
        assert path.read_text() == "id\nc5\n"
        path.write_text("id\nc5-corrected\n")
        await verify(run_dir, VerifySettings())
        assert path.read_text() == "id\nc5-corrected\n"


async def test_rows_that_are_found_later_have_a_folder_of_their_own(tmp_path):
    """Refused records are written before the service is asked; what fails to load is found by verify."""
    extract = tmp_path / "rows.csv"
    extract.write_text("id,description\na,refused\nb,good\nc,failing\na,good\n")
    settings: dict[str, Any] = {
        "refused_values": {"description": {"refused"}},
        "failed_values": {"description": {"failing"}},
    }
    async with loaded(tmp_path, 1, **settings) as (emulator, _):
        run_dir = tmp_path / "later"
        await load(emulator, extract, run_dir, **DATASET, group_by=("description",))
        first = await asyncio.to_thread(keep_refused, run_dir)
        assert first is not None
        assert (first.rows, first.left_out) == (1, 1)  # a later row of its key was accepted
        await verify(run_dir, VerifySettings())
        again = await verify(run_dir, VerifySettings())
    assert again.not_loaded is not None
    assert (again.not_loaded.rows, again.not_loaded.left_out) == (2, 1)
    assert not_loaded_folders(run_dir) == [run_dir / "not-loaded", run_dir / "not-loaded-2"]
    assert [path.name for path in (run_dir / "not-loaded").iterdir()] == ["reasons.jsonl"]
    assert (run_dir / "not-loaded-2" / "rows.csv").read_text() == "id,description\nc,failing\n"


async def test_an_extract_that_changed_is_reported(tmp_path):
    """The verdicts stay; rows of another extract are neither written nor counted, with shards too."""
    async with loaded(tmp_path, failed_values={"id": {"c5"}}) as (_, run_dir):
        (tmp_path / "extract.csv").write_text("id\n" + "other\n" * 60)
        found = await verify(run_dir, VerifySettings())
    assert found.counts[Verdict.FAILED] == 1
    assert found.exit_code == ExitCode.DELIVERED_WITH_FAILURES
    assert found.not_loaded is not None
    assert found.not_loaded.problem is not None
    for verification in (found, together([found, found], run_dir)):
        assert to_json(verification)["rows_not_loaded"] is None
        assert "could not be written for correction" in to_text(verification)
    assert not (run_dir / "not-loaded").exists()


def test_the_printed_command_loads_the_corrected_rows(scn_loader, failing_emulator, tmp_path):
    """Refused records get the same treatment as failed loads; the command runs when pasted."""
    extract, run_dir = tmp_path / "my rows.csv", tmp_path / "run dir"
    extract.write_text("id;description\n" + "".join(f"c{number};x\n" for number in range(9)))
    flags = ["--event-type", "scn.data.dataset", "--dataset-arn", ARN, "--operation", "UPSERT"]
    flags += ["--instance-id", INSTANCE, "--endpoint-url", failing_emulator.url, "--run-dir", str(run_dir)]
    ended = scn_loader("load", extract, *flags)
    assert ended.returncode == 1
    assert f"scn-loader rejects '{run_dir}'" in ended.stdout
    ended = scn_loader("verify", run_dir, "--json")
    assert ended.returncode == 1, ended.stderr
    counts = json.loads(ended.stdout)
    assert (counts["succeeded"], counts["failed"], counts["rows_not_loaded"]) == (7, 1, 2)
    path = run_dir / "not-loaded" / "my rows.csv"
    assert path.read_text() == "id;description\nc3;x\nc4;x\n"
    path.write_text("id;description\nc3-right;x\nc4-right;x\n")
    (line,) = [
        line for line in scn_loader("verify", run_dir).stdout.splitlines() if "scn-loader load" in line
    ]
    again = scn_loader(*shlex.split(line)[1:])
    assert again.returncode == 0, again.stderr
    assert scn_loader("verify", run_dir / "corrected-not-loaded").returncode == 0
    failing_emulator.flush()
    with closing(sqlite3.connect(failing_emulator.lake)) as connection:
        names = [name for (name,) in connection.execute("SELECT id FROM company ORDER BY id")]
    assert names == sorted({f"c{number}" for number in range(9)} - {"c3", "c4"} | {"c3-right", "c4-right"})
