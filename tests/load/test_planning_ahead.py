"""How far planning runs ahead of delivery: that decides how many windows are in memory."""

import gc
from collections.abc import Iterator
from contextlib import aclosing
from threading import Event as Flag

import pytest

from loader.extract.planning import plan_ahead
from loader.model import SlicePlan

WINDOWS = 4
IN_TIME_SECONDS = 5.0
LONG_ENOUGH_SECONDS = 0.05


class Planning:
    """Makes empty plans, and notes when each is begun and how many others there are at that moment."""

    def __init__(self) -> None:
        self.begun = [Flag() for _ in range(WINDOWS)]
        self.others: list[int] = []
        self._left_by_others = _count_plans()

    def plans(self) -> Iterator[SlicePlan]:
        """Make the plans."""
        for number in range(WINDOWS):
            self.others.append(_count_plans() - self._left_by_others)
            self.begun[number].set()
            yield SlicePlan(number, 0, (), 0, (), ())


def _count_plans() -> int:
    return sum(isinstance(each, SlicePlan) for each in gc.get_objects())


@pytest.mark.parametrize("is_idle", [False, True])
async def test_the_next_window_is_begun_early_only_if_nothing_is_left_to_deliver(is_idle: bool) -> None:  # noqa: FBT001
    """A delivery that has caught up gets its next window while it takes this one.

    While it holds events, no window is planned behind one that waits for room.
    """
    planning, seen = Planning(), []
    async with aclosing(plan_ahead(planning.plans(), lambda: is_idle)) as ahead:
        async for plan in ahead:
            seen.append(plan.window)
            if plan.window < WINDOWS - 1:
                patience_seconds = IN_TIME_SECONDS if is_idle else LONG_ENOUGH_SECONDS
                assert planning.begun[plan.window + 1].wait(patience_seconds) is is_idle
    assert seen == list(range(WINDOWS))


@pytest.mark.parametrize(("is_idle", "most"), [(False, 0), (True, 1)])
async def test_a_window_that_was_handed_over_is_freed(is_idle: bool, most: int) -> None:  # noqa: FBT001
    """Beside the window that is planned there is the one at hand, and none that was delivered."""
    planning = Planning()
    async with aclosing(plan_ahead(planning.plans(), lambda: is_idle)) as ahead:
        async for plan in ahead:
            if plan.window < WINDOWS - 1 and is_idle:
                assert planning.begun[plan.window + 1].wait(IN_TIME_SECONDS)
            del plan
    assert max(planning.others) <= most
