"""The closing block of a load: its result, what limited its speed, and what to do next.

Pure: it makes ASCII text from a summary. Lines have at most 80 columns, or fewer on a narrow terminal, except
commands and paths.
"""

from collections.abc import Iterable
from dataclasses import replace
from itertools import zip_longest

from loader.command_line import CommandLine
from loader.errors import ExitCode
from loader.report import figures
from loader.report.identity import LoadIdentity, service_words
from loader.report.limiting_factor import limiting_advice, limiting_words
from loader.report.summary import LoadSummary
from loader.report.trouble import in_one_line
from loader.status.fitted import KEPT_SPACE, fitted
from loader.status.headline import headline
from loader.status.loaded_stage import NO_LOAD_STATUS, NOT_ASKED, stage_text
from loader.status.next_steps import Standing, Step, next_steps, status_step

_WIDTH = 80
_TWO_COLUMNS_FROM, _ONE_COLUMN_FROM = 64, 32
"""On narrower terminals, the counts of events are below those of rows, and not aligned."""

INDENT_CHARS = 14
_LABEL_CHARS = 13
COUNT_CHARS = 13
SHOWN_FROM = 0.05
"""A limiting factor with a smaller share of the time is not shown."""

MAIN_FROM = 0.5
"""A limiting factor with a larger share of the time gets advice."""


def to_text(
    summary: LoadSummary,
    command: CommandLine | None = None,
    correcting: str = "",
    *,
    is_asked_next: bool = False,
    width: int | None = None,
) -> str:
    """Return the closing block, without a final line end.

    Args:
        summary: How the load ended.
        command: The command line that the user typed, for the proposed commands; None if unknown.
        correcting: The command that loads the corrected rows; empty if there are no rejected rows.
        is_asked_next: Whether ``verify`` follows; then no step proposes it.
        width: Columns of the terminal; None for a pipe or a file.
    """
    columns = min(width or _WIDTH, _WIDTH)
    blocks = [
        headline(summary),
        "\n".join(_kept(f"  {sentence}") for sentence in summary.violations()),
        "\n".join(_counts(summary, columns)),
        "\n".join(_run(summary, is_asked_next=is_asked_next)),
        "\n".join(_next(_standing(summary, command, correcting, is_asked_next=is_asked_next))),
    ]
    text = "\n\n".join(block for block in blocks if block)
    return fitted(text if columns == _WIDTH else text.replace(KEPT_SPACE, " "), columns)


def _counts(summary: LoadSummary, columns: int) -> Iterable[str]:
    """Yield the two equations as columns of a table, each with its total at the top."""
    rows = [
        ("rows read", summary.rows_read),
        ("  filtered", summary.rows_filtered),
        *([("    unknown", summary.rows_filtered_unknown)] if summary.rows_filtered_unknown else []),
        ("  rejected", summary.rows_rejected),
        ("  records", summary.records),
        *([("elsewhere", summary.rows_elsewhere)] if summary.rows_elsewhere else []),
    ]
    events = [
        ("events", summary.events_total),
        ("  accepted", summary.events_accepted),
        ("  failed", summary.events_failed),
        ("  in doubt", summary.events_in_doubt),
        ("  unprocessed", summary.events_unprocessed),
    ]
    if columns < _ONE_COLUMN_FROM:
        yield from (f"  {label} {figures.count(number)}" for label, number in [*rows, *events])
    elif columns < _TWO_COLUMNS_FROM:
        yield from (f"  {_cell(line)}" for line in [*rows, *events])
    else:
        for left, right in zip_longest(rows, events):
            yield _kept(f"  {_cell(left)}      {_cell(right)}")


def _cell(line: tuple[str, int] | None) -> str:
    label, number = (line[0], figures.count(line[1])) if line else ("", "")
    return f"{label:<{_LABEL_CHARS}} {number:>{COUNT_CHARS}}"


def _run(summary: LoadSummary, *, is_asked_next: bool) -> Iterable[str]:
    had_work = bool(summary.rows_in_run or summary.attempts)
    if summary.seconds > 0:
        speed = ", ".join(_speed(summary, had_work=had_work))
        yield from _wrapped("this run" if summary.resumed else "time", speed)
    if summary.attempts:
        share = figures.percent(summary.throttled, summary.attempts)
        throttled = f"{figures.count(summary.throttled)} throttled ({share})"
        retried = f"{figures.count(summary.retried)} retried"
        yield from _wrapped("attempts", f"{figures.count(summary.attempts)}, {throttled}, {retried}")
    p50, p99, longest = summary.latency.p50, summary.latency.p99, summary.latency.max
    if p50 is not None and p99 is not None and longest is not None:
        yield from _wrapped("round trip", f"p50 {p50:,.0f} ms, p99 {p99:,.0f} ms, longest {longest:,.0f} ms")
    if summary.events_accepted and summary.identity.event_type:
        yield from _wrapped("loaded", _loaded(summary, is_asked_next=is_asked_next))
    if summary.last_trouble is not None and summary.exit_code:
        yield from _wrapped("trouble", in_one_line(summary.last_trouble))
    if had_work:
        yield from _limits(summary)
    if summary.files_read_whole < summary.files_total:
        total = figures.counted(summary.files_total, "file")
        yield from _labelled(
            "files", [f"{figures.count(summary.files_read_whole)} of {total} read to the end"]
        )
    yield from _which(summary.identity)
    if not summary.dry_run:  # a dry run leaves no files behind
        yield from _labelled("run dir", [figures.printable(summary.run_dir)])
    if summary.exit_code:
        yield from _labelled("exit code", [str(summary.exit_code.value)])


