"""The settings of a load, restored from its checkpoint, for commands that get a run directory only."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loader.checkpoint.plan import Plan
from loader.checkpoint.reading import check_load_exists, open_for_reading, read_plan
from loader.checkpoint.start.lock import look_without_locking
from loader.extract.settings import ExtractSettings
from loader.job import SHARDS_NAME, Job, Shard
from loader.model import Destination
from loader.service.settings import ClientSettings
from loader.stage_settings.connections import client_settings
from loader.stage_settings.extract import extract_settings


@dataclass(frozen=True, slots=True)
class StoredSettings:
    """The settings of a load.

    Attributes:
        client: The settings of its client.
        extract: The settings of its extract, with all files, including delivered ones.
    """

    client: ClientSettings
    extract: ExtractSettings

    @property
    def destination(self) -> Destination:
        """The destination of its events."""
        return self.client.destination

    @property
    def reads_schema(self) -> bool:
        """Whether the service describes the dataset, so that its events cannot be planned without it."""
        return self.client.reads_schema


def stored_plan(run_dir: Path) -> Plan:
    """Return the plan of the load in a run directory.

    Raises:
        CheckpointError: The run directory has no checkpoint, or it cannot be read.
    """
    check_load_exists(run_dir)
    with (
        look_without_locking(run_dir) as pid,
        open_for_reading(run_dir, alive=pid is not None) as connection,
    ):
        return read_plan(connection)[2]


def stored_settings(run_dir: Path, plan: Plan, given: Mapping[str, Any] | None = None) -> StoredSettings:
    """Return the settings of the load that made a plan, to read its extract again.

    Args:
        run_dir: The run directory.
        plan: The plan.
        given: Region, profile and endpoint that replace those of the load.
    """
    shaping = {name: value for name, value in plan.settings.items() if name in Job.model_fields}
    reached = {name: value for name, value in plan.connection.items() if value is not None}
    given = {name: value for name, value in (given or {}).items() if value is not None}
    extract = tuple(file.path for file in plan.files)
    shard = Shard.of_folder(run_dir.name) if run_dir.parent.name == SHARDS_NAME else None
    whole = run_dir if shard is None else run_dir.parent.parent
    place = {"extract": extract, "run_dir": whole, "shard": shard, "restart": True}
    job = Job(**{**shaping, **reached, **given, **place})
    return StoredSettings(client_settings(job), extract_settings(job))
