"""Parts of a load that raise where a fault plan says so: no method of the loader is replaced."""

import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from loader.aws.credentials import CredentialSource, FixedCredentials
from loader.aws.signing import Credentials
from loader.checkpoint import Checkpoint, Plan, open_checkpoint
from loader.emulator import ACCESS_KEY_ID, SECRET_ACCESS_KEY
from loader.events import SliceRecords
from loader.extract import Extract, Slice, open_extract
from loader.extract.settings import ExtractSettings
from loader.loading.observers import Observers
from loader.loading.opening import LoadParts
from loader.model import Event, EventResult, Outcome, OutcomeKind, SlicePlan
from loader.report import Snapshot
from loader.service.client import SupplyChainClient, open_client
from loader.service.settings import ClientSettings

STAGES = (
    "open extract",
    "open client",
    "open checkpoint",
    "read first window",
    "read later window",
    "after last window",
    "convert",
    "pack",
    "write window",
    "hand over",
    "mark",
    "checkpoint writer",
    "checkpoint watch",
    "attempt",
    "credentials refresh",
    "result",
    "progress",
)

BEFORE_SENDING = {"open extract", "open client", "open checkpoint"}
"""Stages whose fault leaves no summary: the load is refused."""

FAULTY_WINDOW = 2


@dataclass
class FaultPlan:
    """Raises a fault at one stage.

    Attributes:
        stage: One of STAGES, "end early" for a reader that ends without a fault, or "" for none.
        fault: Makes what is raised.
        raised: Whether it was.
        sent: Set when an event was accepted.
    """

    stage: str = ""
    fault: Callable[[], BaseException] = RuntimeError
    raised: bool = field(default=False, init=False)
    sent: threading.Event = field(default_factory=threading.Event, init=False)

    def reach(self, stage: str) -> None:
        """Raise the fault if this is its stage."""
        if stage == self.stage:
            self.raised = True
            raise self.fault()


class FaultyFrame:
    """Records that raise when their events are planned."""

    def __init__(self, plan: FaultPlan) -> None:
        self._plan = plan

    def __getattr__(self, name: str) -> Any:
        self._plan.reach("pack")
        raise AttributeError(name)


class FaultyExtract:
    """An extract whose reading and converting may raise."""

    def __init__(self, extract: Extract, plan: FaultPlan) -> None:
        self._extract, self._plan = extract, plan

    def __getattr__(self, name: str) -> Any:
        return getattr(self._extract, name)

    def slices(
        self,
        wanted: Callable[[int], bool],
        known_rows: Mapping[int, int],
        on_end: Callable[[int, int], None],
    ) -> Generator[Slice, None, None]:
        self._plan.reach("read first window")
        for rows in self._extract.slices(wanted, known_rows, on_end):
            if rows.window == FAULTY_WINDOW:
                self._plan.reach("read later window")
                if self._plan.stage == "end early":
                    return
            yield rows
        self._plan.reach("after last window")

    def records(self, rows: Slice) -> SliceRecords:
        records = self._extract.records(rows)
        if rows.window == FAULTY_WINDOW:
            self._plan.reach("convert")
            if self._plan.stage == "pack":
                object.__setattr__(records, "frame", FaultyFrame(self._plan))
        return records


class FaultyCheckpoint:
    """A checkpoint some of whose calls raise."""

    def __init__(self, checkpoint: Checkpoint, plan: FaultPlan) -> None:
        self._checkpoint, self._plan = checkpoint, plan

    def __getattr__(self, name: str) -> Any:
        return getattr(self._checkpoint, name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *ended: object) -> None:
        self._checkpoint.close()

    def begin_slice(self, plan: SlicePlan) -> bool:
        if plan.window == FAULTY_WINDOW:
            self._plan.reach("write window")
        return self._checkpoint.begin_slice(plan)

    async def mark_sendable(self, places: Sequence[tuple[int, int]]) -> None:
        if any(window == FAULTY_WINDOW for window, _ in places):
            self._plan.reach("mark")
        await self._checkpoint.mark_sendable(places)

    async def watch(self) -> None:
        self._plan.reach("checkpoint watch")
        await self._checkpoint.watch()


class FaultyClient:
    """A client that raises at its third attempt, or when it looks for new credentials."""

    def __init__(self, client: SupplyChainClient, plan: FaultPlan) -> None:
        self._client, self._plan = client, plan
        self._attempts = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *ended: object) -> None:
        await self._client.close()

    async def attempt(self, event: Event) -> Outcome:
        self._attempts += 1
        if self._attempts == 3:
            self._plan.reach("attempt")
            if self._plan.stage == "credentials refresh":
                return Outcome(OutcomeKind.REFRESH, "ExpiredTokenException", status=403)
        outcome = await self._client.attempt(event)
        self._plan.sent.set()
        return outcome

    async def refresh_credentials(self) -> None:
        self._plan.reach("credentials refresh")


def faulty_parts(plan: FaultPlan) -> LoadParts:
    """Return parts that follow a fault plan."""

    def extract(settings: ExtractSettings, **options: Any) -> Any:
        plan.reach("open extract")
        return FaultyExtract(open_extract(settings, **options), plan)

    async def client(settings: ClientSettings, *, credentials: CredentialSource | None) -> Any:
        plan.reach("open client")
        return FaultyClient(await open_client(settings, credentials=credentials), plan)

    def checkpoint(run_dir: Path, load: Plan, **options: Any) -> Any:
        plan.reach("open checkpoint")
        return FaultyCheckpoint(open_checkpoint(run_dir, load, **{**options, "clock": clock}), plan)

    def clock() -> float:
        if threading.current_thread().name == "checkpoint":
            plan.reach("checkpoint writer")
        return time.time()

    return LoadParts(open_extract=extract, open_client=client, open_checkpoint=checkpoint)


def faulty_observers(plan: FaultPlan) -> Observers:
    """Return observers that follow a fault plan."""

    def result(_: EventResult) -> None:
        plan.reach("result")

    def watch(_: Snapshot) -> None:
        plan.reach("progress")

    async def caught_up() -> None:
        plan.reach("hand over")

    return Observers(watch=watch, on_result=result, caught_up=caught_up)


def emulator_key() -> FixedCredentials:
    """Return the key that the emulator knows."""
    return FixedCredentials(Credentials(ACCESS_KEY_ID, SECRET_ACCESS_KEY))
