"""A fault beside the delivery of a cell: it is reported, not measured."""

import asyncio
import time
from collections.abc import Callable  # noqa: TC003 - annotates an attribute

import pytest

from loader.datasets import dataset_by_name
from loader.delivery.rate.memory import Remembered
from loader.errors import UnhandledCase
from loader.measuring.cell_run import CellRun
from loader.measuring.grid import Cell
from loader.measuring.payloads import Payloads
from loader.model import Event, Outcome, OutcomeKind

CELL = Cell("1", 400, 10)


class EndlessClient:
    """Accepts every event, without a network."""

    used_share = 0.0

    async def attempt(self, _event: Event) -> Outcome:
        """Accept the event a little later."""
        await asyncio.sleep(0.001)
        return Outcome(OutcomeKind.ACCEPTED, event_id="e")


class SlowClient(EndlessClient):
    """Accepts one event at once, and the next ones after the time of the cell."""

    def __init__(self) -> None:
        self.on_outcome: Callable[[OutcomeKind, float], None] = lambda _kind, _started_at: None
        self._began_at = time.monotonic()

    async def attempt(self, _event: Event) -> Outcome:
        """Accept the event when it is due."""
        started_at = time.monotonic()
        if started_at > self._began_at + 0.02:
            await asyncio.sleep(max(0.0, self._began_at + 0.7 - started_at))
        self.on_outcome(OutcomeKind.ACCEPTED, started_at)
        return Outcome(OutcomeKind.ACCEPTED, event_id="e")


class FaultyPayloads(Payloads):
    """Payloads of which the fourth cannot be made."""

    def event(self, index: int) -> Event:
        """Return an event, or fail."""
        if index == 3:
            raise SystemExit(0)
        return super().event(index)


async def test_a_fault_ends_the_cell_and_is_raised() -> None:
    """A measurement without its events would end with too low a rate, and a SystemExit with exit code 0."""
    payloads = FaultyPayloads(dataset_by_name("inbound_order_line"), CELL, 0, "run")
    cell = CellRun(EndlessClient(), CELL, payloads, seconds=60, known=Remembered())  # type: ignore[arg-type] # a fake
    with pytest.raises(UnhandledCase) as raised:
        await asyncio.wait_for(cell.run(), 20)
    assert isinstance(raised.value.__cause__, SystemExit)


async def test_a_cell_waits_for_an_acceptance_after_its_warm_up() -> None:
    """Where the first one comes after the time of the cell, a rate of 0 would be wrong."""
    payloads = Payloads(dataset_by_name("inbound_order_line"), CELL, 0, "run")
    cell = CellRun(SlowClient(), CELL, payloads, seconds=0.2, known=Remembered())  # type: ignore[arg-type] # a fake
    result = await asyncio.wait_for(cell.run(), 20)
    assert result.accepted > 0
    assert result.events_per_second > 0
