"""``--live-schema`` through the command: the instance's own schema decides, for custom datasets too."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from loader.emulator import ACCESS_KEY_ID, SECRET_ACCESS_KEY
from loader.errors import ExitCode
from tests.prepared.starts import start

INSTANCE = "8928ae12-15e5-4441-825d-ec2184f0a43a"
ARN = f"arn:aws:scn:us-east-1:123456789012:instance/{INSTANCE}/namespaces/default/datasets/pallets"
DENIED = """
[[rules]]
fault = "error"
code = "AccessDeniedException"
operation = "GetDataLakeDataset"
calls = [2]
"""


@contextmanager
def emulator_with(folder: Path, boxes: str, faults: str = "") -> Iterator[str]:
    """Run the command's emulator with a custom dataset whose column ``boxes`` is of a type; yield its URL."""
    fields = [("pallet_id", "STRING", True), ("boxes", boxes, False), ("packed_at", "TIMESTAMP", False)]
    schema = {
        "name": "Pallets",
        "fields": [{"name": name, "type": kind, "isRequired": needed} for name, kind, needed in fields],
        "primaryKeys": [{"name": "pallet_id"}],
    }
    dataset, plan = folder / "pallets.json", folder / "faults.toml"
    dataset.write_text(json.dumps({"namespace": "default", "name": "pallets", "schema": schema}))
    plan.write_text(faults)
    command = ["emulator", "--port", "0", "--until-stdin-ends"]
    with start(
        [*command, "--dataset", dataset, "--faults", plan],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        yield process.stdout.readline().split()[-1]
        process.terminate()


@pytest.fixture
def pallets(tmp_path, monkeypatch, ask):
    """A load of three pallets, the last with words for a number; say its endpoint and more flags."""
    path = tmp_path / "pallets.csv"
    path.write_text("pallet_id,boxes,packed_at\np1,5,2026-01-01\np2,6,\np3,many,2026-01-02\n")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY)
    job = ("--event-type", "scn.data.dataset", "--dataset-arn", ARN, "--operation", "UPSERT")
    where = ("--instance-id", INSTANCE, "--region", "us-east-1", "--live-schema")
    return lambda command, url, *more: ask(command, path, *job, *where, "--endpoint-url", url, *more)


def test_a_custom_dataset_is_checked_by_its_live_schema(pallets, tmp_path):
    """The schema determines types and keys; without access, or with a changed schema, the load is refused."""
    run = ("--run-dir", tmp_path / "run")
    with emulator_with(tmp_path, "LONG", DENIED) as url:
        planned = pallets("plan", url, "--json")
        told = json.loads(planned.out)
        assert planned.code == ExitCode.DELIVERED_WITH_FAILURES
        assert [(each["column"], each["row"]) for each in told["rejected"]] == [("boxes", 3)]
        assert told["files"][0]["columns"][0]["is_key"]

        denied = pallets("load", url, *run)
        assert denied.code == ExitCode.STOPPED_BY_SERVICE
        assert "scn:GetDataLakeDataset" in denied.err
        assert not (tmp_path / "run").exists()

        stopped = pallets("load", url, *run, "--max-errors", "0", "--drain-seconds", "0")
        assert stopped.code == ExitCode.TOO_MANY_ERRORS, stopped.err
    with emulator_with(tmp_path, "STRING") as url:
        refused = pallets("load", url, *run)
        assert refused.code == ExitCode.REFUSED
        assert 'live_schema.boxes: the load began with "int", now "string"' in refused.err
        assert pallets("load", url, *run, "--restart").code == ExitCode.DELIVERED


def test_without_it_a_custom_dataset_has_no_known_key(pallets, ask, tmp_path):
    """The refusal names the flag that helps."""
    job = ("--event-type", "scn.data.dataset", "--dataset-arn", ARN, "--operation", "UPSERT")
    answer = ask("plan", tmp_path / "pallets.csv", *job, "--instance-id", INSTANCE)
    assert answer.code == ExitCode.REFUSED
    assert "--live-schema" in answer.err
