"""The in-flight cap: the maximum number of concurrent attempts.

The governor handles throttles by a lower rate. The cap handles server errors and timeouts by a lower
concurrency. The cap is the number of overdue attempts (overdue.py) plus the smallest of three limits:

    need     HEADROOM times Little's law (rate * latency). It bounds memory and connections without limiting
             the rate. It is at least SPARE.
    health   A cut to 0.7 of the current limit, once per epoch of errors. It recovers while attempts succeed.
    room     It shrinks while this process uses all of its processor time. More concurrent attempts would only
             wait longer in the process, raise the latency and thus the need, and use memory and cache.

Rules kept here:

1. ``need`` follows the *allowed* rate. With the measured rate, a low cap would keep the measured rate low,
   and the low rate would keep the cap low.
2. One cut per epoch: errors of attempts that started before the last cut have no effect.
3. A tolerated fraction of errors has no effect, and MINIMUM attempts are always allowed. A service that fails
   at random fails at any concurrency, so a cut would cost throughput and avoid no error.
4. Answers that arrive together carry the same latency information, so only one of them is measured.
"""

import math

from loader.delivery.limits.overdue import OverdueAttempts
from loader.delivery.rate.throttle_budget import ThrottleBudget

MINIMUM = 2

SPARE = 32
"""Lower bound of ``need``. A fast service needs two or three concurrent attempts. With such a low cap, two or
three attempts without an answer would block all lanes until they are overdue."""

HEADROOM = 1.5
"""Factor on rate * latency, because latencies vary and the rate must be able to grow."""

QUANTILE, QUANTILE_STEP = 0.95, 0.1
"""Quantile of the latency that ``need`` uses (95 % of the latencies are below it), and step of its
estimate."""

JUMP = 0.5
"""If JUMP * latency exceeds the quantile, the quantile becomes this value immediately. There are few answers
at a low rate, and a quantile that is too high does no harm."""

MEAN_WEIGHT = 1.0 / 64.0
"""Weight of the newest latency in the mean. The mean exceeds the quantile if a few attempts take very
long."""

TROUBLE_CUT = 0.7
"""Factor of a cut after errors, as in CUBIC (RFC 9438)."""

TOLERATED_TROUBLES, CHANCE_TROUBLES = 0.1, 6.0
"""Fraction of the answers that may be errors without effect, and number of errors above it that is attributed
to chance. A service that fails 5 % of the calls at random exceeds 10 % by 6 errors less than once per minute
at 500/s."""

BUSY_SHARE = 0.95
"""Share of one core from which the process counts as busy. Python code runs in one thread at a time, so no
processor time is left."""

BUSY_CUT, CALM_GROWTH = 0.9, 1.2
"""Factors of ``room`` per check, a few times a second. ``room`` converges to the point where the process is
nearly busy. With a service that answers immediately, 64 concurrent attempts instead of 1,000 saved a sixth of
the processor time per event (measured)."""

_LOOK_SECONDS = 0.002
"""Minimum time between two measured latencies: at most 500 answers per second are measured."""

RECOVERY_PER_SECOND = 0.05
"""Growth of ``health`` near the cap at which errors occurred. It recovers from a cut within eight seconds."""


class InFlightCap:
    """The maximum number of concurrent attempts.

    Args:
        maximum: Upper bound of the limit; it takes precedence over MINIMUM.

    Attributes:
        limit: Maximum number of attempts in flight, at least one. Read-only for other modules.
        overdue: Counts the overdue attempts; the caller reports every start and end to it.
    """

    __slots__ = (
        "_active",
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
        "overdue",
    )

    def __init__(self, *, maximum: int) -> None:
        if maximum < 1:
            raise ValueError("maximum must be at least 1")
        self._maximum = maximum
        self.limit = maximum
        self.overdue = OverdueAttempts()
        self._active = float(maximum)
        self._health = self._room = float(maximum)
        self._trouble_limit = float(maximum)
        self._quantile_seconds = self._mean_seconds = 0.0
        self._budget = ThrottleBudget()
        self._answers = 0
        self._has_succeeded = False
        self._succeeded_at = self._cut_at = self._next_look = -math.inf

    def succeeded(self, now: float, latency_seconds: float, rate: float) -> None:
        """Record an accepted attempt.

        Args:
            now: Monotonic seconds.
            latency_seconds: Time from the start of the attempt to its answer.
            rate: Events per second that the governor allows.
        """
        self._answers += 1
        if self._health < self._maximum:
            self._recover(now)
        elif now < self._next_look:
            return
        self._next_look = now + _LOOK_SECONDS
        self._has_succeeded = True
        self._succeeded_at = now
        self._measure(latency_seconds)
        need = HEADROOM * rate * max(self._quantile_seconds, self._mean_seconds)
        self.overdue.look(now, self._quantile_seconds)
        self._set(min(max(need, SPARE), self._health, self._room))

    def note_cpu_share(self, cpu_share: float) -> None:
        """Record the processor usage of this process since the last call.

        Args:
            cpu_share: Processor time divided by elapsed time. It exceeds 1 if several threads are busy.
        """
        if cpu_share >= BUSY_SHARE:
            self._room = max(BUSY_CUT * min(self._room, self._active), SPARE)
        else:
            self._room = min(CALM_GROWTH * self._room, float(self._maximum))

    def troubled(self, now: float, started_at: float) -> None:
        """Record a server error, timeout or connection error.

        Args:
            now: Monotonic seconds.
            started_at: Start time of the attempt in monotonic seconds.
        """
        self._answers += 1
        if started_at <= self._cut_at or not self._budget.spend(
            self._answers, CHANCE_TROUBLES, TOLERATED_TROUBLES
        ):
            return
        if self._has_succeeded:  # an outage keeps the limit from before it, as the recovery target
            self._trouble_limit = self._active
        self._health = max(TROUBLE_CUT * min(self._health, self._active), MINIMUM)
        self._set(self._health)
        self._has_succeeded = False
        self._cut_at = now
        self._budget.renew(self._answers)

    def _measure(self, latency_seconds: float) -> None:
        quantile = self._quantile_seconds
        if quantile == 0.0:
            self._quantile_seconds = self._mean_seconds = latency_seconds
            return
        # Steps up and down balance if the fraction QUANTILE is below. Steps are factors, so any scale works.
        step = QUANTILE_STEP * (QUANTILE if latency_seconds > quantile else QUANTILE - 1.0)
        self._quantile_seconds = max(quantile * (1.0 + step), JUMP * latency_seconds)
        self._mean_seconds += MEAN_WEIGHT * (latency_seconds - self._mean_seconds)

    def _recover(self, now: float) -> None:
        if self._health < TROUBLE_CUT * self._trouble_limit:
            self._health += 1.0  # doubles per round trip, as in TCP slow start
        else:
            elapsed = min(now - max(self._succeeded_at, self._cut_at), 1.0)
            self._health *= 1.0 + RECOVERY_PER_SECOND * elapsed

    def _set(self, active: float) -> None:
        self._active = min(max(active, MINIMUM), float(self._maximum))
        self.limit = min(math.ceil(self._active) + self.overdue.count, self._maximum)
