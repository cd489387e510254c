"""What holds for all tests, and the report that ``make soak`` makes of what was tried."""

import gc
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests.distribution import LongestFirst, rank
from tests.faults.reliability import Reliability
from tests.faults.soak_journal import SoakJournal
from tests.soak_only import SOAK_ONLY

# A deadline per example measures the machine, not the code: CI shares its cores.
settings.register_profile("scn-loader", deadline=None, max_examples=50)
settings.load_profile("scn-loader")

OPTION = "--reliability"
JOURNAL_OPTION = "--soak-journal"

DONE = pytest.StashKey[frozenset[str]]()
"""Names of the tests that an earlier part of the soak passed."""

pytest_plugins = ["tests.aws.fixtures", "tests.extract.fixtures", "tests.http.fixtures"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the flags of the report."""
    parser.addoption(OPTION, metavar="FILE", help="write docs/reliability.md from what was tried")
    parser.addoption(
        JOURNAL_OPTION, metavar="FILE", help="where the results are kept: tests that passed are not run again"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Collect what the tests tried, if the report is asked for and this process runs the session."""
    page, journal = config.getoption(OPTION, default=None), config.getoption(JOURNAL_OPTION, default=None)
    if hasattr(config, "workerinput"):
        config.stash[DONE] = frozenset(config.workerinput["done"])
        return
    kept = SoakJournal(Path(journal)) if journal else None
    config.stash[DONE] = kept.done() if kept else frozenset()
    if page:
        config.pluginmanager.register(Reliability(Path(page), kept), "reliability")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Give a worker the tests that need not be run again: all workers must collect the same."""
    node.workerinput["done"] = sorted(node.config.stash[DONE])


@pytest.hookimpl(tryfirst=True)  # before pytest deselects by marks
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what only a soak runs, and leave out what an earlier part of the soak passed."""
    for item in items:
        if item.nodeid.startswith(SOAK_ONLY):
            item.add_marker(pytest.mark.soak)
    done = config.stash[DONE]
    if done:
        left_out = [item for item in items if item.nodeid in done]
        items[:] = [item for item in items if item.nodeid not in done]
        config.hook.pytest_deselected(items=left_out)
    if hasattr(config, "workerinput"):  # the order in which the processes of a session get them
        items.sort(key=lambda item: rank(item.nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LongestFirst | None:
    """Share the tests by ``tests/distribution.py`` where ``--dist loadscope`` is asked for."""
    return LongestFirst(config, log) if config.getvalue("dist") == "loadscope" else None


def pytest_collection_finish() -> None:
    """Keep the garbage collector from traversing the collected tests and modules again and again."""
    gc.collect()
    gc.freeze()


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
    """Keep the remembered values of loads out of the user's home folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield
