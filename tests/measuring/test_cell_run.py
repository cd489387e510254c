"""A fault beside the delivery of a cell: it is reported, not measured."""

import asyncio

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
