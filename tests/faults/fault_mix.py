"""Fault plans: everything that goes wrong on a bad day, in the shares of the issue."""

from collections.abc import Sequence

from loader.emulator import FaultPlan
from loader.emulator.faults import FaultKind, FaultRule

THROTTLED = FaultRule(fault=FaultKind.ERROR, code="ThrottlingException")

BAD_DAY: Sequence[tuple[float, FaultRule]] = (
    (0.30, THROTTLED),
    (0.08, FaultRule(fault=FaultKind.ERROR, code="InternalServerException")),
    # The failure of a host that had taken the event already.
    (0.02, FaultRule(fault=FaultKind.ERROR, code="InternalServerException", after_acceptance=True)),
    (0.05, FaultRule(fault=FaultKind.RESET)),
    (0.05, FaultRule(fault=FaultKind.ANSWER_LOST)),
    (0.004, FaultRule(fault=FaultKind.NO_EVENT_ID)),
    (0.004, FaultRule(fault=FaultKind.NOT_JSON)),
    (0.004, FaultRule(fault=FaultKind.CUT_BODY)),
    (0.004, FaultRule(fault=FaultKind.BROKEN_CHUNKS)),
    (0.004, FaultRule(fault=FaultKind.HTML_ERROR)),
    (0.02, FaultRule(fault=FaultKind.CLOSE)),
    (0.01, FaultRule(fault=FaultKind.SLOW_BODY, seconds=0.3)),
    (0.01, FaultRule(fault=FaultKind.HANG, seconds=0.5)),
)
"""Shares of all calls, and what goes wrong with them."""


def mixed(seed: int, faults: Sequence[tuple[float, FaultRule]] = BAD_DAY, *, scale: float = 1.0) -> FaultPlan:
    """Return a plan in which each fault meets its share of all calls, times ``scale``."""
    rules, left = [], 1.0
    for share, rule in faults:
        # The emulator draws for a rule only if no earlier one won.
        rules.append(rule.model_copy(update={"probability": share * scale / left}))
        left -= share * scale
    return FaultPlan(seed=seed, rules=tuple(rules))
