"""The governor: it learns the rate that the service allows and controls when attempts start.

AWS does not publish the quota, and the quota may change while a load runs. The only input of the governor is
which attempts were throttled. docs/governor.md explains the algorithm, the reasons and the measurements.

Rules kept here:

1. One cut per congestion epoch: throttles of attempts that started before the last cut have no effect.
2. The rate does not grow while the load itself is the bottleneck, because unused tokens prove nothing.
3. A throttled burst of this process reduces the bucket size, not the rate. Attempts that a stall on the path
   delayed change neither.
4. Retry-After applies to the whole load, and only once: for the throttle that caused the cut.
5. While the service throttles everything, the governor sends one probe at a time, at bounded intervals.
"""

from dataclasses import dataclass

from loader.delivery.rate.attempt_log import AttemptLog
from loader.delivery.rate.bursts import Bursts
from loader.delivery.rate.probing import REFUSED_SECONDS, REFUSED_TRIES, Probing, look_back_seconds
from loader.delivery.rate.random_throttles import RandomThrottles
from loader.delivery.rate.slow_start import FIRST_EPOCHS
from loader.delivery.rate.steering import FEW_TRIES, LEARNED_CUT, LOW_RATE, Phase, Steering
from loader.delivery.rate.throttle_budget import ThrottleBudget, chance, rest_seconds
from loader.delivery.rate.token_bucket import TokenBucket
from loader.model import MAX_RETRY_AFTER_SECONDS

TICK_SECONDS = 0.02
"""Interval between two time-based updates of the rate."""

MAX_SETTLE_SECONDS, SETTLE_REACTIONS, SETTLE_TICK_SECONDS = 0.5, 4.0, 0.005
"""Longest wait for the answers to attempts in flight at the end of START, in seconds and in reaction times,
and the polling interval of that wait. The attempts that were sent last have the longest queueing delay."""

IDLE_SHARE, IDLE_SECONDS = 0.2, 0.1
"""The load is its own bottleneck if the mean share of unused tokens over IDLE_SECONDS exceeds IDLE_SHARE."""

REACHED_CUT, REACHED_SECONDS, REACHED_TRIES = 0.5, 2.0, 32
"""If the previous load found no limit, a load starts at REACHED_CUT times the rate of its last
REACHED_SECONDS, provided that it made REACHED_TRIES attempts. The load reaches the previous rate a third of a
second later."""


@dataclass(frozen=True, slots=True)
class GovernorSettings:
    """Bounds of the rate.

    Attributes:
        start_rate: Initial events per second if no earlier load learned a rate.
        min_rate: Lower bound in events per second, except while everything is throttled.
        max_rate: Upper bound in events per second. The user's ceiling is a separate token bucket.
        max_probe_seconds: Longest time between probes while everything is throttled. The governor detects
            the end of an outage within this time.
    """

    start_rate: float = 15.0
    min_rate: float = 0.2
    max_rate: float = 100_000.0
    max_probe_seconds: float = 2.0

    def __post_init__(self) -> None:
        if not 0 < self.min_rate <= self.start_rate <= self.max_rate:
            raise ValueError("0 < min_rate <= start_rate <= max_rate must hold")
        if self.max_probe_seconds <= 0:
            raise ValueError("max_probe_seconds must be above 0")


