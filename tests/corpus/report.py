"""The counts of a corpus run, as a section of Markdown."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

from tests.corpus.page import HEADING
from tests.corpus.trial import Verdict

OUTCOMES = (
    "loaded",
    "loaded, rows rejected",
    "refused, read by others",
    "refused, read by none",
    "no rows",
    "wrong",
)

INTRODUCTION = """\
`make corpus` runs the loader on files of public repositories, which are not part of this project. `plan`
and `init` of the whole command read each file, in a separate process with limits on time and memory.
Every accepted value is compared with the value of another reader, in the form of docs/values.md: pyarrow
for Parquet, or DuckDB if pyarrow cannot read the file, and Python's csv and json modules for text.

A file is *wrong* if a value differs, if a row is not counted, if stderr shows a traceback or a panic
message, if the exit code is not 0, 1, 2 or 9, if an error is not a clear block, or if a run takes more
than a minute of processor time.
"""


def section(verdicts: Sequence[Verdict], on: date) -> str:
    """Return the section.

    Args:
        verdicts: The verdict on each file; the first part of its name is the repository.
        on: Day of the run.
    """
    repositories = {Path(verdict.file).parts[0] for verdict in verdicts}
    wrong = sum(bool(verdict.wrong) for verdict in verdicts)
    head = (
        f"Last run on {on:%Y-%m-%d}: {len(verdicts):,} files of {len(repositories)} repositories, "
        f"{sum(verdict.values for verdict in verdicts):,} values compared, "
        f"{sum(verdict.rows for verdict in verdicts):,} rows read, wrong files: {wrong:,}, "
        f"{max((verdict.seconds for verdict in verdicts), default=0):.0f} s the longest run."
    )
    lines = [HEADING, "", INTRODUCTION, head, "", *_kinds(verdicts), "", *_refusals(verdicts)]
    return "\n".join(lines) + "\n"


def _kinds(verdicts: Sequence[Verdict]) -> Iterator[str]:
    yield f"| kind | files | {' | '.join(OUTCOMES)} | values compared |"
    yield f"|---|--:|{'--:|' * len(OUTCOMES)}--:|"
    for kind in sorted({verdict.kind for verdict in verdicts}):
        of_kind = [verdict for verdict in verdicts if verdict.kind == kind]
        counts = Counter(verdict.outcome for verdict in of_kind)
        cells = " | ".join(f"{counts[outcome]:,}" for outcome in OUTCOMES)
        yield f"| {kind} | {len(of_kind):,} | {cells} | {sum(each.values for each in of_kind):,} |"


def _refusals(verdicts: Sequence[Verdict]) -> Iterator[str]:
    refused = [verdict for verdict in verdicts if verdict.outcome.startswith("refused")]
    readable = [verdict for verdict in refused if verdict.outcome == "refused, read by others"]
    reasons = Counter(class_of(verdict.reason) for verdict in refused)
    others = Counter(class_of(verdict.reason) for verdict in readable)
    yield "| reason for refusal | files | read by another reader |"
    yield "|---|--:|--:|"
    single = [reason for reason, count in reasons.items() if count == 1]
    for reason, count in sorted(reasons.items(), key=lambda item: (-item[1], item[0])):
        if count > 1:
            yield f"| {reason} | {count:,} | {others[reason]:,} |"
    if single:
        yield f"| other reasons, one file each | {len(single):,} | {sum(others[each] for each in single):,} |"


def class_of(reason: str) -> str:
    """Return the reason of a refusal without the names and numbers of the file."""
    text = re.sub(r"'[^']*'", "…", reason)
    text = re.sub(r"/\S+", "…", text)
    text = re.sub(r"\d[\d,.]*", "N", text)
    return re.sub(r"…(?:, …)+", "…", text).replace("|", "\\|")[:160].strip()
