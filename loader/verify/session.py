"""One run of ``verify``: rounds of questions about all that is not decided, until it is or time is up.

A round sweeps pages of List while they pay, then asks about each receipt that is left. What is in progress is
asked about again in the next round, ever more slowly.
"""

import asyncio
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from loader.checkpoint.verdicts import NO_LONGER_ASKED, Receipt, Verdict, Verdicts
from loader.errors import LoaderError, contained
from loader.model import Destination
from loader.service.client import SupplyChainClient
from loader.verify.answers import Told, verdict_on_absent
from loader.verify.asking import Asker
from loader.verify.by_event_id import ReceiptsByEventId
from loader.verify.paying import Sweep

FLUSH_SECONDS = 1.0
"""How often verdicts are written down. A kill in between costs asking again."""

FIRST_PAUSE_SECONDS, PAUSE_GROWTH, LONGEST_PAUSE_SECONDS = 1.0, 1.6, 60.0
"""Between two rounds. The time a load takes is not documented (docs/service.md 2.8)."""

ROUNDS_FOR_MISSING = 3
"""An event that was accepted a moment ago may not be found yet: a missing one is asked about this often."""


class How(StrEnum):
    """What to ask."""

    AUTO = "auto"
    """List while it pays, then Get."""
    LIST = "list"
    """List to its end, then Get for what it did not tell of."""
    GET = "get"
    """Get only."""


@dataclass(frozen=True, slots=True)
class VerifySettings:
    """How to verify.

    Attributes:
        how: What to ask.
        wait_seconds: How long to wait for what is in progress; None for a single round.
        sample: How many receipts to ask about, chosen at random; None for all.
        rate: Calls per second never to be exceeded, or None.
        max_in_flight: Most requests under way at once.
    """

    how: How = How.AUTO
    wait_seconds: float | None = None
    sample: int | None = None
    rate: float | None = None
    max_in_flight: int = 100