class Governor:
    """Decides when an attempt may start.

    Args:
        settings: Bounds of the rate.
        now: Monotonic seconds, as in every method.
        learned_rate: Final value of ``learned_rate`` of an earlier load, or None.
        reached_rate: Final value of ``reached_rate`` of an earlier load, or None.
    """

    def __init__(
        self,
        settings: GovernorSettings = GovernorSettings(),
        *,
        now: float,
        learned_rate: float | None = None,
        reached_rate: float | None = None,
    ) -> None:
        self._settings = settings
        if learned_rate is not None:
            learned_rate = self._bounded(learned_rate)
        rate = max(settings.start_rate, self._bounded(REACHED_CUT * (reached_rate or 0.0)))
        if learned_rate is not None:
            rate = self._bounded(LEARNED_CUT * learned_rate)
        self._log = AttemptLog(now=now)
        self._bucket = TokenBucket(rate, now=now)
        self._bursts = Bursts(self._log)
        self._budget = ThrottleBudget()
        self._noise = RandomThrottles()
        self._steering = Steering(self._log, start_rate=rate, learned_rate=learned_rate, now=now)
        self._probing: Probing | None = None
        self._epochs = 0
        self._epoch_began = 0
        self._first_throttled = 0
        self._settles_by = now
        self._overflow = self._idle_share = 0.0
        self._opens_at = self._ticked_at = now
        self._next_tick = now + TICK_SECONDS

    @property
    def rate(self) -> float:
        """Events per second that are allowed now."""
        return self._bucket.rate if self._probing is None else 1.0 / self._probing.gap_seconds

    @property
    def phase(self) -> Phase:
        """The current state of the governor."""
        return self._steering.phase if self._probing is None else Phase.BLOCKED

    @property
    def is_learning(self) -> bool:
        """Whether no limit was found yet."""
        return self.phase is Phase.START

    @property
    def epochs(self) -> int:
        """Congestion epochs so far, failed probes included."""
        return self._epochs

    @property
    def learned_rate(self) -> float | None:
        """Events per second to remember for the next load, or None if no limit was found."""
        return self._steering.estimate.limit if self._steering.is_known else None

    @property
    def reached_rate(self) -> float | None:
        """Events per second reached without a throttle; None if the load found a limit or was too short."""
        if self.learned_rate is not None or self._epochs or self._log.last < REACHED_TRIES:
            return None
        return self._log.recent(self._log.last, REACHED_SECONDS).admitted_rate

    def wait_seconds(self, now: float) -> float:
        """Return 0 if an attempt may start, else the seconds until one may if no answer arrives before."""
        if now >= self._next_tick:
            self._tick(now)
        if now < self._opens_at:
            return self._opens_at - now
        return self._bucket.wait_seconds(now) if self._probing is None else 0.0

    def start(self, now: float) -> int:
        """Take a rate token for an attempt that starts now; ``wait_seconds`` must have returned 0.

        Returns:
            The attempt's number. The caller passes it back with the answer as ``epoch``.
        """
        if self._probing is None:
            self._bucket.take()
        else:
            self._opens_at = now + self._probing.gap_seconds
        return self._log.start(now)

    def accepted(self, now: float, epoch: int) -> None:
        """Record that the service accepted an attempt."""
        self._log.ended += 1
        if self._probing is not None:
            if epoch > self._epoch_began:
                self._resume(now, self._probing)
        elif self._steering.phase is not Phase.CRUISE and self._idle_share < IDLE_SHARE:
            rate = self._bucket.rate
            self._bucket.rate = min(rate + self._steering.gain(rate, self._epochs), self._settings.max_rate)

    def answered(self, now: float, epoch: int) -> None:  # noqa: ARG002 - the same signature for each outcome
        """Record any other end of an attempt. It carries no information about the rate."""
        self._log.ended += 1

    def throttled(self, now: float, epoch: int, retry_after_seconds: float | None = None) -> None:
        """Record that the service throttled an attempt, with its Retry-After in seconds if it sent one."""
        self._log.ended += 1
        if self._probing is None and self._noise.explains(epoch):
            return
        self._log.throttle(epoch)
        if epoch <= self._epoch_began:
            return
        pause = min(retry_after_seconds or 0.0, MAX_RETRY_AFTER_SECONDS)
        if self._probing is not None:
            self._fail_probe(now, self._probing, pause)
        elif self._bursts.has(epoch, self._bucket.rate):
            if self._bursts.is_new(epoch):
                self._bucket.shrink()
        else:
            self._first_throttled = self._first_throttled or epoch
            admitted_rate = self._noise.finds_noise(now, epoch, self._bucket.rate, self._epoch_began)
            if admitted_rate is not None:
                self._revert_cuts(admitted_rate, now)
            elif self._budget.spend(self._log.last, self._chance()):
                self._cut(now, epoch, pause)

    def _bounded(self, rate: float) -> float:
        return min(max(rate, self._settings.min_rate), self._settings.max_rate)

    def _chance(self) -> float:
        """Return how many throttles above the tolerated share have no effect now."""
        rate = self._bucket.rate
        is_trial = self._steering.is_beyond(rate) or self._epochs < FIRST_EPOCHS
        return 0.0 if is_trial and rate < LOW_RATE and self._log.last >= FEW_TRIES else chance(rate)

    def _tick(self, now: float) -> None:
        elapsed = now - self._ticked_at
        self._ticked_at, self._next_tick = now, now + TICK_SECONDS
        if self._steering.settling:
            self._settle(now)
        elif elapsed > 0 and self._probing is None:
            self._measure_idleness(now, elapsed)
            if self._steering.is_sheltered(self._bucket.rate, self._noise.safe_share):
                self._noise.shelter(self._log.last)
            if self._steering.phase is Phase.CRUISE and self._idle_share < IDLE_SHARE:
                rate = self._steering.cruise(elapsed, is_quiet=not self._first_throttled)
                self._bucket.rate = self._bounded(rate)

    def _measure_idleness(self, now: float, elapsed: float) -> None:
        overflow = self._bucket.take_overflow(now)
        self._overflow += overflow
        share = overflow / (self._bucket.rate * elapsed)
        self._idle_share += (share - self._idle_share) * elapsed / (elapsed + IDLE_SECONDS)

    def _cut(self, now: float, number: int, pause: float) -> None:
        reaction_seconds = now - self._log.started_at(number)
        rate = self._bucket.rate
        if self._bursts.were_held_up(reaction_seconds):
            self._begin_epoch(now + max(pause, rest_seconds(rate, reaction_seconds)))
            self._steering.estimate.discard_before(self._log.last + 1, now)
            self._aim(rate)
            return
        self._steering.note_trouble(number, rate, self._first_throttled, reaction_seconds)
        row = max(REFUSED_TRIES, round(REFUSED_SECONDS * rate))
        if self._log.throttles(number - row, number) == row:
            self._block(now, number, pause)
            return
        rate = self._steering.cut(number, rate, self._overflow, pause, safe_share=self._noise.begin_cut())
        self._aim(rate)
        rest = rest_seconds(rate, reaction_seconds - self._steering.reaction_seconds)
        if self._steering.settling:
            rest = min(reaction_seconds, MAX_SETTLE_SECONDS)
            self._settles_by = now + min(SETTLE_REACTIONS * reaction_seconds, MAX_SETTLE_SECONDS)
        self._begin_epoch(now + max(pause, rest))

    def _revert_cuts(self, admitted_rate: float, now: float) -> None:
        """Return to the rate that the service admits in spite of the noise."""
        if self._steering.phase is not Phase.START:
            self._aim(self._steering.revert(admitted_rate))
            self._begin_epoch(now)

    def _settle(self, now: float) -> None:
        if self._log.ended < self._log.last and now < self._settles_by:
            self._open_at(now + SETTLE_TICK_SECONDS)
            return
        number = self._steering.settling
        rate = self._steering.settle(self._epoch_began, now)
        if rate == 0.0:
            self._block(now, number, 0.0)
            return
        if rate is not None:
            self._aim(rate)
        self._open_at(now + rest_seconds(self._bucket.rate))

    def _aim(self, rate: float) -> None:
        self._bucket.rate = self._bounded(rate)
        self._overflow = 0.0

    def _begin_epoch(self, opens_at: float) -> None:
        self._epochs += 1
        self._epoch_began = self._log.last
        self._first_throttled = 0
        self._budget.renew(self._log.last)
        self._noise.renew(self._log.last)
        self._open_at(max(opens_at, self._opens_at))

    def _open_at(self, time: float) -> None:
        self._opens_at = self._ticked_at = self._next_tick = time
        self._bucket.empty(time)

    def _block(self, now: float, number: int, pause: float) -> None:
        stretch = look_back_seconds(self._bucket.rate)
        self._steering.block(self._bounded(self._log.recent(number, stretch).admitted_rate))
        self._probing = Probing(
            now=now,
            reaction_seconds=now - self._log.started_at(number),
            longest_seconds=self._settings.max_probe_seconds,
        )
        self._begin_epoch(now + max(self._probing.gap_seconds, pause))

    def _fail_probe(self, now: float, probing: Probing, pause: float) -> None:
        self._epochs += 1
        self._epoch_began = self._log.last
        probing.fail()
        self._opens_at = now + max(probing.gap_seconds, pause)

    def _resume(self, now: float, probing: Probing) -> None:
        self._probing = None
        self._aim(self._steering.resume(after_outage=not probing.is_short_block(now)))
        self._open_at(now)
