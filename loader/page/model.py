"""The content of the page as plain values, without row data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class Badge(StrEnum):
    """The state of the load in one word. Each has its own colour and sign."""

    DONE = "done"
    RUNNING = "running"
    ATTENTION = "attention"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class NextStep:
    """One step to do next: its purpose and its command (empty if it has none)."""

    why: str
    command: str = ""


@dataclass(frozen=True, slots=True)
class Figure:
    """One number with its name, and a note such as its total."""

    name: str
    value: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Period:
    """One period of a load.

    Attributes:
        start_seconds: Seconds from the beginning of the load's first run.
        seconds: How long the period is.
        attempted: HTTP requests.
        accepted: Events accepted.
        throttled: Attempts throttled.
        retried: Attempts that were not the first of their event.
        failed: Events failed.
        rejected_rows: Rows rejected.
        rate_allowed: Events per second that the rate controller allowed at its end, or None.
        in_flight: Attempts in flight at its end.
        held_bytes: Bytes of events held in memory at its end.
        limits: Share of the period, 0..1, by what limited the load.
        p50_ms: Median round trip of its attempts in milliseconds, or None.
        p95_ms: The same as 95th percentile.
        p99_ms: The same as 99th percentile.
    """

    start_seconds: float
    seconds: float
    attempted: int = 0
    accepted: int = 0
    throttled: int = 0
    retried: int = 0
    failed: int = 0
    rejected_rows: int = 0
    rate_allowed: float | None = None
    in_flight: int = 0
    held_bytes: int = 0
    limits: Mapping[str, float] = field(default_factory=dict)
    p50_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of the load (read, accepted, loaded). Its parts are (CSS class, words, number)."""

    name: str
    parts: Sequence[tuple[str, str, int]]


@dataclass(frozen=True, slots=True)
class WindowCell:
    """Some consecutive windows: how many are done, under way, or hold failed events."""

    first: int
    last: int
    done: int
    open: int
    failed: int


@dataclass(frozen=True, slots=True)
class FileLine:
    """A file of the extract, or the sum of several.

    Attributes:
        path: Its path in the folder of the list.
        rows: Rows read.
        rejected: Those that were rejected.
        failed: Those in failed events.
        share: Its share of all rows, 0..1.
    """

    path: str
    rows: int
    rejected: int
    failed: int
    share: float


@dataclass(frozen=True, slots=True)
class FileList:
    """The files of the extract.

    Attributes:
        folder: The folder of all files, with its slash; empty if they have none in common.
        lines: Those with errors, then the largest.
        rest: The sum of the others, or None.
        total: Number of files.
    """

    folder: str
    lines: Sequence[FileLine]
    rest: FileLine | None
    total: int


@dataclass(frozen=True, slots=True)
class CauseLine:
    """Rejected rows or failed events of one cause: code or column, reason, number, first place."""

    kind: str
    reason: str
    count: int
    place: str


@dataclass(frozen=True, slots=True)
class LoadPage:
    """The content of the page.

    Attributes:
        verdict: Its state.
        headline: The same as a sentence.
        reasons: Why it stopped, and the last trouble of its calls, as sentences.
        facts: Event type, instance, load id, times: name and value.
        next_steps: What to do next, the most important step first.
        figures: The most important numbers.
        stages: Read, accepted and, if known, loaded.
        samples: What happened over time.
        windows: The map of the windows.
        files: The files.
        rejected: Rejected rows by cause.
        failed: Failed events by cause.
        settings: Settings and their values, as stored in the checkpoint.
        versions: Names and versions.
        made_at: The time when the page was made, as text.
    """

    verdict: Badge
    headline: str
    reasons: Sequence[str]
    facts: Sequence[tuple[str, str]]
    next_steps: Sequence[NextStep]
    figures: Sequence[Figure]
    stages: Sequence[Stage]
    samples: Sequence[Period]
    windows: Sequence[WindowCell]
    files: FileList
    rejected: Sequence[CauseLine]
    failed: Sequence[CauseLine]
    settings: Sequence[tuple[str, str]]
    versions: Sequence[tuple[str, str]]
    made_at: str
