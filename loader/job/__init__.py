"""The job: one validated settings object from flags, environment, TOML and defaults."""

from loader.job.column_rule import ColumnRule, TextRule
from loader.job.fields import INSTANCE_ID_PATTERN
from loader.job.file_sections import CsvSettings, ExcelSettings
from loader.job.keep import Keep
from loader.job.reading import read_job
from loader.job.run_address import address_of, local_path, working_copy_of
from loader.job.run_folder import SHARDS_NAME, checkpoint_dir_of, run_dir_of
from loader.job.sections import InDoubt, MaxErrors, OnFailure, Pack
from loader.job.settings import DATASET_ARN, DATASET_EVENT_TYPE, Job
from loader.job.shard import Shard

__all__ = [
    "DATASET_ARN",
    "DATASET_EVENT_TYPE",
    "INSTANCE_ID_PATTERN",
    "SHARDS_NAME",
    "ColumnRule",
    "CsvSettings",
    "ExcelSettings",
    "InDoubt",
    "Job",
    "Keep",
    "MaxErrors",
    "OnFailure",
    "Pack",
    "Shard",
    "TextRule",
    "address_of",
    "checkpoint_dir_of",
    "local_path",
    "read_job",
    "run_dir_of",
    "working_copy_of",
]
