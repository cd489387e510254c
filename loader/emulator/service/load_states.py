"""Decide whether the records of an accepted event reach the data lake, and the load status of Get and List.

Rules kept here:

1. The decision is made when the event is accepted, and stored in its ledger row. A restarted emulator returns
   the same.
2. Only events of type ``scn.data.dataset`` have a load status (docs/service.md 3.4). A typed event can fail
   too, but no operation reports it.
3. Records reach the lake at once. The status changes ``load_seconds`` later.
"""

import random
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from loader.emulator.faults import FaultKind
from loader.emulator.settings import EmulatorSettings
from loader.emulator.store.ledger import LedgerRow

_BY_VALUE = f"{FaultKind.LOAD_FAILED}:"


class LoadOutcomes:
    """Decides which loads fail.

    Args:
        settings: The share of failing loads, the values that make a load fail, and the seed.
    """

    def __init__(self, settings: EmulatorSettings) -> None:
        self._share = settings.fail_load_share
        self._values = settings.failed_values
        self._draws = random.Random(settings.seed)  # noqa: S311 - repeatable on purpose

    def failure_of(self, data: str) -> str:
        """Return the ledger's name for the failure of an event's load; empty if the load succeeds.

        Args:
            data: The event's records, as JSON.
        """
        if self._values:
            document = orjson.loads(data)
            column = self._failing_column(document if isinstance(document, list) else [document])
            if column:
                return _BY_VALUE + column
        if self._share and self._draws.random() < self._share:
            return FaultKind.LOAD_FAILED
        return ""

    def _failing_column(self, records: Sequence[Mapping[str, Any]]) -> str:
        for column, values in self._values.items():
            if any(column in record and str(record[column]) in values for record in records):
                return column
        return ""


def load_failed(row: LedgerRow) -> bool:
    """Return whether the records of an accepted event never reach the lake."""
    return row.fault == FaultKind.LOAD_FAILED or row.fault.startswith(_BY_VALUE)


def load_execution(row: LedgerRow, now: float, load_seconds: float) -> dict[str, str]:
    """Return the ``datasetLoadExecution`` of an event.

    Args:
        row: The event.
        now: Epoch seconds.
        load_seconds: How long a load stays IN_PROGRESS.
    """
    if now - row.at < load_seconds:
        return {"status": "IN_PROGRESS"}
    if row.fault.startswith(_BY_VALUE):
        column = row.fault.removeprefix(_BY_VALUE)
        return {"status": "FAILED", "message": f"Column '{column}' has a value that cannot be loaded"}
    if load_failed(row):
        return {"status": "FAILED", "message": "Injected by the emulator's fault plan"}
    return {"status": "SUCCEEDED"}
