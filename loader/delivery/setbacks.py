"""The setbacks of one event: counts of the attempts without an acceptance, on which its retries depend."""

from dataclasses import dataclass, replace

from loader.model import OutcomeKind


@dataclass(frozen=True, slots=True)
class Setbacks:
    """Counts of the outcomes that limit the retries of an event.

    Attributes:
        troubles: Number of transient, unknown and blocked outcomes. It is the exponent of the backoff.
        unknowns: Number of unknown outcomes.
        refreshes: Consecutive REFRESH answers. SKEWED answers in between do not reset the count.
        clock_adjustments: Consecutive SKEWED answers. REFRESH answers in between do not reset the count.
    """

    troubles: int = 0
    unknowns: int = 0
    refreshes: int = 0
    clock_adjustments: int = 0

    def after(self, kind: OutcomeKind) -> "Setbacks":
        """Return the counts after one more outcome."""
        if kind is OutcomeKind.REFRESH:
            return replace(self, refreshes=self.refreshes + 1)
        if kind is OutcomeKind.SKEWED:
            return replace(self, clock_adjustments=self.clock_adjustments + 1)
        if kind is OutcomeKind.TRANSIENT or kind is OutcomeKind.BLOCKED or kind is OutcomeKind.UNKNOWN:
            return Setbacks(self.troubles + 1, self.unknowns + (kind is OutcomeKind.UNKNOWN))
        if self.refreshes or self.clock_adjustments:
            return Setbacks(self.troubles, self.unknowns)
        return self


NO_SETBACKS = Setbacks()
