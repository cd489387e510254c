"""The folders of a load: its run directory, and the folder of the shard that this process delivers."""

import hashlib
import os
from pathlib import Path

import orjson

from loader.command_line import absolute_path
from loader.job.run_address import address_of, working_copy_of
from loader.job.sections import Engine, located
from loader.job.settings import Job
from loader.job.shard import Shard

SHARDS_NAME = "shards"
"""Folder in a run directory that holds a folder for each shard."""


def run_dir_of(job: Job) -> Path:
    """Return the run directory of a job. The same command always gives the same one.

    For a run directory in S3, it is the working copy on this machine.
    """
    address = address_of(job.run_dir)
    if address is not None:
        return working_copy_of(address)
    if job.run_dir is not None:
        return absolute_path(job.run_dir) if os.pardir in job.run_dir.parts else job.run_dir
    identity = orjson.dumps(
        [job.plan_settings(), [_escaped(located(name, Path.cwd())) for name in job.extract]],
        option=orjson.OPT_SORT_KEYS,
    )
    name = f"{job.event_type.rpartition('.')[2]}-{hashlib.sha256(identity).hexdigest()[:8]}"
    return Path("scn-loader-runs") / name


def checkpoint_dir_of(job: Job) -> Path:
    """Return the folder of the checkpoint that this process writes: its shard's folder, if it has a shard."""
    if job.shard is None or job.shard.of == 1:
        return run_dir_of(job)
    return run_dir_of(job) / SHARDS_NAME / job.shard.folder


def log_dir_of(job: Job, run_dir: Path) -> Path:
    """Return the folder of the log. With workers, it is the folder of the first shard.

    If the workers run on other machines and share S3, the folder of the first shard may be on one of them.
    The log is then in the run directory itself.

    Args:
        job: The settings.
        run_dir: The run directory, or the folder of a shard.
    """
    is_elsewhere = job.engine is Engine.RAY and address_of(job.run_dir) is not None
    if job.workers is None or job.workers == 1 or is_elsewhere:
        return run_dir
    return run_dir / SHARDS_NAME / Shard(number=1, of=job.workers).folder


def _escaped(name: str) -> str:
    """Return a file name as text for JSON. Bytes that are not UTF-8 become escapes."""
    return name.encode(errors="backslashreplace").decode()
