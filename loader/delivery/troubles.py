"""Tracking of troubles (faults of attempts): last cause, count, start time, and the decision to give up.

Rules kept here:

1. A trouble is an attempt that ended without a receipt and without a verdict on its event. Throttling is
   excluded, because it has its own counts and patience.
2. The code identifies the cause. An episode of a cause ends when the cause did not occur for
   EPISODE_GAP_SECONDS while events were accepted. The next episode counts from 1.
3. The load gives up if no event was accepted for ``give_up_seconds`` since the first trouble after the last
   acceptance. Time in which this process did not run (suspended, stopped) does not count.
"""

import math
from dataclasses import dataclass

from loader.model import Outcome, OutcomeKind

EPISODE_GAP_SECONDS = 300.0
"""Gap that ends an episode: the longest pause that a Retry-After causes between two attempts of an event."""

MAX_STEP_SECONDS = 5.0
"""Maximum time that counts between two calls of ``look``. The dispatcher calls it at least this often during
a trouble."""

MAX_EPISODES = 100
"""Maximum number of causes in memory, because their names come from external input."""

_RELIEFS = frozenset({OutcomeKind.ACCEPTED, OutcomeKind.REJECTED, OutcomeKind.THROTTLED, OutcomeKind.QUOTA})
"""Answers that show that the service works. A quota has its own time limit (`circuit_breaker`)."""

_NO_TROUBLES = frozenset({OutcomeKind.ACCEPTED, OutcomeKind.REJECTED, OutcomeKind.THROTTLED})


@dataclass(frozen=True, slots=True)
class TroubleEpisode:
    """An episode of one cause.

    Attributes:
        code: The cause: an error code of the service or of the loader.
        count: Number of attempts with this cause.
        since: Epoch seconds of the first of these attempts.
        latest: Epoch seconds of the latest of these attempts.
    """

    code: str
    count: int
    since: float
    latest: float


class Troubles:
    """The troubles of one run.

    Args:
        give_up_seconds: Time without an acceptance after which the load gives up; infinite for never.

    Attributes:
        last: The latest trouble of the run, or None.
        outcome: The outcome of that attempt, or None.
        is_over: Whether the service has worked since the latest trouble.
    """

    def __init__(self, give_up_seconds: float = math.inf) -> None:
        self._give_up_seconds = give_up_seconds
        self._episodes: dict[str, TroubleEpisode] = {}
        self._waited_seconds = 0.0
        self._looked_at = -math.inf
        self._accepted_since: set[str] = set()
        self.last: TroubleEpisode | None = None
        self.outcome: Outcome | None = None
        self.is_over = True

    @property
    def waited_seconds(self) -> float:
        """Seconds without an acceptance since the first trouble; 0 without a current trouble."""
        return self._waited_seconds

    @property
    def should_give_up(self) -> bool:
        """Whether the load should stop."""
        return self._waited_seconds >= self._give_up_seconds

    def relieved(self) -> None:
        """Record an answer that shows that the service works."""
        if not self.is_over:
            self.is_over = True
            self._waited_seconds = 0.0
            self._accepted_since = set(self._episodes)

    def note(self, outcome: Outcome, now: float, wall_now: float) -> None:
        """Record the outcome of an attempt.

        Args:
            outcome: The outcome.
            now: Monotonic seconds.
            wall_now: Epoch seconds.
        """
        if outcome.kind in _RELIEFS and outcome.of_service:
            self.relieved()
        if outcome.kind in _NO_TROUBLES and (outcome.of_service or outcome.kind is OutcomeKind.REJECTED):
            return
        if self.is_over and outcome.kind is not OutcomeKind.QUOTA:
            self.is_over = False
            self._looked_at = now
        self.look(now)
        self.outcome = outcome
        self.last = self._episode(outcome.code, wall_now)
        if len(self._episodes) >= MAX_EPISODES:
            self._episodes.clear()
        self._episodes[outcome.code] = self.last

    def look(self, now: float) -> None:
        """Add the time since the last call to the time waited; ``now`` is in monotonic seconds."""
        if not self.is_over:
            self._waited_seconds += min(now - self._looked_at, MAX_STEP_SECONDS)
            self._looked_at = now

    def next_look_seconds(self) -> float:
        """Return the seconds until ``look`` must be called; infinite without a current trouble."""
        if self.is_over or self._give_up_seconds == math.inf:
            return math.inf
        return min(max(self._give_up_seconds - self._waited_seconds, 0.0), MAX_STEP_SECONDS)

    def _episode(self, code: str, wall_now: float) -> TroubleEpisode:
        known = self._episodes.get(code)
        if known is None or (code in self._accepted_since and wall_now - known.latest > EPISODE_GAP_SECONDS):
            self._accepted_since.discard(code)
            return TroubleEpisode(code, 1, wall_now, wall_now)
        return TroubleEpisode(code, known.count + 1, known.since, wall_now)
