"""How many attempts may be under way: as many as the rate needs, fewer when the service is in trouble.

Throttles are the governor's business (governor.py): they ask for fewer attempts per second. Server errors and
timeouts ask for fewer at a time, which is what this cap does. It is the smallest of three limits:

    need     HEADROOM times Little's law, rate * latency: holds nothing back, bounds memory and connections;
             never below SPARE, as that law knows nothing of attempts whose answers do not come
    health   0.7 times what it was, once per epoch of trouble; recovers while attempts succeed
    room     shrinks while this process has no processor time left: then more attempts under way only wait
             longer in it, their latency asks for more still, and each costs memory and cache

Rules kept here:

1. ``need`` follows the rate that is *allowed*. Were it the rate measured, a low cap would keep the measured
   rate low, and that the cap.
2. One cut per epoch: trouble of attempts that started before the last cut changes nothing.
3. A tolerated share of errors changes nothing, and MINIMUM attempts are always allowed.
4. Answers that come in a row say the same of the latency: one of them is looked at.
"""

import math

from loader.delivery.rate.throttle_budget import ThrottleBudget

MINIMUM = 2

SPARE = 32
"""A fast service needs two or three at a time. Were that the limit, as many silent answers would hold up all
lanes until they time out (60 s)."""

HEADROOM = 1.5
"""Beyond rate * latency: latencies scatter, and the rate must be able to grow."""

QUANTILE, QUANTILE_STEP = 0.95, 0.1
"""The latency that counts: nineteen in twenty are below."""

JUMP = 0.5
"""A latency this share of which is above the quantile moves it there at once: at a low rate there are few
answers to learn from, and a quantile that is too high does no harm."""

MEAN_WEIGHT = 1.0 / 64.0
"""Of the newest latency in the mean, which is above the quantile if a few attempts take very long."""

TROUBLE_CUT = 0.7
"""CUBIC's factor (RFC 9438)."""

CHANCE_TROUBLES = 1.0
"""A single error in excess of the tolerated share is chance."""

BUSY_SHARE = 0.95
"""Of one core: from here on a process whose Python code runs one thread at a time has no time left."""

BUSY_CUT, CALM_GROWTH = 0.9, 1.2
"""Per look, a few times a second: it settles where the process is just busy. Measured with a service that
answers at once: 64 under way instead of 1,000 saved a sixth of the processor time of an event."""

LOOK_SECONDS = 0.002
"""Between looks at a latency: below 500 answers a second each counts, and 500 a second are enough."""

RECOVERY_PER_SECOND = 0.05
"""Growth near the limit at which there was trouble: back from a cut within eight seconds."""


class InFlightCap:
    """The number of attempts that may be under way.

    Args:
        maximum: Never more than this; if it is less than MINIMUM, it is the limit.

    Attributes:
        limit: Attempts that may be under way, at least one. For others to read only.
    """

    __slots__ = (
        "_answers",
        "_budget",
        "_cut_at",
        "_has_succeeded",
        "_health",
        "_maximum",
        "_mean_seconds",
        "_next_look",
        "_quantile_seconds",
        "_room",
        "_succeeded_at",
        "_trouble_limit",
        "limit",
    )

    def __init__(self, *, maximum: int) -> None:
        if maximum < 1:
            raise ValueError("maximum must be at least 1")
        self._maximum = maximum
        self.limit = maximum
        self._health = self._room = float(maximum)
        self._trouble_limit = float(maximum)
        self._quantile_seconds = self._mean_seconds = 0.0
        self._budget = ThrottleBudget()
        self._answers = 0
        self._has_succeeded = False
        self._succeeded_at = self._cut_at = self._next_look = -math.inf

    def succeeded(self, now: float, latency_seconds: float, rate: float) -> None:
        """Note an accepted attempt.

        Args:
            now: Monotonic seconds.
            latency_seconds: From its start to its answer.
            rate: Events per second that the governor allows.
        """
        self._answers += 1
        if self._health < self._maximum:
            self._recover(now)
        elif now < self._next_look:
            return
        self._next_look = now + LOOK_SECONDS
        self._has_succeeded = True
        self._succeeded_at = now
        self._measure(latency_seconds)
        need = HEADROOM * rate * max(self._quantile_seconds, self._mean_seconds)
        self.limit = self._bounded(min(max(need, SPARE), self._health, self._room))

    def looked(self, cpu_share: float) -> None:
        """Note how busy this process was since the last look.

        Args:
            cpu_share: Its processor time over the time that passed; above 1 with several threads.
        """
        if cpu_share >= BUSY_SHARE:
            self._room = max(BUSY_CUT * min(self._room, self.limit), SPARE)
        else:
            self._room = min(CALM_GROWTH * self._room, float(self._maximum))

    def troubled(self, now: float, started_at: float) -> None:
        """Note a server error, timeout or connection error.

        Args:
            now: Monotonic seconds.
            started_at: When the attempt started.
        """
        self._answers += 1
        if started_at <= self._cut_at or not self._budget.spend(self._answers, CHANCE_TROUBLES):
            return
        if self._has_succeeded:  # in an outage the limit from before it is kept, to come back to
            self._trouble_limit = float(self.limit)
        self._health = max(TROUBLE_CUT * min(self._health, self.limit), MINIMUM)
        self.limit = self._bounded(self._health)
        self._has_succeeded = False
        self._cut_at = now
        self._budget.renew(self._answers)

    def _measure(self, latency_seconds: float) -> None:
        quantile = self._quantile_seconds
        if quantile == 0.0:
            self._quantile_seconds = self._mean_seconds = latency_seconds
            return
        # Steps up and down balance where a share of QUANTILE is below. They are factors: any scale will do.
        step = QUANTILE_STEP * (QUANTILE if latency_seconds > quantile else QUANTILE - 1.0)
        self._quantile_seconds = max(quantile * (1.0 + step), JUMP * latency_seconds)
        self._mean_seconds += MEAN_WEIGHT * (latency_seconds - self._mean_seconds)

    def _recover(self, now: float) -> None:
        if self._health < TROUBLE_CUT * self._trouble_limit:
            self._health += 1.0  # doubles with each round of answers, TCP's slow start
        else:
            elapsed = min(now - max(self._succeeded_at, self._cut_at), 1.0)
            self._health *= 1.0 + RECOVERY_PER_SECOND * elapsed

    def _bounded(self, limit: float) -> int:
        return min(max(math.ceil(limit), MINIMUM), self._maximum)