class VerifySession:
    """Asks about the receipts of a load.

    Args:
        verdicts: The receipts, and where verdicts go.
        client: Signs and sends.
        destination: Where the events of the load went.
        settings: How to verify.
        watch: Called now and then with nothing; the verdicts have the state.
    """

    def __init__(
        self,
        verdicts: Verdicts,
        client: SupplyChainClient,
        destination: Destination,
        settings: VerifySettings,
        watch: Callable[[], None] = lambda: None,
    ) -> None:
        self._verdicts = verdicts
        self._client = client
        self._settings = settings
        self._watch = watch
        self._opened_at: dict[int, float] = {}
        self._chosen = _sample(verdicts.total, settings.sample)
        self._asker = Asker(
            client,
            destination,
            self._on_told,
            rate=settings.rate,
            max_in_flight=settings.max_in_flight,
        )
        self._stopped: LoaderError | None = None
        self._told_now = Verdict.STILL_IN_PROGRESS
        self._instance_is_known = False
        self._absent: list[Receipt] = []

    @property
    def calls(self) -> int:
        """Requests made."""
        return self._asker.calls

    def stop(self, error: LoaderError) -> None:
        """End the run; the verdicts so far stay."""
        self._stopped = self._stopped or error
        self._asker.stop(error.what)

    async def run(self) -> None:
        """Ask until all is decided or time is up.

        Raises:
            LoaderError: The service refuses to answer; what it answered before is written down.
        """
        asking = asyncio.create_task(self._ask_in_time())
        flushing = asyncio.create_task(self._flush_regularly())
        try:
            await self._asker.run()
        finally:
            for task in (asking, flushing):
                task.cancel()
            await asyncio.wait((asking, flushing))
            self._verdicts.flush()
        for task in (asking, flushing):
            if not task.cancelled():
                task.result()
        if self._stopped is not None:
            raise self._stopped

    async def _ask_in_time(self) -> None:
        reason = "the questions broke off"
        try:
            with contained():
                async with asyncio.timeout(self._settings.wait_seconds):
                    await self._rounds()
            reason = ""
        except TimeoutError:
            reason = "time was up"
        finally:
            if reason:
                self._asker.stop(reason)
            else:
                self._asker.close()

    async def _rounds(self) -> None:
        pause, rounds = FIRST_PAUSE_SECONDS, 0
        while True:
            rounds += 1
            await self._round()
            self._verdicts.flush()
            if self._settings.wait_seconds is None or not self._is_worth_another(rounds):
                return
            await asyncio.sleep(pause)
            pause = min(pause * PAUSE_GROWTH, LONGEST_PAUSE_SECONDS)
            in_progress = (Verdict.IN_PROGRESS, Verdict.STILL_IN_PROGRESS)
            self._told_now = in_progress[self._told_now is Verdict.IN_PROGRESS]

    def _is_worth_another(self, rounds: int) -> bool:
        counts = self._verdicts.counts()
        if self._chosen is None and counts[Verdict.UNDECIDED]:
            return True
        return bool(counts[Verdict.IN_PROGRESS] or (counts[Verdict.MISSING] and rounds < ROUNDS_FOR_MISSING))

    async def _round(self) -> None:
        if self._settings.how is not How.GET and self._chosen is None:
            await self._sweep()
        for receipt in self._to_ask():
            await self._asker.ask(receipt)
            if self._absent:
                await self._check_instance()
        await self._asker.answered()
        await self._check_instance()

    async def _sweep(self) -> None:
        sweep = Sweep(self._left(), exhaustive=self._settings.how is How.LIST)
        if not sweep.goes_on:
            return
        with ReceiptsByEventId() as known:
            known.add(self._to_ask())
            token = ""
            while sweep.goes_on:
                page = await self._asker.page(token)
                if page is None:
                    return
                self._instance_is_known = True
                found = [(known.find(event.event_id), event) for event in page.events]
                sweep.saw(sum(self._swept(ours, event) for ours, event in found if ours is not None))
                if not page.next_token or page.next_token == token:
                    return
                token = page.next_token

    def _swept(self, receipt: Receipt, event: Told) -> bool:
        """Take in what a page tells of one of ours; return whether that is news in this round."""
        is_news = self._is_open(receipt)
        if is_news:
            self._record(receipt, event)
        return is_news

    async def _check_instance(self) -> None:
        """See that it is the events that are not found, and not the instance; then believe it.

        Raises:
            ServiceStopped: The instance is not found.
        """
        if self._absent and not self._instance_is_known:
            await self._asker.page("")
            self._instance_is_known = True
        absent, self._absent = self._absent, []
        for receipt in absent:
            self._record_absent(receipt)

    def _to_ask(self) -> Iterator[Receipt]:
        chosen = self._chosen
        for number, receipt in enumerate(self._verdicts.receipts()):
            if (chosen is None or number in chosen) and self._is_open(receipt):
                yield receipt

    def _is_open(self, receipt: Receipt) -> bool:
        verdict = self._verdicts.verdict(receipt)
        return verdict not in NO_LONGER_ASKED and verdict is not self._told_now

    def _left(self) -> int:
        counts = self._verdicts.counts()
        return sum(number for verdict, number in counts.items() if verdict not in NO_LONGER_ASKED)

    def _on_told(self, receipt: Receipt, told: Told | None) -> None:
        if told is not None:
            self._record(receipt, told)
        elif self._instance_is_known:
            self._record_absent(receipt)
        else:
            self._absent.append(receipt)

    def _record(self, receipt: Receipt, told: Told) -> None:
        verdict = self._told_now if told.verdict is Verdict.IN_PROGRESS else told.verdict
        self._verdicts.record(receipt, verdict, told.message)

    def _record_absent(self, receipt: Receipt) -> None:
        since = self._opened_at.get(receipt.window)
        if since is None:
            since = self._opened_at[receipt.window] = self._verdicts.times(receipt.window)[0]
        self._verdicts.record(receipt, verdict_on_absent(since, self._client.service_now()))

    async def _flush_regularly(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            self._verdicts.flush()
            self._watch()


def _sample(total: int, size: int | None) -> frozenset[int] | None:
    if size is None or size >= total:
        return None
    return frozenset(random.sample(range(total), size))
