"""The results of the quota runs, as tables, figures beside their aims, and pictures. Pure."""

import re
from collections.abc import Mapping, Sequence

from benchmarks.judge import BUSY_SHARE
from benchmarks.pictures import ComparisonPanel
from benchmarks.quota_cases import LOADER, CaseEnded
from benchmarks.quota_figures import goodput_share, jains_index, throttled_share, tracked_after
from benchmarks.results import Figure
from benchmarks.tables import markdown_table

# The aims.
LEAST_GOODPUT, LEAST_GOODPUT_FROM_COLD = 0.98, 0.94
MOST_THROTTLED, MOST_THROTTLED_AT_10 = 0.01, 0.02
MOST_TRACKING_SECONDS = 10
LEAST_JAIN = 0.95


def steady_table(ended: Sequence[CaseEnded], settle_seconds: int) -> str:
    """Return the table of constant quotas: all clients, side by side."""
    return markdown_table(
        [
            "limiter, client",
            "quota/s",
            "goodput over quota",
            f"after {settle_seconds} s",
            "throttled",
            "rows given up",
        ],
        [
            [
                f"{each.case.server}, {_shown(each.case.client)}",
                f"{each.case.rate:,}",
                *(
                    ["not reported: the server was the bottleneck", "", "", ""]
                    if server_bound(each)
                    else [
                        f"{goodput_share(each.rates, each.case.quota):.1%}",
                        f"{goodput_share(each.rates, each.case.quota, settle_seconds):.1%}",
                        f"{throttled_share(each.rates):.2%}",
                        f"{each.given_up:,}",
                    ]
                ),
            ]
            for each in ended
        ],
    )


def _shown(client: str) -> str:
    return f"**{client}**" if client == LOADER else client


def server_bound(ended: CaseEnded) -> bool:
    """Return whether the server was too busy for its figures to say anything about the client."""
    return ended.server_share >= BUSY_SHARE


def figures(ended: Mapping[str, Sequence[CaseEnded]], settle_seconds: int) -> list[Figure]:
    """Return how the loader did against the aims."""
    found: list[Figure] = []
    for each in [*ended.get("steady", ()), *ended.get("latency", ())]:
        if each.case.peer is None and not server_bound(each):
            found += _held(each, settle_seconds)
    for each in ended.get("change", ()):
        if each.case.peer is None:
            found.append(_tracked(each))
    found += [_shared(each, settle_seconds) for each in ended.get("share", ())]
    return found


def _held(each: CaseEnded, settle_seconds: int) -> list[Figure]:
    case = each.case
    settled = goodput_share(each.rates, case.quota, settle_seconds)
    overall = goodput_share(each.rates, case.quota)
    throttled = throttled_share(each.rates)
    most = MOST_THROTTLED_AT_10 if case.rate <= 10 else MOST_THROTTLED
    # Far away, the search for the limit takes its round trips: asked is that the quota is reached.
    least = 0.0 if case.latency_ms else LEAST_GOODPUT_FROM_COLD
    return [
        Figure(
            f"{case.title}: goodput after {settle_seconds} s; overall",
            f"{settled:.1%}; {overall:.1%}",
            f"{LEAST_GOODPUT:.0%}" + (f"; {least:.0%}" if least else ""),
            settled >= LEAST_GOODPUT and overall >= least,
        ),
        Figure(f"{case.title}: throttled", f"{throttled:.2%}", f"at most {most:.0%}", throttled <= most),
    ]


def _tracked(each: CaseEnded) -> Figure:
    case = each.case
    seconds = tracked_after(each.rates, case.quota, case.changed_at)
    return Figure(
        f"{case.title}: tracked",
        "never" if seconds is None else f"after {seconds} s",
        f"within {MOST_TRACKING_SECONDS} s",
        seconds is not None and seconds <= MOST_TRACKING_SECONDS,
    )


def _shared(each: CaseEnded, settle_seconds: int) -> Figure:
    got = [sum(rates.accepted[settle_seconds:]) for rates in each.rates_of_loads]
    index = jains_index(got)
    held = goodput_share(each.rates, each.case.quota, settle_seconds)
    return Figure(
        f"{each.case.title}: Jain's index",
        f"{index:.3f} ({' and '.join(f'{count:,}' for count in got)} events, together {held:.1%})",
        f"at least {LEAST_JAIN}",
        index >= LEAST_JAIN,
    )


def pictures(ended: Mapping[str, Sequence[CaseEnded]]) -> Mapping[str, tuple[str, Sequence[ComparisonPanel]]]:
    """Return title and panels of each picture, by file name: one for each limiter and quota."""
    drawn: dict[str, tuple[str, list[ComparisonPanel]]] = {}
    for each in (each for cases in ended.values() for each in cases):
        case = each.case
        name = f"quota-{re.sub(r'[^a-z0-9]+', '-', case.title.replace(',', ''))}.svg"
        title = f"Requests per second: {case.title}"
        panels = drawn.setdefault(name, (title, []))[1]
        for number, rates in enumerate(each.rates_of_loads or [each.rates], start=1):
            who = f"load {number}" if case.loads > 1 else case.client
            held = (
                f"{goodput_share(rates, case.quota):.1%} of the quota, {throttled_share(rates):.1%} throttled"
            )
            panels.append(ComparisonPanel(f"{who}: {held}", case.quota, rates.accepted, rates.throttled))
    return drawn
