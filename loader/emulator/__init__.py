"""AWS Supply Chain on loopback: the service's side of the wire, for rehearsals and tests.

It takes Send-, Get- and ListDataIntegrationEvent(s) and GetDataLakeDataset as the service model describes
them, verifies signatures with botocore's signer, keeps tokens, order and quotas like the service, can be
told to fail in every way a network can, and keeps a *ledger* of what arrived and a *lake* of the records.
It shares nothing with the loader but the datasets' description and facts about the service.

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
