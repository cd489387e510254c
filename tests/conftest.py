"""What holds for all tests, and the report that ``make soak`` makes of what was tried."""

from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.faults.reliability import Reliability

# A deadline per example measures the machine, not the code: CI shares its cores.
settings.register_profile("scn-loader", deadline=None, max_examples=50)
settings.load_profile("scn-loader")

OPTION = "--reliability"

pytest_plugins = ["tests.aws.fixtures", "tests.extract.fixtures", "tests.http.fixtures"]


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


@pytest.fixture(autouse=True, scope="session")
def _state_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what loads remember out of the home of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield
