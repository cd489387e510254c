"""Each setting of a job reaches the stages that use it, and no others."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from loader.job import Job
from loader.loading.settings import run_directory_settings, session_settings
from loader.stage_settings.connections import client_settings
from loader.stage_settings.extract import extract_settings, file_settings, mapping_settings, record_settings

INSTANCE = "a1b2c3d4-5678-90ab-cdef-1234567890ab"
ARN = f"arn:aws:scn:eu-west-1:123456789012:instance/{INSTANCE}/namespaces/default/datasets/"
DATASET = {"event_type": "scn.data.dataset", "dataset_arn": f"{ARN}one", "operation": "UPSERT"}


def _no_place(_setting: object) -> str:
    return ""


STAGES: Mapping[str, Callable[[Job], object]] = {
    "client": client_settings,
    "files": file_settings,
    "mapping": lambda job: replace(mapping_settings(job), place_of=_no_place),
    "records": lambda job: replace(record_settings(job), place_of=_no_place),
    # The plan settings are compared as a whole, with those of earlier loads.
    "resume": lambda job: replace(extract_settings(job).resume, plan_settings={}),
    "lane rate": lambda job: extract_settings(job).lane_rate,
    "extract": lambda job: [
        getattr(extract_settings(job), name) for name in ("max_records", "window_rows", "has_time_zone")
    ],
    "session": session_settings,
    "run directory": run_directory_settings,
}


@dataclass(frozen=True)
class Use:
    """Another value of a setting, the stages that see the difference, and the settings that it needs."""

    value: Any
    stages: set[str]
    beside: Mapping[str, Any] = field(default_factory=dict)


USES = {
    "extract": Use(("b.csv",), {"files"}),
    "format": Use("csv", {"files"}),
    "extract_profile": Use("other", {"files", "run directory"}),
    "mapping": Use({"id": "number"}, {"mapping"}),
    "defaults": Use({"trim": True}, {"mapping"}),
    "filter": Use("a = 1", {"mapping"}),
    "partitions": Use(value=False, stages={"files"}),
    "delta_version": Use(3, {"files"}),
    "csv": Use({"separator": ";"}, {"files"}),
    "excel": Use({"sheet": "Rows"}, {"files"}),
    "ignore_unknown": Use(value=True, stages={"mapping"}),
    "time_zone": Use("Europe/Berlin", {"records", "extract"}),
    "event_type": Use("scn.data.reservation", {"client", "mapping", "session"}),
    "instance_id": Use(INSTANCE.replace("a", "b"), {"client", "lane rate", "session"}),
    "dataset_arn": Use(f"{ARN}two", {"client", "mapping", "session"}, DATASET),
    "operation": Use("APPEND", {"client", "session"}, DATASET),
    "live_schema": Use(value=True, stages={"client"}),
    "region": Use("eu-west-1", {"client", "files", "lane rate", "run directory"}),
    "profile": Use("other", {"client", "files", "lane rate", "run directory"}),
    "endpoint_url": Use("http://127.0.0.1:1", {"client", "lane rate"}),
    "group_by": Use("id", {"mapping"}),
    "group_buckets": Use(8, {"records"}),
    "pack": Use("group", {"records"}),
    "max_records": Use(5, {"extract"}),
    "timestamp_column": Use("at", {"mapping"}),
    "numbers": Use("number", {"records"}),
    "nulls": Use("null", {"records"}),
    "timestamps": Use("epoch_ms", {"records"}),
    "window_rows": Use(10, {"extract"}),
    "rate": Use(100.0, {"lane rate", "session"}),
    "forget_rate": Use(value=True, stages={"lane rate", "session"}),
    "burst": Use(7, {"session"}, {"rate": 100.0}),
    "max_in_flight": Use(5, {"client", "session"}),
    "transport": Use("aiohttp", {"client"}),
    "max_held_bytes": Use(2**21, {"session"}),
    "max_errors": Use("5%", {"session"}),
    "max_errors_per_file": Use(9, {"session"}),
    "on_failure": Use("hold", {"session"}),
    "drain_seconds": Use(1.0, {"session"}),
    "give_up_after": Use("90s", {"session"}),
    "run_dir": Use(Path("other"), {"resume", "session", "run directory"}),
    "shard": Use("2/4", {"records", "resume", "lane rate", "run directory"}),
    "restart": Use(value=True, stages={"resume", "run directory"}),
    "again": Use(value=True, stages={"resume"}),
    "unfinished": Use("resume", {"resume"}),
    "retry_failed": Use(value=True, stages={"resume", "session"}),
    "in_doubt": Use("skip", {"session"}),
    "dry_run": Use(value=True, stages={"run directory"}),
    # What runs a load uses these itself.
    "keep": Use("3", set()),
    "workers": Use(2, set()),
    "engine": Use("ray", set(), {"workers": 2}),
    "ray_address": Use("auto", set(), {"workers": 2, "engine": "ray"}),
}


def job_with(**settings: Any) -> Job:
    common = {"event_type": "scn.data.inboundorder", "instance_id": INSTANCE, "run_dir": Path("run")}
    return Job(**{**common, **settings})


@pytest.mark.parametrize("name", sorted(USES))
def test_a_setting_reaches_the_stages_that_use_it(name: str) -> None:
    """Another value changes the settings of these stages, and of no others."""
    use = USES[name]
    before, after = job_with(**use.beside), job_with(**{**use.beside, name: use.value})
    assert {stage for stage, take in STAGES.items() if take(before) != take(after)} == use.stages


def test_every_setting_is_in_the_table() -> None:
    """A new setting of the job is added here, with the stages that use it."""
    assert USES.keys() == Job.model_fields.keys()
