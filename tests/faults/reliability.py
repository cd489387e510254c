"""Writes docs/reliability.md from the trials of this folder and their results.

A pytest plugin: each test has a ``tried`` mark (the trial and the guarantee that it checks), and puts the
counts of its trials into its report. With a journal, an interrupted soak continues.
"""

import platform
import subprocess
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.corpus.page import section_of, with_section
from tests.faults.mended import MENDED
from tests.faults.soak_journal import BROKEN, KEPT, SoakJournal, Trial

ONCE = "1, 2, 3: every event is accepted once, the events of a group in row order, and the summary adds up"
GOES_ON = "The load waits and continues by itself; nothing is lost or duplicated"
STOPS = "The load stops with a clear error and its exit code, nothing is lost, the same command resumes it"
REFUSED = "The run is refused with a clear error, nothing is sent, nothing in the run directory is changed"
ASKS = (
    "After the 8 hours of a token, nothing is sent that could duplicate a record, unless the user decides so"
)
POLICY = "Failed events are sent again, held back, or stop the load, exactly as the flags state, in order"
BOUNDED = "5: memory does not grow, regardless of the service"
REPEATABLE = "The same extract and settings always give the same events, bytes and tokens"
HOSTILE = "Any extract is loaded, or refused or stopped with a clear error"
PRIVATE = "No log, output, summary, or file that others can read contains row data or a secret"

SURROUNDED = "Exit code and summary depend on the load alone, and a signal ends it at any stage"

LOADED = (
    "verify reports what the service reports; each row that is not loaded is written once, "
    "and the load of the corrected rows completes the lake"
)

EXACT = "An existing value arrives exactly, or its row is rejected"

GUARANTEES = (
    ONCE,
    GOES_ON,
    STOPS,
    REFUSED,
    SURROUNDED,
    ASKS,
    POLICY,
    BOUNDED,
    REPEATABLE,
    EXACT,
    LOADED,
    HOSTILE,
    PRIVATE,
)
"""What the rows stand for, in the order of the table."""

KILLED = "killed "
"""Start of the names of counts of kills at one kind of moment."""

HOSTILE_KIND = "hostile "
"""Start of the names of counts of hostile extracts, by kind and end."""

INTRODUCTION = """\
# Reliability

This page shows the faults that the trials cause, how often, and with what result. `make soak` writes this
page, and `make corpus` one section of it; do not edit it. Each trial runs the whole command in a separate
process against the emulator, over real sockets. The emulator's ledger has every received attempt; it is
compared with a plan of the load that is computed without the command. After each trial, everything that
the runs wrote is searched for row data and secrets. Hostile extracts are loaded by the same code in
processes whose time, memory and stderr are checked, and some of them by the whole command.

The numbers before a guarantee refer to the promises in the README.
"""

LIMITS_HEADING = "## What cannot be promised"

