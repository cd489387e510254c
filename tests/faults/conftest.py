"""The trials of this folder."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.faults.harness import Trial


@pytest.fixture
async def new_trial(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> AsyncIterator[Callable[[], Trial]]:
    """Make trials that are cleaned up, searched for leaks and counted at the end."""
    trials: list[Trial] = []

    def make() -> Trial:
        folder = tmp_path / f"trial{len(trials)}"
        folder.mkdir()
        trials.append(Trial(folder))
        return trials[-1]

    yield make
    for each in trials:
        await each.close()
        record_property("counts", dict(each.counts))


@pytest.fixture
def trial(new_trial: Callable[[], Trial]) -> Trial:
    """One trial."""
    return new_trial()
