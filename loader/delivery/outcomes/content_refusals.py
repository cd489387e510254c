"""Detection of events that a content filter in front of the service refuses while other events pass.

A refusal that does not come from the service carries no information about an event, unless other events pass
at the same time. This module collects that proof.

Rules kept here:

1. A proof is this sequence: one event is refused, another event is accepted, and the first event is refused
   again. PROOFS proofs are a verdict.
2. With fewer proofs a verdict requires MIN_REFUSAL_SECONDS of refusals, which is longer than most outages.
   It also requires one of two conditions: SOME_PROOFS proofs, or no other refused event since the last
   acceptance. The second condition gives at most one verdict between two acceptances, because a single lane
   cannot distinguish a filter from an outage.
3. If an event is accepted after a refusal, the refusals were not for content. All earlier proofs are void.
"""

from dataclasses import dataclass

PROOFS = 4
"""Number of proofs that are a verdict at any time."""

SOME_PROOFS = 2
"""Number of proofs that are a verdict after MIN_REFUSAL_SECONDS."""

MIN_REFUSAL_SECONDS = 60.0
"""Minimum time between the first refusal of an event and a verdict by time."""

MIN_REFUSALS = 6
"""Minimum number of refusals of one event before a verdict by time. A process that was suspended must retry
first."""


@dataclass(slots=True)
class _Refused:
    """The evidence about an event that was refused on the path to the service.

    Attributes:
        since: Monotonic seconds of the first refusal.
        acceptances: Number of events accepted up to the latest refusal.
        refusals: Number of refusals.
        proofs: Number of proofs.
    """

    since: float
    acceptances: int
    refusals: int = 0
    proofs: int = 0


class ContentRefusals:
    """The events that were refused on the path to the service, possibly because of their content."""

    def __init__(self) -> None:
        self._refused: dict[str, _Refused] = {}
        self._recent: set[str] = set()
        self._acceptances = 0
        self._has_judged_alone = False

    def accepted(self, token: str) -> None:
        """Record that an event was accepted."""
        self._acceptances += 1
        if not self._refused and not self._recent and not self._has_judged_alone:
            return
        self._recent.clear()
        self._has_judged_alone = False
        if token in self._refused:
            self._refused.clear()

    def is_verdict(self, token: str, now: float) -> bool:
        """Record a refusal of an event, and return whether its content is the cause.

        Args:
            token: The event's token.
            now: Monotonic seconds.
        """
        known = self._refused.setdefault(token, _Refused(now, self._acceptances))
        self._recent.add(token)
        known.refusals += 1
        if self._acceptances > known.acceptances:
            known.proofs += 1
            known.acceptances = self._acceptances
        if known.proofs >= PROOFS or self._is_verdict_by_time(known, now):
            del self._refused[token]
            return True
        return False

    def _is_verdict_by_time(self, known: _Refused, now: float) -> bool:
        if now - known.since < MIN_REFUSAL_SECONDS or known.refusals < MIN_REFUSALS:
            return False
        if known.proofs >= SOME_PROOFS:
            return True
        is_alone = len(self._recent) == 1 and self._acceptances > 0 and not self._has_judged_alone
        self._has_judged_alone = self._has_judged_alone or is_alone
        return is_alone
