"""One run of ``verify``: rounds of questions until all is decided or the time is up.

A round reads pages of List while that saves calls, then asks about each remaining receipt. The next round
asks again about events in progress; the pauses between rounds grow.
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
from loader.verify.answers import EventAnswer, verdict_on_absent
from loader.verify.asking import Asker
from loader.verify.by_event_id import ReceiptsByEventId
from loader.verify.paying import Sweep

FLUSH_SECONDS = 1.0
"""Interval between writes of verdicts. After a kill, events with unwritten verdicts are asked about again."""

FIRST_PAUSE_SECONDS, PAUSE_GROWTH, LONGEST_PAUSE_SECONDS = 1.0, 1.6, 60.0
"""Pause between two rounds. The duration of a load is not documented (docs/service.md 2.8)."""

ROUNDS_FOR_MISSING = 3
"""Rounds in which a missing event is asked about: an event that was just accepted may not be found yet."""


class VerifyMethod(StrEnum):
    """Which operations to use."""

    AUTO = "auto"
    """List while that saves calls, then Get."""
    LIST = "list"
    """List to its end, then Get for events that it did not return."""
    GET = "get"
    """Get only."""


@dataclass(frozen=True, slots=True)
class VerifySettings:
    """Settings of a verification.

    Attributes:
        method: Which operations to use.
        wait_seconds: How long to wait for events in progress; None for a single round.
        sample: Number of receipts to check, chosen at random; None for all.
        rate: Maximum calls per second, or None.
        max_in_flight: Maximum number of requests in flight.
    """

    method: VerifyMethod = VerifyMethod.AUTO
    wait_seconds: float | None = None
    sample: int | None = None
    rate: float | None = None
    max_in_flight: int = 100


class VerifySession:
    """Asks about the receipts of a load.

    Args:
        verdicts: The receipts; it stores the verdicts.
        client: Signs and sends.
        destination: Target of the load's events.
        settings: Settings of the verification.
        watch: Called from time to time without arguments; the verdicts have the state.
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
            self._on_answer,
            rate=settings.rate,
            max_in_flight=settings.max_in_flight,
        )
        self._stopped: LoaderError | None = None
        self._current_in_progress = Verdict.STILL_IN_PROGRESS
        self._instance_is_known = False
        self._absent: list[Receipt] = []

    @property
    def calls(self) -> int:
        """Requests made."""
        return self._asker.calls

    def stop(self, error: LoaderError) -> None:
        """Stop the run; the verdicts so far are kept."""
        self._stopped = self._stopped or error
        self._asker.stop(error.what)

    async def run(self) -> None:
        """Ask until all is decided or the time is up.

        Raises:
            LoaderError: The service refuses to answer; earlier verdicts are stored.
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
        reason = "verify was interrupted"
        try:
            with contained():
                async with asyncio.timeout(self._settings.wait_seconds):
                    await self._rounds()
            reason = ""
        except TimeoutError:
            reason = "the time is up"
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
            self._current_in_progress = in_progress[self._current_in_progress is Verdict.IN_PROGRESS]

    def _is_worth_another(self, rounds: int) -> bool:
        counts = self._verdicts.counts()
        if self._chosen is None and counts[Verdict.UNDECIDED]:
            return True
        return bool(counts[Verdict.IN_PROGRESS] or (counts[Verdict.MISSING] and rounds < ROUNDS_FOR_MISSING))

    async def _round(self) -> None:
        if self._settings.method is not VerifyMethod.GET and self._chosen is None:
            await self._sweep()
        for receipt in self._to_ask():
            await self._asker.ask(receipt)
            if self._absent:
                await self._check_instance()
        await self._asker.answered()
        await self._check_instance()

    async def _sweep(self) -> None:
        sweep = Sweep(self._left(), exhaustive=self._settings.method is VerifyMethod.LIST)
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

    def _swept(self, receipt: Receipt, event: EventAnswer) -> bool:
        """Record an event of ours from a page; return whether it is new in this round."""
        is_news = self._is_open(receipt)
        if is_news:
            self._record(receipt, event)
        return is_news

    async def _check_instance(self) -> None:
        """Confirm that the instance exists, then record the events that were not found as absent.

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
        return verdict not in NO_LONGER_ASKED and verdict is not self._current_in_progress

    def _left(self) -> int:
        counts = self._verdicts.counts()
        return sum(number for verdict, number in counts.items() if verdict not in NO_LONGER_ASKED)

    def _on_answer(self, receipt: Receipt, answer: EventAnswer | None) -> None:
        if answer is not None:
            self._record(receipt, answer)
        elif self._instance_is_known:
            self._record_absent(receipt)
        else:
            self._absent.append(receipt)

    def _record(self, receipt: Receipt, answer: EventAnswer) -> None:
        verdict = self._current_in_progress if answer.verdict is Verdict.IN_PROGRESS else answer.verdict
        self._verdicts.record(receipt, verdict, answer.message)

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
