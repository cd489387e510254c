"""Tables of commands in a pipe: nothing is cut or wrapped, so that grep finds whole lines."""

from pathlib import Path

import pytest


@pytest.mark.parametrize("columns", ["20", "80"])
def test_datasets_are_listed_whole(ask, monkeypatch, columns):
    """A line for each dataset with its event type and its whole key, however narrow the terminal was."""
    monkeypatch.setenv("COLUMNS", columns)
    lines = ask("datasets").out.splitlines()
    (forecast,) = [line for line in lines if "scn.data.forecast " in line]
    key = "snapshot_date, product_id, site_id, region_id, product_group_id, forecast_start_dttm, "
    assert forecast.startswith("forecast ")
    assert forecast.rstrip().endswith(f"{key}forecast_end_dttm")
    assert not [line for line in lines[1:] if line.startswith(" ")]


def test_columns_and_checks_are_whole(ask, monkeypatch):
    """So are the columns of a dataset, with the sentence below them, and the checks of the doctor."""
    monkeypatch.setenv("COLUMNS", "20")
    assert "SCN_RESERVED_NO_VALUE_PROVIDED" in ask("datasets", "inbound_order_line").out.splitlines()[-1]
    lines = ask("doctor", "--endpoint-url", "http://127.0.0.1:9").out.splitlines()
    (versions,) = [line for line in lines if line.startswith("versions")]
    assert "botocore" in versions


def test_tables_print_texts_as_they_are(ask):
    """Brackets, colons and control characters of a path or an extra are neither styles nor pictures."""
    folder = Path("runs [red] :key: \x1b[31m")
    folder.mkdir()
    lines = ask("doctor", "--endpoint-url", "http://127.0.0.1:9", "--run-dir", folder).out.splitlines()
    (run_dir,) = [line for line in lines if line.startswith("run directory")]
    assert r"/runs [red] :key: \x1b[31m can be written to" in run_dir
    extras = [line.split()[:2] for line in lines if line.startswith("extra")]
    assert ["extra", "[delta]"] in extras
    assert all(name.startswith("[") for _, name in extras)
