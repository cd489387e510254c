"""Open the parts of a load, in this order: live schema (if requested), extract, client, checkpoint."""

import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from loader.aws.credentials import CredentialSource
from loader.checkpoint import Checkpoint, Plan, Replacing, open_checkpoint
from loader.extract import Extract, open_extract, place_of_dataset
from loader.job import Job, Shard, checkpoint_dir_of, run_dir_of
from loader.job.sections import Unfinished
from loader.loading.disk_space import check_free_space
from loader.loading.rejects import set_aside_old_rejects
from loader.process.daemon_thread import in_daemon_thread
from loader.remote.pace import USUAL_PACE, KeepingPace
from loader.service.client import SupplyChainClient, open_client
from loader.service.live_schema import read_dataset
from loader.shards.earlier import EarlierShards
from loader.shards.parts import PartCheckpoint, opening, shard_folders
from loader.shards.siblings import begins_another_load, look_at_siblings
from loader.stage_settings.connections import client_settings
from loader.stage_settings.extract import extract_settings, target_dataset

log = logging.getLogger(__name__)

CONNECTION_SETTINGS = {"profile", "extract_profile", "transport", "max_in_flight", "keep"}
"""Settings that the checkpoint stores, with endpoint and Region, for commands that only know the run
directory."""


@dataclass(frozen=True, slots=True)
class LoadParts:
    """The functions that open the parts of a load. Tests of faults replace them.

    Attributes:
        open_extract: Opens the files of an extract.
        open_client: Opens the client that makes the attempts.
        open_checkpoint: Opens the checkpoint in the run directory.
        pace: Intervals at which a run directory in S3 is copied, and its lease renewed.
    """

    open_extract: Callable[..., Extract] = open_extract
    open_client: Callable[..., Awaitable[SupplyChainClient]] = open_client
    open_checkpoint: Callable[..., Checkpoint] = open_checkpoint
    pace: KeepingPace = USUAL_PACE


USUAL_PARTS = LoadParts()


class Opener:
    """Opens the parts of one load.

    Args:
        job: The settings.
        credentials: Credentials used for signing, or None to look them up.
        parts: The functions that open the parts.
        stack: Closes the extract and the client.
    """

    def __init__(
        self, job: Job, credentials: CredentialSource | None, parts: LoadParts, stack: AsyncExitStack
    ) -> None:
        self._job = job
        self._credentials = credentials
        self._parts = parts
        self._stack = stack
        self._client: SupplyChainClient | None = None

    async def client(self) -> SupplyChainClient:
        """Return the client of the service. It is opened once.

        Raises:
            LoaderError: The settings or the credentials are refused.
        """
        if self._client is None:
            opened = await self._parts.open_client(client_settings(self._job), credentials=self._credentials)
            self._client = await self._stack.enter_async_context(opened)
        return self._client

    async def extract(self) -> Extract:
        """Read the live schema, if the job needs it, and open the files of the extract.

        Raises:
            NothingNew: Every file was delivered before.
            LoaderError: The extract or the settings are refused.
        """
        job = self._job
        schema = None
        if job.live_schema:
            dataset = place_of_dataset(target_dataset(job))
            schema = await read_dataset(await self.client(), job.instance_id, *dataset)
        work = partial(self._parts.open_extract, extract_settings(job), schema=schema)
        extract = await in_daemon_thread(work, "opening")
        self._stack.callback(extract.close)
        for warning in extract.warnings:
            log.warning("%s", warning)
        return extract

    def begins_another_load(self, shard: Shard, extract: Extract, client: SupplyChainClient) -> bool:
        """Return whether the shard of this process has finished the load before, and begins another one.

        Raises:
            CheckpointError: A checkpoint cannot be read.
        """
        plan = self._plan(extract, client, command="")
        run_dir = run_dir_of(self._job).absolute()
        return begins_another_load(run_dir, shard, plan, restart=self._job.restart)

    @contextmanager
    def checkpoint(
        self,
        extract: Extract,
        client: SupplyChainClient,
        command: str,
        elsewhere: Sequence[PartCheckpoint] = (),
    ) -> Iterator[tuple[Checkpoint, EarlierShards | None]]:
        """Open the checkpoint of this process, and those of shards of other divisions of the load.

        Args:
            extract: The opened extract.
            client: The opened client.
            command: The command line that runs the load again.
            elsewhere: The other shards of the division that other machines deliver or delivered.

        Raises:
            LoaderError: The disk is too small, or the run directory cannot be used for this load.
        """
        job, plan = self._job, self._plan(extract, client, command)
        check_free_space(extract, checkpoint_folder(job))
        run_dir = run_dir_of(job).absolute()
        replacing = Replacing(restart=job.restart, supersede=job.unfinished is Unfinished.SUPERSEDE)
        with opening(run_dir) if job.shard is not None or shard_folders(run_dir) else nullcontext():
            siblings = look_at_siblings(run_dir, job.shard, plan, replacing=replacing, elsewhere=elsewhere)
            opened = self._parts.open_checkpoint(
                checkpoint_folder(job),
                plan,
                replacing=replace(replacing, again=job.again and siblings.is_over and not job.retry_failed),
                retry_failed=job.retry_failed,
                least_generation=siblings.least_generation,
                clock=client.service_now,
            )
        with opened as checkpoint:
            # A checkpoint of another generation belongs to an earlier load.
            same = [part for part in siblings.earlier if part.generation == checkpoint.generation]
            if shard_folders(run_dir) and not same:
                set_aside_old_rejects(run_dir, checkpoint.generation)
            with EarlierShards(same, retry_failed=job.retry_failed) if same else nullcontext() as earlier:
                yield checkpoint, earlier

    def _plan(self, extract: Extract, client: SupplyChainClient, command: str) -> Plan:
        connection = {
            **self._job.model_dump(mode="json", include=CONNECTION_SETTINGS),
            "endpoint_url": client.endpoint_url,
            "region": client.region,
        }
        cuts = extract.cuts
        return Plan(
            extract.plan_settings,
            extract.files,
            cuts.window_rows,
            cuts.slice_rows,
            command,
            connection,
        )


def checkpoint_folder(job: Job) -> Path:
    """Return the folder of the checkpoint of this process, absolute."""
    return checkpoint_dir_of(job).absolute()
