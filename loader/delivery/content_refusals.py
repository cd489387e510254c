"""Which event a filter on the way refuses for its content, while it lets others pass.

A refusal that is not the service's says nothing about an event, unless other events get through at the same
time. What is looked for is that proof.

Rules kept here:

1. A proof is a refusal of an event after which another event was accepted, and then a refusal of the first
   again. PROOFS of them are a verdict.
2. With fewer proofs it takes PATIENCE_SECONDS of refusals alone, longer than most outages: with SOME_PROOFS,
   or if no other event was refused since the last acceptance. Of the latter kind there is one verdict between
   two acceptances: a lane alone cannot tell a filter from an outage.
3. An event that gets through after it was refused shows that the refusals were not for content: all proofs
   before that are void.
"""

from dataclasses import dataclass

PROOFS = 4
SOME_PROOFS = 2
PATIENCE_SECONDS = 60.0
MIN_REFUSALS = 6
"""Of one event, before time alone decides: a process that was suspended must ask again first."""


@dataclass(slots=True)
class _Refused:
    """What is known of an event that was refused on the way.

    Attributes:
        since: Monotonic seconds of the first refusal.
        acceptances: How many events had been accepted at the latest refusal.
        refusals: How often it was refused.
        proofs: How many proofs there are.
    """

    since: float
    acceptances: int
    refusals: int = 0
    proofs: int = 0


class ContentRefusals:
    """The events refused on the way in ways that may be for their content."""

    def __init__(self) -> None:
        self._refused: dict[str, _Refused] = {}
        self._recent: set[str] = set()
        self._acceptances = 0
        self._has_judged_alone = False

    def accepted(self, token: str) -> None:
        """Note that an event was accepted."""
        self._acceptances += 1
        if not self._refused and not self._recent and not self._has_judged_alone:
            return
        self._recent.clear()
        self._has_judged_alone = False
        if token in self._refused:
            self._refused.clear()

    def is_verdict(self, token: str, now: float) -> bool:
        """Note a refusal of an event, and return whether it is for its content.

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
        if now - known.since < PATIENCE_SECONDS or known.refusals < MIN_REFUSALS:
            return False
        if known.proofs >= SOME_PROOFS:
            return True
        is_alone = len(self._recent) == 1 and self._acceptances > 0 and not self._has_judged_alone
        self._has_judged_alone = self._has_judged_alone or is_alone
        return is_alone
