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
    """An actor that stores the messages of each worker and the orders for it until they are taken."""

    def __init__(self) -> None:
        self._messages: defaultdict[int, list[bytes]] = defaultdict(list)
        self._orders: defaultdict[int, list[bytes]] = defaultdict(list)

    def give_messages(self, task: int, messages: Sequence[bytes]) -> Sequence[bytes]:
        """Store messages of the worker of a task; return the orders for it."""
        self._messages[task] += messages
        return self._orders.pop(task, [])

    def give_orders(self, task: int, orders: Sequence[bytes]) -> Sequence[bytes]:
        """Store orders for the worker of a task; return its messages."""
        self._orders[task] += orders
        return self._messages.pop(task, [])


class _Tasks:
    """Starts a task for each process of a load."""

    def __init__(self) -> None:
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        self._exchange = ray.remote(_Exchange).options(num_cpus=0, scheduling_strategy=here).remote()
        self._deliver = ray.remote(deliver).options(num_cpus=1, max_retries=0, scheduling_strategy="SPREAD")
        self._environment = passed_on()
        self._numbers = count()

    async def start(self, _shard: Shard, first: bytes) -> "_Task":
        number = next(self._numbers)
        result = self._deliver.remote(first, self._environment, self._exchange, number)
        return _Task(result, self._exchange, number)


class _Task:
    """A task as a worker process.

    Args:
        result: Its result, which is available after its end.
        exchange: The actor that stores its messages.
        number: Number by which the actor knows the task.
    """

    def __init__(self, result: Any, exchange: Any, number: int) -> None:
        self._result = result
        self._exchange = exchange
        self._number = number
        self._orders: list[bytes] = []

    async def messages(self) -> AsyncIterator[bytes]:
        ended = asyncio.ensure_future(self._end())
        try:
            while True:
                is_last = ended.done()
                for message in await self._exchange_messages():
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
        with suppress(RayError):  # the driver sees that the end message is missing
            await self._result

    async def _exchange_messages(self) -> Sequence[bytes]:
        """Give the orders to the actor; return the new messages of the worker."""
        orders, self._orders = self._orders, []
        try:
            messages: Sequence[bytes] = await self._exchange.give_orders.remote(self._number, orders)
        except RayError as error:
            raise DeliveryStopped(
                "The Ray cluster cannot be reached, so the load stops.",
                why=str(error).splitlines()[0],
                next_step="run the same command again: it resumes",
            ) from error
        return messages