LIMITS = f"""\
{LIMITS_HEADING}

* **After 8 hours.** The service forgets a `clientToken` 8 hours after it accepted the event. If the
  answer to an event was lost and the event is not sent again within 7 h 45 min, it is unknown whether it
  was accepted, and there is no way to find out. Events that may be repeated (typed events, UPSERT,
  DELETE) are sent again, before later events of their group; for APPEND the loader asks.
* **An event that expires while its group continues.** If an event gets no answer for 7 h 45 min during a
  load, it ends in doubt, and later events of its group are sent. If a later run sends it again, it
  arrives after them. This cannot happen within the life of a token.
* **Accepted is not loaded.** A load does not see what the service does after its answer. `scn-loader
  verify` asks the service. The service reports no load status for typed events, and nothing about events
  older than 30 days.
* **A failed event and its successors.** With `--on-failure continue`, the default, later events of a
  group overtake a refused one; `hold` keeps the order.
* **A disk that ignores flushes.** The loader trusts `fsync`. After a power loss on a drive that ignores
  it, the unflushed events are sent again, within 8 hours without harm.
* **A wrong clock without the service.** Between two runs, the service's date determines the age of doubt.
  If the service does not answer when a load is resumed, a clock that is wrong by hours makes this age
  wrong.
* **An older copy of a run directory.** A complete older copy cannot be distinguished from the newest
  state. Events that were sent since are sent again, within 8 hours without harm. If only parts are older,
  the loader detects and reports it, except for lost rows in the list of rejected rows.
* **Less memory during a load.** A limit that is too low is refused at the start. If memory runs out
  later, the system kills the process or polars aborts it (exit code 134 or 137). No summary is written
  then, and the same command resumes, as after any kill.
* **A signal before Python handles it.** In the first tenths of a second, a signal ends the process like
  any program, without a summary of this run; the summary of an earlier run may still exist. Nothing was
  sent.
* **A second signal.** It ends the process at once, so the summary may be missing.
* **A full disk for the summary.** The exit code is right, but the file is missing.
* **Two machines, one run directory.** The lock works if the file system supports locks. If it only
  pretends to, two loads at once send the same tokens. Nothing is duplicated within 8 hours, but the order
  of a group is not kept. The checkpoint is repaired from its receipts when it is opened again.
* **An intermediary instead of the service.** A refusal without the service's error format and request id
  counts as a fault of an intermediary, and the load waits until `--give-up-after`.
* **A rehearsal and a power loss.** The emulator's files survive a kill; a power loss may lose the last
  events.
* **A large file whose change is hidden.** Of a file above 256 MiB, samples are compared. A file that is
  changed between the samples, copied elsewhere and given its old time counts as unchanged.
* **The service's messages.** An error message of the service may quote the data that it refuses.
  `scn-loader status` shows it, and the checkpoint, which only its owner may read, stores it; no log
  contains it.
* **A panic of polars in a program that uses the library.** A page of a Parquet file may be damaged so that
  polars panics. The file is refused, but Rust writes its message to standard error first. The command
  removes this message, also in the trials of hostile extracts; a program that calls the library does not.
* **The emulator is not the service.** It follows the documented behaviour. Where AWS documents nothing
  (the start of a token's life, the answer to a conflict), it uses the strictest reading.
"""


@dataclass
class Row:
    """One line of the table: one way for things to go wrong.

    Attributes:
        tried: What was tried.
        keeps: The guarantee it stands for.
        kept: How many tests found the guarantee kept.
        broken: The tests that did not.
        skipped: How many could not be tried on this machine.
        counts: Runs, kills, attempts ... of all of them.
    """

    tried: str
    keeps: str
    kept: int = 0
    broken: list[str] = field(default_factory=list)
    skipped: int = 0
    counts: Counter[str] = field(default_factory=Counter)


def rows_of(trials: Iterable[Trial]) -> list[Row]:
    """Return the lines of the tables, in the order of the guarantees."""
    rows: dict[str, Row] = {}
    for trial in trials:
        if trial.tried:
            row = rows.setdefault(trial.tried, Row(trial.tried, trial.keeps))
            row.counts.update(trial.counts)
            if trial.outcome == BROKEN:
                row.broken.append(trial.nodeid)
            elif trial.outcome == KEPT:
                row.kept += 1
            else:
                row.skipped += 1
    return sorted(rows.values(), key=lambda row: (GUARANTEES.index(row.keeps), row.tried))


