"""Loads from standard input and S3, as users run them: resumed with the same input, refused with another."""

import gzip
import json
from pathlib import Path

import pytest

from tests.prepared.starts import run
from tests.sources.s3_server import BUCKET, S3Server

INSTANCE = "8928ae12-15e5-4441-825d-ec2184f0a43a"

ROWS = [{"reservation_id": f"R{row}", "reservation_detail_id": 1, "quantity": 1.50} for row in range(40)]

WRONG = {"reservation_id": "R9", "reservation_detail_id": 1, "quantity": "many"}


@pytest.fixture
def load(emulator, environment, tmp_path: Path):
    """Run a load of an extract, with the given text on its standard input; return exit code and summary."""
    summary = tmp_path / "summary.json"

    def load(extract: str, text: bytes = b"", *options: str):
        command = ["load", extract, "--event-type", "scn.data.reservation", "--instance-id", INSTANCE]
        command += ["--endpoint-url", emulator.url, "--progress", "plain", "--run-dir", str(tmp_path / "run")]
        done = run([*command, "--summary-json", summary, *options], content=text)
        return done.returncode, json.loads(summary.read_text()), done.stderr.decode()

    return load


def lines(*rows: object) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def test_the_same_input_piped_again_resumes(load, tmp_path: Path):
    """A load that stopped goes on with the same input, compressed or not as it was; nothing of it stays."""
    text = gzip.compress(lines(*ROWS[:5], WRONG, *ROWS[5:]), mtime=0)
    options = "--window-rows", "5", "--max-errors"
    code, first, said = load("-", text, *options, "0")
    assert code == 3
    assert str(tmp_path / "run" / "standard-input-") in said
    code, second, _ = load("-", text, *options, "1")
    assert (code, second["resumed"], second["rows_rejected"]) == (1, True, 1)
    assert second["events_accepted"] == 40
    assert second["attempts"] <= 40 - first["events_accepted"]
    assert not list((tmp_path / "run").glob("standard-input-*"))
    assert "many" not in said


def test_a_load_is_not_resumed_with_another_object(load, monkeypatch: pytest.MonkeyPatch):
    """The bytes may have the same number: what S3 knows the object by tells that they are others."""
    with S3Server().running() as s3:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", s3.url)
        s3.put("rows.ndjson", lines(*ROWS, WRONG))
        code, first, _ = load(f"s3://{BUCKET}/rows.ndjson", b"", "--max-errors", "0")
        assert (code, first["rows_rejected"]) == (3, 1)
        s3.put("rows.ndjson", lines(*ROWS, WRONG | {"quantity": "5678"}))
        code, _, said = load(f"s3://{BUCKET}/rows.ndjson", b"", "--max-errors", "0")
        assert code == 2
        assert "other content of the same size" in said
        s3.put("rows.ndjson", lines(*ROWS, WRONG))
        code, second, _ = load(f"s3://{BUCKET}/rows.ndjson", b"", "--max-errors", "1")
        assert (code, second["events_accepted"], second["resumed"]) == (1, 40, True)
        code, _, said = load(f"s3://{BUCKET}/denied.csv")
        assert (code, said.count("error:")) == (2, 1)
        assert "Traceback" not in said
