"""Settings of an extract: its files, the mapping of their columns, and the form of records and events."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from loader.datasets import Dataset
from loader.job import CsvSettings, ExcelSettings, Shard
from loader.job.sections import Unfinished
from loader.mapping.settings import MappingSettings
from loader.records.settings import RecordSettings
from loader.service.settings import ServiceAccess
from loader.sources.s3.client import S3Access


@dataclass(frozen=True, slots=True)
class FileSettings:
    """Which files an extract has, and how they are read.

    Attributes:
        names: Files, folders, globs, or lists of files; ``-`` is standard input.
        format: The format of the files, or ``auto``.
        csv: The dialect of CSV files.
        excel: The sheet of workbooks, and how it is read.
        partitions: Whether folders ``key=value`` in the path of a file are columns of its rows.
        delta_version: The version of a Delta table to read, or None for the newest.
        s3: How S3 is reached.
    """

    names: tuple[str, ...]
    format: str
    csv: CsvSettings
    excel: ExcelSettings
    partitions: bool
    delta_version: int | None
    s3: S3Access


@dataclass(frozen=True, slots=True)
class ResumeSettings:
    """How a load continues, or differs from, the earlier loads in its run directory.

    Attributes:
        run_dir: The run directory.
        checkpoint_dir: The folder in it with the checkpoint of this process: its shard's, if it has a shard.
        shard: The shard that is delivered, or None for the whole load.
        plan_settings: The settings that determine events, as JSON values. Those of earlier loads are
            compared with them.
        restart: Whether the load starts over.
        again: Whether delivered files are sent again.
        retry_failed: Whether failed events are sent again.
        unfinished: What to do with an unfinished load of other files.
    """

    run_dir: Path
    checkpoint_dir: Path
    shard: Shard | None
    plan_settings: Mapping[str, Any]
    restart: bool
    again: bool
    retry_failed: bool
    unfinished: Unfinished


@dataclass(frozen=True, slots=True)
class LaneRateSettings:
    """Where the rate comes from that a load needs lanes for.

    Attributes:
        rate: The user's ceiling in events per second, or None.
        is_remembered: Whether a rate that this machine remembers may be used.
        access: How the service is reached, whose rate is remembered.
        instance_id: The instance whose rate is remembered.
    """

    rate: float | None
    is_remembered: bool
    access: ServiceAccess
    instance_id: str


@dataclass(frozen=True, slots=True)
class ExtractSettings:
    """Settings of an extract.

    Attributes:
        files: Which files it has, and how they are read.
        mapping: The mapping of their columns.
        records: How rows become records.
        resume: How the load continues earlier loads.
        lane_rate: The rate for which the number of buckets is chosen.
        has_time_zone: Whether the user set the zone of timestamps that name none.
        max_records: Maximum number of records in an event, or None.
        window_rows: Number of rows of a window, or None for a choice by size.
    """

    files: FileSettings
    mapping: MappingSettings
    records: RecordSettings
    resume: ResumeSettings
    lane_rate: LaneRateSettings
    has_time_zone: bool
    max_records: int | None
    window_rows: int | None

    def with_buckets(self, buckets: int | None) -> "ExtractSettings":
        """Return the settings with the number of buckets that was chosen."""
        return replace(self, records=replace(self.records, group_buckets=buckets))

    def with_schema(self, schema: Dataset) -> "ExtractSettings":
        """Return the settings with the service's description of the dataset, which determines events too."""
        plan_settings = {**self.resume.plan_settings, **schema.as_settings()}
        return replace(self, resume=replace(self.resume, plan_settings=plan_settings))