class Reliability:
    """Collects the trials of a session and writes the page at its end.

    Args:
        path: The page.
        journal: Where the trials of this and of earlier sessions are; None without one.
    """

    def __init__(self, path: Path, journal: SoakJournal | None) -> None:
        self._path = path
        self._journal = journal
        self._trials = {trial.nodeid: trial for trial in journal.trials()} if journal else {}
        self._running: dict[str, Trial] = {}
        self._commit = _commit()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take in one phase of one test."""
        trial = self._running.setdefault(report.nodeid, Trial(report.nodeid, commit=self._commit))
        trial.take_in(report)
        if report.when == "teardown":
            self._trials[report.nodeid] = self._running.pop(report.nodeid)
            if self._journal is not None:
                self._journal.add(trial)

    def pytest_sessionfinish(self) -> None:
        """Write the page; the section of another command stays."""
        page, kept = self.page(datetime.now(UTC)), section_of(self._path)
        self._path.write_text(with_section(page, kept, LIMITS_HEADING) if kept else page, encoding="utf-8")

    def page(self, at: datetime) -> str:
        """Return the page.

        Args:
            at: When the soak ended.
        """
        rows = rows_of(self._trials.values())
        sums: Counter[str] = Counter()
        for row in rows:
            sums.update(row.counts)
        broken = [each for row in rows for each in row.broken]
        verdict = "Every guarantee was kept." if not broken else "**Broken:** " + ", ".join(broken)
        commits = list(dict.fromkeys(trial.commit for trial in self._trials.values())) or [self._commit]
        span = " to ".join(dict.fromkeys([commits[0], commits[-1]]))
        system = f"{platform.system()} with Python {platform.python_version()}, commit {span}"
        numbers = (
            f"{sums['runs']:,} runs of the command, {sums['kills']:,} of them killed, "
            f"{sums['attempts']:,} attempts, {sums['accepted']:,} events accepted, "
            f"{sums['surroundings']:,} drawn surroundings, "
            f"{sums['violations']:,} violations of a law (beside {sums['overlaps']:,} overlaps of "
            f"two loads that run at once on purpose), {sums['leaks']:,} leaks, "
            f"{sums['hostile']:,} hostile extracts, "
            f"{sums['compared values']:,} values of SQL expressions compared with DuckDB "
            f"({sums['equal values']:,} equal, {sums['rejected values']:,} rejected)"
        )
        lines = [INTRODUCTION, f"Last run on {at:%Y-%m-%d}, {system}: {numbers}. {verdict}"]
        for guarantee in GUARANTEES:
            lines += ["", *_table(guarantee, [row for row in rows if row.keeps == guarantee])]
        lines += ["", *_hostile(sums), "", *_kill_points(sums), "", MENDED, LIMITS]
        return "\n".join(lines)


def _commit() -> str:
    """Return the short name of the commit that is tried; empty outside a repository."""
    asked = ["git", "rev-parse", "--short=10", "HEAD"]
    found = subprocess.run(asked, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    return found.stdout.strip()


def _table(guarantee: str, rows: list[Row]) -> list[str]:
    if not rows:
        return []
    lines = [
        f"## {guarantee}",
        "",
        "| trial | trials | runs | kills | attempts | result |",
        "|---|--:|--:|--:|--:|---|",
    ]
    for row in rows:
        counts = row.counts
        lines.append(
            f"| {row.tried} | {row.kept + len(row.broken)} | {counts['runs']:,} | {counts['kills']:,} "
            f"| {counts['attempts']:,} | {_outcome(row)} |"
        )
    return lines


def _outcome(row: Row) -> str:
    if row.broken:
        return f"**broken** in {len(row.broken)}"
    if not row.kept:
        return "not possible on this machine"
    return "kept" + (f" ({row.skipped} not possible on this machine)" if row.skipped else "")


def _hostile(sums: Counter[str]) -> list[str]:
    """Return the table of hostile extracts, from the counts named ``hostile KIND|END``."""
    tried: dict[str, Counter[str]] = {}
    for name, number in sums.items():
        if name.startswith(HOSTILE_KIND):
            kind, _, end = name.removeprefix(HOSTILE_KIND).partition("|")
            tried.setdefault(kind, Counter())[end] += number
    if not tried:
        return []
    head = ["## Hostile extracts", "", "| kind | tried | loaded | refused | stopped | wrong |"]
    return [*head, "|---|--:|--:|--:|--:|--:|"] + [
        f"| {kind} | {ends.total():,} | {ends['loaded']:,} | {ends['refused']:,} | {ends['stopped']:,} "
        f"| {ends['wrong']:,} |"
        for kind, ends in sorted(tried.items())
    ]


def _kill_points(sums: Counter[str]) -> list[str]:
    kills = {
        name.removeprefix("killed "): number for name, number in sums.items() if name.startswith("killed ")
    }
    if not kills:
        return []
    return ["## Moments of the kills", "", "| moment | kills |", "|---|--:|"] + [
        f"| {name} | {number:,} |" for name, number in sorted(kills.items())
    ]
