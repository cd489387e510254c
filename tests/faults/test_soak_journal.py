"""A soak that was cut off goes on, and its page holds the trials of all its parts."""

from collections import Counter
from pathlib import Path
from typing import Literal

import pytest

from tests.faults.reliability import ONCE, rows_of
from tests.faults.soak_journal import BROKEN, KEPT, SKIPPED, SoakJournal, Trial

pytest_plugins = ["pytester"]


def trial(
    nodeid: str, outcome: Literal["kept", "broken", "skipped"] = KEPT, counts: Counter[str] | None = None
) -> Trial:
    return Trial(nodeid, "a kill", ONCE, outcome, "abc", Counter() if counts is None else counts)


def test_a_test_that_passed_is_done_and_one_that_failed_is_not(tmp_path: Path):
    journal = SoakJournal(tmp_path / "journal")
    journal.add(trial("passed"))
    journal.add(trial("skipped", outcome=SKIPPED))
    journal.add(trial("failed", outcome=BROKEN))
    assert journal.done() == {"passed", "skipped"}


def test_the_newest_trial_of_a_test_counts(tmp_path: Path):
    journal = SoakJournal(tmp_path / "journal")
    journal.add(trial("mended", outcome=BROKEN, counts=Counter(runs=3)))
    journal.add(trial("mended", counts=Counter(runs=4)))
    (row,) = rows_of(SoakJournal(tmp_path / "journal").trials())
    assert (row.kept, row.broken, row.counts["runs"]) == (1, [], 4)


def test_a_soak_goes_on_after_what_passed(pytester: pytest.Pytester):
    root = Path(__file__).parents[2]
    pytester.makeconftest(
        (root / "tests" / "conftest.py")
        .read_text(encoding="utf-8")
        .replace(
            'pytest_plugins = ["tests.aws.fixtures", "tests.extract.fixtures", "tests.http.fixtures"]', ""
        )
    )
    pytester.makepyfile(
        """
        from pathlib import Path

        def test_passes(): assert not Path("twice").exists()
        def test_fails(): assert Path("twice").exists()
        """
    )
    options = (
        "--soak-journal",
        "journal",
        "--reliability",
        "page.md",
        "-o",
        "asyncio_default_fixture_loop_scope=function",
    )
    pytester.syspathinsert(root)
    pytester.runpytest_inprocess(*options).assert_outcomes(passed=1, failed=1)
    Path("twice").touch()
    pytester.runpytest_inprocess(*options).assert_outcomes(passed=1, deselected=1)
