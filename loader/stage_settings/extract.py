"""The settings of an extract and of its mapping, taken from a job."""

from loader.extract.settings import ExtractSettings, FileSettings, LaneRateSettings, ResumeSettings
from loader.job import Job, Pack, checkpoint_dir_of, run_dir_of
from loader.mapping.settings import MappingSettings
from loader.mapping.target_dataset import TargetDataset
from loader.records.settings import Conversion, RecordSettings
from loader.stage_settings.connections import s3_access, service_access


def extract_settings(job: Job) -> ExtractSettings:
    """Return the settings of a job's extract."""
    return ExtractSettings(
        files=file_settings(job),
        mapping=mapping_settings(job),
        records=record_settings(job),
        resume=_resume_settings(job),
        lane_rate=_lane_rate_settings(job),
        has_time_zone="time_zone" in job.model_fields_set,
        max_records=job.max_records,
        window_rows=job.window_rows,
    )


def file_settings(job: Job) -> FileSettings:
    """Return which files a job's extract has, and how they are read."""
    return FileSettings(
        names=job.extract,
        format=job.format,
        csv=job.csv,
        excel=job.excel,
        partitions=job.partitions,
        delta_version=job.delta_version,
        s3=s3_access(job),
    )


def mapping_settings(job: Job) -> MappingSettings:
    """Return the mapping of a job's columns."""
    return MappingSettings(
        target=target_dataset(job),
        rules=job.mapping,
        defaults=job.defaults,
        filter=job.filter,
        ignore_unknown=job.ignore_unknown,
        group_by=job.group_by,
        timestamp_column=job.timestamp_column,
        place_of=job.place_of,
    )


def target_dataset(job: Job) -> TargetDataset:
    """Return the dataset that the records of a job go to."""
    return TargetDataset(job.event_type, job.dataset_of_arn)


def record_settings(job: Job) -> RecordSettings:
    """Return how the rows of a job become records."""
    return RecordSettings(
        conversion=Conversion(job.time_zone, job.timestamps, job.numbers),
        nulls=job.nulls,
        packs_groups=job.pack is Pack.GROUP,
        group_buckets=job.group_buckets,
        shard=job.shard,
        place_of=job.place_of,
    )


def _resume_settings(job: Job) -> ResumeSettings:
    return ResumeSettings(
        run_dir=run_dir_of(job),
        checkpoint_dir=checkpoint_dir_of(job),
        shard=job.shard,
        plan_settings=job.plan_settings(),
        restart=job.restart,
        again=job.again,
        retry_failed=job.retry_failed,
        unfinished=job.unfinished,
    )


def _lane_rate_settings(job: Job) -> LaneRateSettings:
    return LaneRateSettings(
        rate=job.rate,
        # Shards may run on machines that remember different rates, but must choose the same number.
        is_remembered=not job.forget_rate and job.shard is None,
        access=service_access(job),
        instance_id=job.instance_id,
    )
