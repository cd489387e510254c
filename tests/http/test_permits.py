"""Places: no more than there are, in turn, and none is ever lost."""

import asyncio
from random import Random

import pytest

from loader.http.fast.permits import Permits


async def test_no_more_are_taken_than_there_are() -> None:
    """Without waiting, exactly the free places can be taken, and those given back again."""
    places = Permits(2)
    assert [places.take() for _ in range(3)] == [True, True, False]
    places.give_back()
    assert [places.take() for _ in range(2)] == [True, False]


async def test_who_waits_gets_one_in_turn() -> None:
    """A returned permit goes to the first in line, not to the next caller."""
    places = Permits(1)
    await places.wait()
    served: list[int] = []

    async def wait(number: int) -> None:
        await places.wait()
        served.append(number)

    waiting = [asyncio.create_task(wait(number)) for number in range(3)]
    await asyncio.sleep(0)
    for _ in waiting:
        places.give_back()
        assert not places.take()
        await asyncio.sleep(0)
    await asyncio.gather(*waiting)
    assert served == [0, 1, 2]


async def test_place_that_comes_with_the_cancellation_is_passed_on() -> None:
    """Who is cancelled in the moment of getting a place does not take it along."""
    places = Permits(1)
    assert places.take()
    waiting = asyncio.create_task(places.wait())
    await asyncio.sleep(0)
    places.give_back()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert places.take()


@pytest.mark.parametrize("seed", range(5))
async def test_none_is_lost_or_made_up(seed: int) -> None:
    """However many wait and are cancelled, in the end all places are free, and never more were taken."""
    random = Random(seed)
    places = Permits(3)
    under_way = most = 0

    async def use() -> None:
        nonlocal under_way, most
        await places.wait()
        under_way += 1
        most = max(most, under_way)
        try:
            await asyncio.sleep(random.random() * 0.002)
        finally:
            under_way -= 1
            places.give_back()

    tasks = [asyncio.create_task(use()) for _ in range(100)]
    for task in tasks:
        if random.random() < 0.5:
            asyncio.get_running_loop().call_later(random.random() * 0.02, task.cancel)
    await asyncio.gather(*tasks, return_exceptions=True)
    assert most == 3
    assert [places.take() for _ in range(4)] == [True, True, True, False]
