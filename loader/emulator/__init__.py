"""An emulator of AWS Supply Chain on loopback, for rehearsals and tests.

It serves the operations of the service model, verifies signatures with botocore's signer, and handles tokens,
order and quotas like the service. A fault plan makes it fail in the ways in which a network can fail. Its
*ledger* has all calls, its *lake* the records. It shares with the loader only the description of the datasets
and facts about the service.

    async with running_emulator(EmulatorSettings(quota=QuotaSettings(rate=100))) as emulator:
        ...  # point a client at emulator.url, with ACCESS_KEY_ID and SECRET_ACCESS_KEY
        assert emulator.summary()["overlaps"] == 0
"""

from loader.emulator.faults import FaultKind, FaultPlan, FaultRule
from loader.emulator.http.server import Emulator, run_emulator, running_emulator
from loader.emulator.settings import ACCESS_KEY_ID, SECRET_ACCESS_KEY, EmulatorSettings, QuotaSettings
from loader.emulator.store.ledger import LedgerRow

__all__ = [
    "ACCESS_KEY_ID",
    "SECRET_ACCESS_KEY",
    "Emulator",
    "EmulatorSettings",
    "FaultKind",
    "FaultPlan",
    "FaultRule",
    "LedgerRow",
    "QuotaSettings",
    "run_emulator",
    "running_emulator",
]
