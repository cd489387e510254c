"""What goes wrong with attempts: the last cause, how often and since when, and when to give up.

Rules kept here:

1. A trouble is an attempt that came to neither a receipt nor a verdict on its event, apart from throttling,
   which has its own counts and patience.
2. Causes are told apart by their code. An episode of a cause ends when it was not met for
   EPISODE_GAP_SECONDS while events were accepted; the next one counts from 1.
3. The load is given up when nothing was accepted for ``give_up_seconds`` since the first trouble after the
   last acceptance. Time in which this process did not run (suspended, stopped) does not count.
"""

import math
from dataclasses import dataclass

from loader.model import Outcome, OutcomeKind

EPISODE_GAP_SECONDS = 300.0
"""The longest pause that a Retry-After makes between two attempts of an event."""

MAX_STEP_SECONDS = 5.0
"""Most that counts as waited between two looks; the dispatcher looks at least that often during a trouble."""

MAX_EPISODES = 100
"""Causes that are counted at once: their names come from outside."""

_RELIEFS = frozenset({OutcomeKind.ACCEPTED, OutcomeKind.REJECTED, OutcomeKind.THROTTLED, OutcomeKind.QUOTA})
"""Answers that show the service at work. A quota has a patience of its own (`circuit_breaker`)."""

_NO_TROUBLES = frozenset({OutcomeKind.ACCEPTED, OutcomeKind.REJECTED, OutcomeKind.THROTTLED})


@dataclass(frozen=True, slots=True)
class Trouble:
    """An episode of one cause.

    Attributes:
        code: The cause: the service's error code, or ours.
        count: How many attempts met it.
        since: Epoch seconds of the first of them.
        latest: Epoch seconds of the latest.
    """

    code: str
    count: int
    since: float
    latest: float


class Troubles:
    """The troubles of one run.

    Args:
        give_up_seconds: How long without any acceptance the load goes on; infinite for ever.

    Attributes:
        last: The latest trouble of the run, or None.
        outcome: The answer it came with, or None.
        is_over: Whether the service has been at work since.
    """

    def __init__(self, give_up_seconds: float = math.inf) -> None:
        self._give_up_seconds = give_up_seconds
        self._episodes: dict[str, Trouble] = {}
        self._waited_seconds = 0.0
        self._looked_at = -math.inf
        self._accepted_since: set[str] = set()
        self.last: Trouble | None = None
        self.outcome: Outcome | None = None
        self.is_over = True

    @property
    def waited_seconds(self) -> float:
        """How long nothing has been accepted since the first trouble; 0 if all is well."""
        return self._waited_seconds

    @property
    def should_give_up(self) -> bool:
        """Whether the load should stop."""
        return self._waited_seconds >= self._give_up_seconds

    def relieved(self) -> None:
        """Note an answer that shows the service at work."""
        if not self.is_over:
            self.is_over = True
            self._waited_seconds = 0.0
            self._accepted_since = set(self._episodes)

    def note(self, outcome: Outcome, now: float, wall_now: float) -> None:
        """Take in what an attempt came to.

        Args:
            outcome: What it came to.
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
        """Let time pass: count what was waited since the last look."""
        if not self.is_over:
            self._waited_seconds += min(now - self._looked_at, MAX_STEP_SECONDS)
            self._looked_at = now

    def next_look_seconds(self) -> float:
        """Return how long until ``look`` must be called; infinite if all is well."""
        if self.is_over or self._give_up_seconds == math.inf:
            return math.inf
        return min(max(self._give_up_seconds - self._waited_seconds, 0.0), MAX_STEP_SECONDS)

    def _episode(self, code: str, wall_now: float) -> Trouble:
        known = self._episodes.get(code)
        if known is None or (code in self._accepted_since and wall_now - known.latest > EPISODE_GAP_SECONDS):
            self._accepted_since.discard(code)
            return Trouble(code, 1, wall_now, wall_now)
        return Trouble(code, known.count + 1, known.since, wall_now)
