"""``measure`` from end to end: consent, dataset, cells, removal of the dataset.

Rules kept here:

1. An instance that is not on loopback gets no event before its consent is known.
2. The announced number of calls is never exceeded; some calls are reserved for the removal of the dataset.
3. The dataset is removed however the measurement ends. After SIGKILL, the next measurement removes it.
"""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial

from loader.aws.credentials import CredentialSource
from loader.datasets import Dataset
from loader.delivery.rate.memory import Remembered
from loader.errors import Interrupted, LoaderError, contained
from loader.job import DATASET_EVENT_TYPE
from loader.measuring.calls import Calls, CountedClient
from loader.measuring.cell_run import EXTRA_SECONDS, MEASURING_DRAIN_SECONDS, CellRun
from loader.measuring.consent import check_consent
from loader.measuring.grid import RESERVED_CALLS, Cell, CellResult, Measurement, MeasureSettings, cells_of
from loader.measuring.own_dataset import only_measurement, own_dataset
from loader.measuring.payloads import Payloads, least_record_bytes
from loader.measuring.resources import ResourceClient
from loader.model import Destination, Operation
from loader.process.daemon_thread import in_daemon_thread
from loader.process.signals import GRACE_SECONDS, hold, on_signals
from loader.service.client import SupplyChainClient, open_client
from loader.service.settings import ClientSettings

SLACK_SECONDS = 300.0
"""Added to the time for which a dataset is marked as in use, for the calls before and after the cells."""


@dataclass(frozen=True, slots=True)
class MeasureWatch:
    """Receives the progress of a measurement.

    Attributes:
        announce: Called before the first call with the cells, the maximum number of calls, and the maximum
            duration in seconds.
        on_result: Called with the result of each cell.
    """

    announce: Callable[[Sequence[Cell], int, float], None]
    on_result: Callable[[CellResult], None]


class _Stop:
    """Passes a signal to the running cell."""

    def __init__(self) -> None:
        self.reason: Interrupted | None = None
        self.cell: CellRun | None = None

    def __call__(self, reason: Interrupted) -> None:
        if self.reason is None:
            reason.next_step = "run the command again"  # a measurement does not resume
            self.reason = reason
        if self.cell is not None:
            self.cell.stop()


def measure_to_end(
    instance: ClientSettings,
    dataset: Dataset,
    settings: MeasureSettings,
    watch: MeasureWatch,
    *,
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
    credentials: CredentialSource | None = None,
) -> Measurement:
    """Measure on a new event loop. Signals end the measurement; its dataset is removed.

    Args:
        instance: How the instance is reached. It is that of the destination.
        dataset: The dataset whose rows are sent.
        settings: What to measure.
        watch: Receives the progress.
        loop_factory: Makes the event loop.
        credentials: Credentials used for signing; looked up if not given.

    Raises:
        LoaderError: Nothing was measured.
    """
    stop = _Stop()
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        loop = runner.get_loop()

        def on_stop(reason: Interrupted) -> None:
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(stop, reason)

        with on_signals(on_stop, lambda _reason: None, MEASURING_DRAIN_SECONDS + GRACE_SECONDS):
            found = runner.run(
                measure(instance, dataset, settings, watch, credentials=credentials, stop=stop)
            )
            hold()  # a signal no longer changes the result
            return found


async def measure(
    instance: ClientSettings,
    dataset: Dataset,
    settings: MeasureSettings,
    watch: MeasureWatch,
    *,
    credentials: CredentialSource | None = None,
    stop: _Stop | None = None,
) -> Measurement:
    """Do the same as `measure_to_end` on the running event loop."""
    stop = stop or _Stop()
    cells = cells_of(settings, least_record_bytes(dataset))
    seconds = len(cells) * (settings.seconds + EXTRA_SECONDS + MEASURING_DRAIN_SECONDS)
    watch.announce(cells, settings.max_calls, seconds)
    calls = Calls(settings.max_calls)
    results: list[CellResult] = []

    def on_found(result: CellResult) -> None:
        results.append(result)
        watch.on_result(result)

    notes: list[str] = []
    error: LoaderError | None = None
    instance_id = instance.destination.instance_id
    with only_measurement(instance_id) as owner, contained():
        async with await open_client(instance, credentials=credentials, reads=True) as client:
            resources = await _permitted(client, calls, instance_id)
            until = client.service_now() + seconds + SLACK_SECONDS
            try:
                own = own_dataset(resources, instance_id, dataset, owner=owner, until=until, notes=notes)
                async with own as arn:
                    target = _sending_to(arn, instance, settings)
                    await _Cells(target, dataset, settings, calls, stop, credentials).run(cells, on_found)
            except LoaderError as fault:
                if not results:
                    raise
                error = fault
    return Measurement(
        dataset=dataset.name,
        endpoint_url=client.endpoint_url,
        results=results,
        calls=calls.made,
        max_calls=calls.most,
        notes=notes,
        error=error or stop.reason,
    )


async def _permitted(client: SupplyChainClient, calls: Calls, instance_id: str) -> ResourceClient:
    """Return what changes the datasets of an instance, if the instance permits a measurement.

    Raises:
        SettingsError: The instance does not permit it.
        LoaderError: The service gave no usable answer.
    """
    calls.take()
    await client.ask_time()
    resources = ResourceClient(client, calls)
    if not client.is_on_loopback:
        await check_consent(resources, instance_id, client.region)
    return resources


def _sending_to(arn: str, instance: ClientSettings, settings: MeasureSettings) -> ClientSettings:
    """Return how the instance is reached to send events to a dataset."""
    destination = Destination(instance.destination.instance_id, DATASET_EVENT_TYPE, arn, Operation.UPSERT)
    return replace(instance, destination=destination, max_in_flight=max(settings.in_flight))


@dataclass(frozen=True, slots=True)
class _Cells:
    """Measures one cell after another."""

    target: ClientSettings
    dataset: Dataset
    settings: MeasureSettings
    calls: Calls
    stop: _Stop
    credentials: CredentialSource | None
    run_id: str = field(default_factory=lambda: secrets.token_hex(16))

    async def run(self, cells: Sequence[Cell], on_result: Callable[[CellResult], None]) -> None:
        known = Remembered()
        async with await open_client(self.target, credentials=self.credentials) as client:
            for number, cell in enumerate(cells):
                if self.stop.reason is not None:
                    return
                payloads = await in_daemon_thread(
                    partial(Payloads, self.dataset, cell, number, self.run_id), "payloads"
                )
                share = (self.calls.left - RESERVED_CALLS // 2) // (len(cells) - number)
                cell_run = CellRun(
                    CountedClient(client, self.calls, share),
                    cell,
                    payloads,
                    seconds=self.settings.seconds,
                    known=known,
                    rate=self.settings.rate,
                )
                self.stop.cell = cell_run
                try:
                    on_result(await cell_run.run())
                finally:
                    self.stop.cell = None
                known = cell_run.learned if cell_run.learned != Remembered() else known
