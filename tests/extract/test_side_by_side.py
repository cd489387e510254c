"""Files are examined in several threads only if that shortens a wait."""

import threading
from dataclasses import dataclass

import pytest

from loader.extract.side_by_side import side_by_side


@dataclass
class Machine:
    """A machine on which each item takes some work and some waiting, and one item waits longer."""

    work_seconds: float
    wait_seconds: float
    pause_seconds: float = 0.0
    time: float = 0.0
    worked: float = 0.0

    def look(self, item: int) -> tuple[int, bool]:
        """Return the item, and whether this is a thread of its own."""
        self.worked += self.work_seconds
        self.time += self.work_seconds + self.wait_seconds + (self.pause_seconds if item == 1 else 0.0)
        return item, threading.current_thread() is not threading.main_thread()

    def clocks(self) -> tuple[float, float]:
        return self.time, self.worked


@pytest.mark.parametrize(
    ("machine", "first_apart"),
    [
        (Machine(work_seconds=0.0005, wait_seconds=0.05), 4),  # a disk, or a network
        (Machine(work_seconds=0.0005, wait_seconds=0.001), 20),
        (Machine(work_seconds=0.0005, wait_seconds=0.0), None),  # files in memory
        (Machine(work_seconds=0.0005, wait_seconds=0.0, pause_seconds=0.015), None),  # a busy machine
    ],
)
def test_threads_are_used_if_files_wait(machine: Machine, first_apart: int | None) -> None:
    found = side_by_side(machine.look, range(50), machine.clocks)
    assert [item for item, _ in found] == list(range(50))
    apart = [item for item, is_apart in found if is_apart]
    assert apart == ([] if first_apart is None else list(range(first_apart, 50)))


def test_the_first_exception_is_raised() -> None:
    """Items after it may have been looked at, in a thread or not."""
    machine = Machine(work_seconds=0.0, wait_seconds=0.1)

    def look(item: int) -> int:
        machine.look(item)
        if item in (7, 9):
            raise ValueError(item)
        return item

    with pytest.raises(ValueError, match=r"^7$"):
        side_by_side(look, range(50), machine.clocks)
