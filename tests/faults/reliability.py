"""Makes docs/reliability.md from what the tests of this folder tried and what came of it.

A pytest plugin: each test carries a ``tried`` mark (what was tried, which guarantee that stands for), and
leaves the counts of its trials in its report. With a journal, a soak goes on where it was cut off.
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

ONCE = "1, 2, 3: every event is accepted once, those of a group in row order, and the summary adds up"
GOES_ON = "The load waits for better times and goes on by itself; nothing is lost or doubled meanwhile"
STOPS = "The load stops with a clear block and its exit code, nothing is lost, the same command resumes it"
REFUSED = "The run is refused with a clear block, nothing is sent, nothing in the run directory is changed"
ASKS = "Past the 8 hours of a token nothing is sent that could double a record, unless the user says so"
POLICY = "Failed events are sent again, held back or too many, exactly as the flags say, in order"
BOUNDED = "5: memory does not grow, whatever the service does"
REPEATABLE = "The same extract and settings give the same events, bytes and tokens, everywhere"
HOSTILE = "Whatever is handed over as an extract, it is loaded, or refused or stopped with a clear block"
PRIVATE = "No payload and no secret in any log, output, summary or file that others can read"

SURROUNDED = "The exit code and the summary depend on the load alone, and a signal ends it at any stage"

LOADED = (
    "What verify says of an event is what the service says; each row that is not loaded is written once, "
    "and the load of the corrected rows completes the lake"
)

EXACT = "A value that is there arrives exactly, or its row is rejected"

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

What was done to the loader, how often, and what came of it. This page is written by `make soak`, one section
by `make corpus`; do not edit it. The whole command runs as a process of its own against the emulator, over
real sockets; the emulator's ledger, which holds every attempt that arrived, is compared with a plan of the
load that is made without the command. After each trial everything the runs wrote is searched for payloads and
secrets. Hostile extracts are loaded by the same code in processes whose time, memory and stderr are watched,
some by the whole command.

The numbers in front of a guarantee are those of the promises in the README.
"""

LIMITS_HEADING = "## What cannot be promised"

LIMITS = f"""\
{LIMITS_HEADING}

* **Past 8 hours.** The service forgets a `clientToken` 8 hours after it accepted the event. An event that was
  sent, whose answer was lost, and which is not sent again within 7 h 45 min, may or may not have been
  accepted, and nothing can tell any more. Events that may be repeated (typed events, UPSERT, DELETE) are sent
  again, before later ones of their group; for APPEND the loader asks.
* **An event that runs out of time while its group goes on.** If an event gets no answer for 7 h 45 min while
  the load runs, it ends in doubt and later events of its group are sent. Sent again by a later run, it comes
  after them. Within the life of a token this cannot happen.
* **Accepted is not loaded.** What the service does after its answer is out of sight of a load.
  `scn-loader verify` asks for it. The service reports no load status for typed events, and nothing for
  events older than 30 days.
* **A failed event and its successors.** With `--on-failure continue`, the default, later events of a group
  overtake one that was refused; `hold` keeps the order.
* **A disk that lies.** What `fsync` said is on the disk is believed. A power loss on a drive that only
  pretends costs what was pretended: those events are sent again, within 8 hours without harm.
* **A wrong clock without the service.** Between two runs the service's date says how old doubt is. If it does
  not answer when a load is resumed, and this machine's clock is wrong by hours, so is the age.
* **An older copy of a run directory** that was taken at one moment cannot be told from the newest. What was
  sent since is sent again: within 8 hours without harm. If only parts of it are older, that is found and
  said, but for lost rows of the list of rejected rows.
* **Memory that is taken away while a load runs.** A limit that is too low is refused at the start. If memory
  ends later, the system kills the process or polars aborts it (exit code 134 or 137): no summary is written,
  and the same command resumes, as after any kill.
* **A signal before Python listens.** In the first tenths of a second a signal ends the process as it ends any
  program, without a summary of this run; the one of an earlier run may still be there. Nothing was sent.
* **A second signal.** It ends the process at once: the summary may be missing.
* **A disk without room for the summary.** The exit code is right; the file is missing.
* **Two machines, one run directory.** The lock holds where the file system has locks. Where it only pretends,
  two loads at once send the same tokens, so nothing is doubled within 8 hours, but the order of a group is
  not kept; the checkpoint is mended from its receipts when it is opened again.
* **A service that cannot be told from the way.** A refusal without the service's error shape and request id
  is taken for the way's fault, and waited for until `--give-up-after`.
* **A rehearsal and a power loss.** The emulator's files survive its kill; a power loss may cost the last
  events.
* **A large file changed by a program that hides it.** Of a file above 256 MiB samples are compared. One that
  is changed between them, copied elsewhere and given its old time is taken for the same.
* **The service's words.** An error message of the service may quote what it refuses. It is shown by
  `scn-loader status` and kept in the checkpoint, which is for its owner alone; no log holds it.
* **The emulator is not the service.** It follows the documented behaviour; what AWS does not document (which
  moment starts the life of a token, how a conflict is answered) is taken in its strictest reading.
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
            f"two loads that ran at once on purpose), {sums['leaks']:,} leaks, "
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
        "| what was tried | trials | runs | kills | attempts | what came of it |",
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
        return "could not be tried on this machine"
    return "kept" + (f" ({row.skipped} could not be tried on this machine)" if row.skipped else "")


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
    return ["## Where the kills fell", "", "| moment | kills |", "|---|--:|"] + [
        f"| {name} | {number:,} |" for name, number in sorted(kills.items())
    ]
