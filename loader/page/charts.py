"""The pictures of the page, from samples and windows."""

from collections.abc import Iterable, Mapping, Sequence

from loader.page.model import Period, Stage, WindowCell
from loader.pictures.cells import ColouredCell, Share, cell_map, share_bar
from loader.pictures.timeline import Moment, Series, TimelinePanel, shares_of, timeline
from loader.report import figures
from loader.report.limiting_factor import WORDS

MOST_MOMENTS = 100
"""Maximum number of drawn periods (each is then about nine pixels wide). More are merged with neighbours."""

RATES = TimelinePanel(
    "Events per second",
    (
        Series("accepted", "accepted", "accepted", is_area=True),
        Series("throttled", "throttled", "throttled"),
        Series("failed", "failed", "failed"),
        Series("allowed", "rate allowed", "allowed"),
    ),
)
LATENCIES = TimelinePanel(
    "Round trip of an attempt, milliseconds",
    (Series("p99", "p99", "p99"), Series("p95", "p95", "p95"), Series("p50", "p50", "p50")),
)


def over_time(samples: Sequence[Period]) -> str:
    """Return rates, latencies and limits over time; empty without samples."""
    if not samples:
        return ""
    moments = [_moment(sample) for sample in thinned(samples, MOST_MOMENTS)]
    panels = [RATES, LATENCIES] if any(sample.p50_ms is not None for sample in samples) else [RATES]
    accepted, seconds = sum(each.accepted for each in samples), sum(each.seconds for each in samples)
    return timeline(
        panels,
        moments,
        shares_title="What limited the load" if any(sample.limits for sample in samples) else "",
        time_label=lambda seconds: figures.duration(seconds) if seconds else "0 s",
        summary=f"{figures.counted(accepted, 'event')} accepted over {figures.duration(seconds)}.",
    )


def limit_shares(samples: Sequence[Period]) -> list[tuple[str, str, str]]:
    """Return CSS class, words and share of what limited the load, the largest share first."""
    moments = [_moment(sample) for sample in thinned(samples, MOST_MOMENTS)] if samples else []
    return [
        (class_, limit_label(name), figures.percent(share, 1.0))
        for name, class_, share in shares_of(moments)
        if share > 0
    ]


def thinned(samples: Sequence[Period], most: int) -> list[Period]:
    """Return at most ``most`` samples by merging neighbours. Counts are added, not lost."""
    size = -(-len(samples) // most)
    return [_merged(samples[start : start + size]) for start in range(0, len(samples), max(size, 1))]


def _merged(samples: Sequence[Period]) -> Period:
    if len(samples) == 1:
        return samples[0]
    seconds = sum(sample.seconds for sample in samples)
    limits: dict[str, float] = {}
    for sample in samples:
        for name, share in sample.limits.items():
            limits[name] = limits.get(name, 0.0) + share * sample.seconds / max(seconds, 1e-9)
    last = samples[-1]
    return Period(
        start_seconds=samples[0].start_seconds,
        seconds=last.start_seconds + last.seconds - samples[0].start_seconds,
        attempted=sum(sample.attempted for sample in samples),
        accepted=sum(sample.accepted for sample in samples),
        throttled=sum(sample.throttled for sample in samples),
        retried=sum(sample.retried for sample in samples),
        failed=sum(sample.failed for sample in samples),
        rejected_rows=sum(sample.rejected_rows for sample in samples),
        rate_allowed=last.rate_allowed,
        in_flight=last.in_flight,
        held_bytes=max(sample.held_bytes for sample in samples),
        limits=limits,
        # The highest of the periods: a mean of percentiles has no meaning.
        p50_ms=_highest(sample.p50_ms for sample in samples),
        p95_ms=_highest(sample.p95_ms for sample in samples),
        p99_ms=_highest(sample.p99_ms for sample in samples),
    )


def _highest(values: Iterable[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)


def _moment(sample: Period) -> Moment:
    seconds = max(sample.seconds, 1e-9)
    values = {
        "accepted": sample.accepted / seconds,
        "throttled": sample.throttled / seconds,
        "failed": sample.failed / seconds,
    }
    given = {"allowed": sample.rate_allowed, "p50": sample.p50_ms, "p95": sample.p95_ms, "p99": sample.p99_ms}
    values |= {name: value for name, value in given.items() if value is not None}
    return Moment(sample.start_seconds, sample.seconds, values, sample.limits, _label(sample, values))


def _label(sample: Period, values: Mapping[str, float]) -> str:
    ends_at = sample.start_seconds + sample.seconds
    lines = [
        f"{figures.duration(sample.start_seconds)} to {figures.duration(ends_at)}",
        f"{figures.rate(values['accepted'])} accepted/s, {figures.counted(sample.throttled, 'throttle')}",
    ]
    if sample.failed or sample.rejected_rows:
        rejected = figures.counted(sample.rejected_rows, "rejected row")
        lines.append(f"{figures.counted(sample.failed, 'failed event')}, {rejected}")
    if sample.rate_allowed is not None:
        lines.append(f"rate allowed {figures.rate(sample.rate_allowed)}/s, {sample.in_flight} in flight")
    if sample.p50_ms is not None and sample.p99_ms is not None:
        lines.append(f"round trip p50 {sample.p50_ms:.0f} ms, p99 {sample.p99_ms:.0f} ms")
    if sample.limits:
        name = max(sample.limits, key=lambda each: sample.limits[each])
        lines.append(f"limited by {limit_label(name)}")
    return "\n".join(lines)


def limit_label(name: str) -> str:
    """Return a short name of a limiting factor."""
    return WORDS.get(name, name).partition(":")[0].partition(" (")[0]


def stage_bar(stage: Stage) -> str:
    """Return one stage as a bar of its parts."""
    shares = [
        Share(number, class_, f"{words}: {figures.count(number)}") for class_, words, number in stage.parts
    ]
    summary = ", ".join(share.label for share in shares)
    return share_bar(shares, f"{stage.name}: {summary}")


def window_map(windows: Sequence[WindowCell]) -> str:
    """Return the map of the windows; empty without windows."""
    if not windows:
        return ""
    done = sum(cell.done for cell in windows)
    total = sum(cell.done + cell.open for cell in windows)
    cells = [
        ColouredCell(_cell_class(cell), _cell_label(cell), is_round=bool(cell.failed)) for cell in windows
    ]
    return cell_map(cells, f"{figures.count(done)} of {figures.counted(total, 'window')} finished.")


def _cell_class(cell: WindowCell) -> str:
    if cell.failed:
        return "failed"
    return "busy" if cell.open else "accepted"


def _cell_label(cell: WindowCell) -> str:
    name = f"window {cell.first:,}" if cell.first == cell.last else f"windows {cell.first:,} to {cell.last:,}"
    failed = f", {cell.failed:,} with failed events" if cell.failed else ""
    return f"{name}: {cell.done:,} finished, {cell.open:,} unfinished{failed}"