def _speed(summary: LoadSummary, *, had_work: bool) -> Iterable[str]:
    yield figures.duration(summary.seconds)
    if summary.events_accepted_in_run:
        yield f"{figures.rate(summary.events_per_second)} events/s"
    if had_work:
        yield f"{figures.rate(summary.rows_per_second)} rows/s"


def _which(load: LoadIdentity) -> Iterable[str]:
    """Yield what distinguishes this load from others."""
    if load.load_id:
        yield from _labelled("load", [f"{load.load_id}, {figures.printable(load.event_type)}"])
    if load.rehearsal is not None:
        words = service_words(is_rehearsal=load.rehearsal, instance_id=load.instance_id)
        yield from _wrapped("service", words)
    if load.files:
        more = len(load.files) - 1
        others = f" and {figures.counted(more, 'more file')}" if more else ""
        yield from _labelled("extract", [figures.printable(load.files[0]) + others])
    if load.began_at is not None and load.ended_at is not None:
        times = f"began {figures.moment(load.began_at)}, ended {figures.moment(load.ended_at)}"
        yield from _wrapped("when", times)
    if load.parent is not None:
        yield from _labelled("corrects", [f"rows of the load in {figures.printable(load.parent)}"])
    if load.child is not None:
        yield from _labelled("corrected", [f"by the load in {figures.printable(load.child)}"])


def _loaded(summary: LoadSummary, *, is_asked_next: bool) -> str:
    if summary.loaded is not None:
        return stage_text(summary.loaded, has_status=summary.has_load_status)
    if is_asked_next:
        return "the service is asked next"
    return NOT_ASKED if summary.has_load_status else f"not known: {NO_LOAD_STATUS}"


def _limits(summary: LoadSummary) -> Iterable[str]:
    shares = sorted(summary.limited_by.items(), key=lambda item: -item[1])
    parts = [f"{limiting_words(name)} {share * 100:.0f} %" for name, share in shares if share >= SHOWN_FROM]
    if parts:
        yield from _wrapped("limited by", "; ".join(parts))
        name, share = shares[0]
        if share >= MAIN_FROM and limiting_advice(name):
            yield from _wrapped("faster", limiting_advice(name))
    if summary.learned_rate is not None:
        yield from _wrapped("rate", f"the service allowed {figures.rate(summary.learned_rate)} events/s")


def standing(summary: LoadSummary, command: CommandLine | None = None, correcting: str = "") -> Standing:
    """Return what the next step after a load depends on."""
    return Standing(
        run_dir=summary.run_dir,
        command=command,
        correcting=correcting,
        exit_code=summary.exit_code,
        is_stopped=summary.stopped_by is not None,
        is_dry_run=summary.dry_run,
        rows_rejected=summary.rows_rejected,
        records_failed=summary.records_failed,
        events_failed=summary.events_failed,
        events_in_doubt=summary.events_in_doubt,
        stopped_because=summary.stopped_because,
        reports_load_status=summary.has_load_status,
        events_not_asked=0 if summary.loaded else summary.events_accepted,
    )


def _standing(
    summary: LoadSummary, command: CommandLine | None, correcting: str, *, is_asked_next: bool
) -> Standing:
    found = standing(summary, command, correcting)
    return replace(found, events_not_asked=0) if is_asked_next else found


_WORTH_A_LOOK = (
    ExitCode.DELIVERED_WITH_FAILURES,
    ExitCode.DECISION_NEEDED,
    ExitCode.TOO_MANY_ERRORS,
    ExitCode.BUG,
)


def _steps(load: Standing) -> Iterable[Step]:
    has_held_back = load.exit_code is ExitCode.STOPPED_RESUMABLE and not load.is_stopped
    if load.run_dir and not load.is_dry_run and (load.exit_code in _WORTH_A_LOOK or has_held_back):
        yield status_step(load.run_dir)
    yield from next_steps(load)


def _next(load: Standing) -> Iterable[str]:
    for position, step in enumerate(_steps(load)):
        yield from _wrapped("" if position else "next", step.why + (":" if step.command else ""))
        if step.command:
            yield f"{' ' * INDENT_CHARS}  {figures.printable(step.command)}"


def _wrapped(label: str, text: str) -> Iterable[str]:
    """Yield a line that wraps between words."""
    yield f"  {label}".ljust(INDENT_CHARS) + text


def _labelled(label: str, lines: Iterable[str]) -> Iterable[str]:
    """Yield lines that stay whole, such as paths."""
    for position, line in enumerate(lines):
        yield f"  {'' if position else label}".ljust(INDENT_CHARS) + _kept(line)


def _kept(line: str) -> str:
    return line.replace(" ", KEPT_SPACE)
