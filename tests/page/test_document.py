"""The page: one document without a request, well-formed, with nothing left out and nothing obeyed."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.page.charts import thinned
from loader.page.document import to_html
from loader.page.model import (
    Badge,
    CauseLine,
    Figure,
    FileLine,
    FileList,
    LoadPage,
    NextStep,
    Period,
    Stage,
    WindowCell,
)

EVIL = "<script>alert(1)</script>\x1b[2J\u202e"


def page_of(**changes: object) -> LoadPage:
    """A page with a little of everything."""
    given_values = {
        "verdict": Badge.DONE,
        "reasons": [],
        "headline": "Done: all 10 events were accepted.",
        "facts": [("event type", "scn.data.reservation")],
        "next_steps": [NextStep("Go on", "scn-loader load x --run-dir 'a b'")],
        "figures": [Figure("rows read", "10")],
        "stages": [Stage("Events", [("accepted", "accepted", 10), ("failed", "failed", 0)])],
        "samples": [Period(0.0, 1.0, accepted=10, rate_allowed=15.0, p50_ms=4.0, p95_ms=5.0, p99_ms=6.0)],
        "windows": [WindowCell(0, 0, 1, 0, 0)],
        "files": FileList("", [FileLine("/x/a.csv", 10, 0, 0, 1.0)], None, 1),
        "rejected": [],
        "failed": [],
        "settings": [("pack", "row")],
        "versions": [("scn-loader", "0")],
        "made_at": "2026-11-27 02:00:00 UTC",
    }
    return LoadPage(**(given_values | changes))  # type: ignore[arg-type] # values of each field


class Tags(HTMLParser):
    """Collects tags, and checks that each is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in {"meta", "link", "wbr"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def parsed(html: str) -> Tags:
    """The tags of a document in which each is closed."""
    tags = Tags()
    tags.feed(html)
    assert tags.open == []
    return tags


def test_the_page_loads_nothing_from_elsewhere():
    """No script, picture, font or style comes from elsewhere, and a page that is not live has no script."""
    tags = parsed(to_html(page_of()))
    assert not [tag for tag, _ in tags.seen if tag in {"script", "img", "iframe", "form", "input"}]
    addresses = [value for _, attrs in tags.seen for name, value in attrs.items() if name in {"src", "href"}]
    assert addresses == ["data:,"]


def test_a_live_page_asks_only_for_itself():
    """The script of a live page fetches its own address; it has no form and no other address."""
    html = to_html(page_of(verdict=Badge.RUNNING), live=True)
    assert re.findall(r"fetch\((.*?),", html) == ["location.href"]
    assert 'data-over="no"' in html
    assert 'data-over="yes"' in to_html(page_of(), live=True)


def test_words_from_outside_are_only_words():
    """Markup and terminal escapes in a path, a group, a reason or a setting are shown, not obeyed."""
    cause = CauseLine(EVIL, EVIL, 1, EVIL)
    html = to_html(
        page_of(
            headline=EVIL,
            facts=[(EVIL, EVIL)],
            next_steps=[NextStep(EVIL, EVIL)],
            reasons=[EVIL],
            files=FileList(EVIL, [FileLine(EVIL, 1, 0, 0, 1.0)], FileLine(EVIL, 1, 0, 0, 1.0), 2),
            rejected=[cause],
            failed=[cause],
            settings=[(EVIL, EVIL)],
        )
    )
    parsed(html)
    assert "<script>" not in html


@pytest.mark.parametrize("verdict", list(Badge))
def test_each_verdict_has_a_sign_beside_its_colour(verdict: Badge):
    """Who sees no colour sees a sign, and who sees neither hears the headline."""
    tags = parsed(to_html(page_of(verdict=verdict)))
    assert ("header", {"class": verdict.value}) in tags.seen


def test_a_load_of_days_stays_below_100_kb():
    """512 samples, 5,000 windows in cells, 50 files and 20 causes are less than 100 kB."""
    limits = {"rate": 0.7, "reader": 0.2, "lanes": 0.1}
    html = to_html(
        page_of(
            samples=[
                Period(
                    start_seconds=1687.5 * number,
                    seconds=1687.5,
                    attempted=990_000 + number,
                    accepted=980_000 + number,
                    throttled=5_000,
                    failed=3,
                    rejected_rows=20,
                    rate_allowed=612.3,
                    in_flight=64,
                    limits=limits,
                    p50_ms=41.5,
                    p95_ms=92.1,
                    p99_ms=180.4,
                )
                for number in range(512)
            ],
            windows=[WindowCell(number, number, 1, 0, 0) for number in range(240)],
            files=FileList(
                "/data/extracts/",
                [FileLine(f"orders/part-{n:05}.parquet", 1, 0, 0, 0.02) for n in range(50)],
                None,
                50,
            ),
            rejected=[CauseLine("quantity", "not a number" * 8, 9, "/x/y row 1")] * 20,
        )
    )
    assert len(html.encode()) < 100_000


@given(st.lists(st.integers(0, 1_000), min_size=1, max_size=700), st.integers(1, 300))
def test_neighbours_are_added_and_nothing_is_lost(accepted, most):
    """Thinned samples are few, cover the same time, and their sums are those of all."""
    samples = [Period(2.0 * at, 2.0, accepted=count) for at, count in enumerate(accepted)]
    fewer = thinned(samples, most)
    assert len(fewer) <= most
    assert sum(sample.accepted for sample in fewer) == sum(accepted)
    assert sum(sample.seconds for sample in fewer) == pytest.approx(2.0 * len(accepted))
    assert fewer[0].start_seconds == 0.0
