"""``--engine ray``: the shards of a load as tasks of a Ray cluster.

Rules kept here:

1. A task starts the same worker process as ``--workers``, and forwards messages between it and the driver.
2. Messages go through an actor that ends with the driver. A task that cannot reach it lets its worker drain.
3. Ray does not repeat tasks. ``workers.py`` repeats them, because it knows whether events were accepted
   between two deaths.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from loader.aws.signing import Credentials
from loader.errors import DeliveryStopped
from loader.job import Job, Shard
from loader.job.sections import located
from loader.loading.observers import Ending, Observers
from loader.loading.settings import run_directory_settings
from loader.private_files import make_private_folder
from loader.runners.ray_cluster import check_machines, connected, passed_on
from loader.runners.ray_task import DRAIN, MESSAGES_SECONDS, deliver
from loader.runners.workers import run_workers


def run_on_ray(
    job: Job, observers: Observers, *, command: str = "", key: Credentials | None = None
) -> Ending:
    """Deliver the shards of a load by tasks of a Ray cluster; return the end of the load.

    Args:
        job: The settings.
        observers: Observers of the load.
        command: The command line that runs the load again.
        key: The key used for signing; without one, each machine looks it up.

    Raises:
        LoaderError: The load was refused before anything was sent.
    """
    tasks = job.workers or 0
    extract = tuple(located(name, Path.cwd()) for name in job.extract)
    run_dir = run_directory_settings(job)
    make_private_folder(run_dir.folder)  # it has the log of the driver, also for a run directory in S3
    with connected(job.ray_address, tasks):
        check_machines(extract, run_dir, tasks)
        place = job.run_dir if run_dir.address is not None else run_dir.folder
        placed = job.model_copy(update={"extract": extract, "run_dir": place})
        return run_workers(placed, observers, command=command, key=key, start=_Tasks().start)


class _Exchange:
    """An actor that stores messages until the other side takes them, for each task separately."""

    def __init__(self) -> None:
        self._said: defaultdict[int, list[bytes]] = defaultdict(list)
        self._orders: defaultdict[int, list[bytes]] = defaultdict(list)

    def of_worker(self, place: int, said: Sequence[bytes]) -> Sequence[bytes]:
        """Take the messages of a worker; return the orders for it."""
        self._said[place] += said
        return self._orders.pop(place, [])

    def of_driver(self, place: int, orders: Sequence[bytes]) -> Sequence[bytes]:
        """Take orders for a worker; return its messages."""
        self._orders[place] += orders
        return self._said.pop(place, [])


class _Tasks:
    """Starts a task for each process of a load."""

    def __init__(self) -> None:
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        self._exchange = ray.remote(_Exchange).options(num_cpus=0, scheduling_strategy=here).remote()
        self._deliver = ray.remote(deliver).options(num_cpus=1, max_retries=0, scheduling_strategy="SPREAD")
        self._environment = passed_on()
        self._places = count()

    async def start(self, _shard: Shard, first: bytes) -> "_Task":
        place = next(self._places)
        result = self._deliver.remote(first, self._environment, self._exchange, place)
        return _Task(result, self._exchange, place)


class _Task:
    """A task as a worker process.

    Args:
        result: Its result, which is available after its end.
        exchange: The actor that stores its messages.
        place: Number of the task in the actor.
    """

    def __init__(self, result: Any, exchange: Any, place: int) -> None:
        self._result = result
        self._exchange = exchange
        self._place = place
        self._orders: list[bytes] = []

    async def messages(self) -> AsyncIterator[bytes]:
        ended = asyncio.ensure_future(self._end())
        try:
            while True:
                is_last = ended.done()
                for message in await self._said():
                    yield message
                if is_last:
                    return
                await asyncio.wait({ended}, timeout=MESSAGES_SECONDS)
        finally:
            ended.cancel()

    def send(self, message: bytes) -> None:
        self._orders.append(message)

    def drain(self) -> None:
        self._orders.append(DRAIN)

    def kill(self) -> None:
        with suppress(RayError):
            ray.cancel(self._result, force=True)

    async def _end(self) -> None:
        with suppress(RayError):  # the missing end message says enough
            await self._result

    async def _said(self) -> Sequence[bytes]:
        orders, self._orders = self._orders, []
        try:
            said: Sequence[bytes] = await self._exchange.of_driver.remote(self._place, orders)
        except RayError as error:
            raise DeliveryStopped(
                "The Ray cluster cannot be reached, so the load stops.",
                why=str(error).splitlines()[0],
                next_step="run the same command again: it resumes",
            ) from error
        return said
