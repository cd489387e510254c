"""The trials of this folder, and the report that ``make soak`` makes of them."""

from collections.abc import AsyncIterator, Callable, Generator
from pathlib import Path

import pytest

from tests.faults.harness import Trial
from tests.faults.reliability import Reliability

OPTION = "--reliability"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the flag that asks for the report."""
    parser.addoption(OPTION, metavar="FILE", help="write docs/reliability.md from what was tried")


def pytest_configure(config: pytest.Config) -> None:
    """Collect what the tests tried, if the report is asked for and this process runs the session."""
    path = config.getoption(OPTION, default=None)
    if path and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Reliability(Path(path)), "reliability")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tell the report what a test tried and which guarantee it stands for."""
    report = yield
    marker = item.get_closest_marker("tried")
    if marker is not None:
        report.user_properties = [*report.user_properties, ("tried", [*marker.args, marker.kwargs["keeps"]])]
    return report


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
