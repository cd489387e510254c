"""The results of the tests of a soak, one line of JSON per test, so that an interrupted soak can continue.

While the journal exists, a test that passed is not run again; a test that failed is. Each line has the tested
commit, so that the page can state it.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

KEPT: Literal["kept"] = "kept"
BROKEN: Literal["broken"] = "broken"
SKIPPED: Literal["skipped"] = "skipped"


@dataclass
class Trial:
    """One test and its result.

    Attributes:
        nodeid: pytest's name of the test.
        tried: The title of the trial; empty if the page does not list the test.
        keeps: The guarantee that it checks.
        outcome: Whether the guarantee was kept.
        commit: The tested commit.
        counts: Runs, kills, attempts ...
    """

    nodeid: str
    tried: str = ""
    keeps: str = ""
    outcome: Literal["kept", "broken", "skipped"] = KEPT
    commit: str = ""
    counts: Counter[str] = field(default_factory=Counter)

    def take_in(self, report: pytest.TestReport) -> None:
        """Add one phase of the test."""
        properties: Mapping[str, Any] = dict(report.user_properties)
        self.tried, self.keeps = properties.get("tried", (self.tried, self.keeps))
        if report.failed:
            self.outcome = BROKEN
        elif report.skipped and self.outcome == KEPT:
            self.outcome = SKIPPED
        if report.when == "teardown":
            for name, value in report.user_properties:
                if name == "counts" and isinstance(value, dict):  # one for each load that was judged
                    self.counts.update(value)


class SoakJournal:
    """The file of all trials so far.

    Args:
        path: The file; made if it is missing.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, trial: Trial) -> None:
        """Write one trial at the end."""
        with self._path.open("a", encoding="utf-8") as journal:
            journal.write(json.dumps({**vars(trial), "counts": dict(trial.counts)}) + "\n")

    def trials(self) -> Sequence[Trial]:
        """Return the newest trial of each test."""
        return list({trial.nodeid: trial for trial in self._read()}.values())

    def done(self) -> frozenset[str]:
        """Return the names of the tests that need not be run again."""
        return frozenset(trial.nodeid for trial in self.trials() if trial.outcome != BROKEN)

    def _read(self) -> Iterator[Trial]:
        if self._path.exists():
            for line in self._path.read_text(encoding="utf-8").splitlines():
                stored = json.loads(line)
                yield Trial(**{**stored, "counts": Counter(stored["counts"])})
