"""Progress as live lines, as a plain line and as JSON."""

import json
from dataclasses import replace
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.color import Color
from rich.console import Console

from loader.report import plain_line, progress_json
from loader.report.live_display import MAX_LIVE_CHARS, ProgressPanel
from loader.report.progress import Pace, Snapshot

BUSY = Snapshot(
    rows_total=1_204_113,
    rows_done=504_112,
    rows_rejected=40,
    events_planned=512_000,
    events_accepted=503_900,
    events_failed=12,
    events_in_doubt=3,
    attempts=520_000,
    throttled=1500,
    retried=1520,
    in_flight=120,
    in_flight_cap=256,
    rate_limit=16_010.0,
    held_bytes=12_600_000,
    limiting="rate",
    seconds=33.2,
    phase="delivering",
)
FAST = Pace(
    events_per_second=15_230.4,
    rows_per_second=15_233.0,
    throttled_share=0.0031,
    seconds_left=(44.0, 61.0),
)


def drawn(snapshot: Snapshot, pace: Pace, width: int) -> list[str]:
    """Return the live lines as a terminal of that width shows them, without colours."""
    console = Console(file=StringIO(), force_terminal=True, color_system="truecolor", width=width)
    lines = console.render_lines(ProgressPanel(snapshot, pace), pad=False)
    return ["".join(segment.text for segment in line).rstrip() for line in lines]


def test_live_lines_at_80_columns():
    """At 80 columns everything that matters is there, in five lines."""
    assert drawn(BUSY, FAST, 80) == [
        "delivering  ━━━━━━━━╺━━━━━━━━━━━  41.8 %  45 s to 1 min 30 s left  33 s so far",
        "rows        504,112 of 1,204,113       15,233/s  40 rejected",
        "events      503,900 accepted           15,230/s  12 failed  3 in doubt",
        "calls       120 of 256 in flight  0.3 % throttled  1,520 retried  12 MiB held",
        "limited by  the rate that the service allows  now 16,010/s allowed",
    ]


def test_live_lines_at_120_columns():
    """A wider terminal gets a longer bar."""
    assert drawn(BUSY, FAST, 120)[0] == (
        "delivering  ━━━━━━━━━━━━╸━━━━━━━━━━━━━━━━━  41.8 %  45 s to 1 min 30 s left  33 s so far"
    )


def test_live_lines_at_46_columns():
    """A narrow terminal gets the figures without bar and columns, and loses the least of them."""
    assert drawn(BUSY, FAST, 46) == [
        "delivering  41.8 %  45 s to 1 min 30 s left",
        "rows        504,112 of 1,204,113  15,233/s",
        "events      503,900 accepted  15,230/s",
        "calls       120 of 256 in flight",
        "limited by  the rate that the service allows",
    ]


def test_live_lines_at_20_columns():
    """The narrowest terminal still has a label and a whole figure in each line."""
    assert drawn(BUSY, FAST, 20) == [
        "delivering  41.8 %",
        "rows 504,112",
        "events 503,900 acce…",
        "calls 120 of 256 in…",
        "limited by the rate…",
    ]


def test_live_lines_lose_whole_parts_from_the_end():
    """What does not fit is left out as a whole: no figure is ever cut in two."""
    assert drawn(BUSY, FAST, 64)[0] == "delivering  ━━━━━━╸━━━━━━━━━  41.8 %  45 s to 1 min 30 s left"
    assert drawn(BUSY, FAST, 58)[0] == "delivering  ━━━━━╸━━━━━━━━  41.8 %"
    assert drawn(BUSY, FAST, 58)[2] == "events      503,900 accepted           15,230/s  12 failed"


def test_live_lines_without_a_total():
    """Where the number of rows is not known there is no bar, no share and no time left."""
    head, rows, *_ = drawn(replace(BUSY, rows_total=None), replace(FAST, seconds_left=None), 80)
    assert head == "delivering  33 s so far"
    assert rows == "rows        504,112                    15,233/s  40 rejected"


def test_live_lines_of_a_pause_say_why_nothing_moves():
    """A pause is shown once, without a time left."""
    paused = replace(BUSY, phase="paused: quota", limiting="quota")
    lines = drawn(paused, replace(FAST, seconds_left=None, standing="paused: quota"), 80)
    assert lines[0] == "paused: quota  ━━━━━━━━╺━━━━━━━━━━━  41.8 %  33 s so far"
    assert lines[4] == "limited by  a quota of the service  now 16,010/s allowed"


def test_live_lines_say_that_the_load_stands_still():
    """A load without progress says so where the time left would be."""
    stalled = replace(FAST, seconds_left=None, standing="throttled, no progress for 20 s")
    assert "throttled, no progress for 20 s" in drawn(BUSY, stalled, 80)[0]


@given(
    width=st.integers(1, 300),
    number=st.integers(0, 10**13),
    total=st.none() | st.integers(0, 10**13),
    limiting=st.sampled_from(["", "rate", "lanes", "something new"]),
    phase=st.sampled_from(["reading", "delivering", "draining", "paused: quota"]),
)
def test_live_lines_are_five_and_fit_any_width(width, number, total, limiting, phase):
    """No width and no number makes a line wrap: the number of lines never changes, so nothing jumps."""
    snapshot = replace(
        BUSY,
        rows_total=total,
        rows_done=number,
        events_accepted=number,
        events_failed=number,
        retried=number,
        in_flight=number,
        limiting=limiting,
        phase=phase,
    )
    lines = drawn(snapshot, FAST, width)
    assert len(lines) == 5
    assert max(map(len, lines)) <= min(width, MAX_LIVE_CHARS)


def test_plain_line_holds_what_is_not_zero():
    """One line tells how things stand; quiet counters are left out of it."""
    assert plain_line(BUSY, FAST) == (
        "33 s, delivering, 41.8 %, 504,112 rows, 503,900 events accepted, 15,230/s, 40 rows rejected, "
        "12 failed, 3 in doubt, 0.3 % throttled, 45 s to 1 min 30 s left, "
        "limited by the rate that the service allows"
    )
    assert plain_line(Snapshot(), Pace()) == "0.0 s, reading, 0 rows, 0 events accepted, 0.0/s"


def test_plain_line_of_a_pause():
    """A pause is named, without a time left."""
    paused = replace(BUSY, phase="paused: quota", limiting="")
    line = plain_line(paused, replace(FAST, seconds_left=None, standing="paused: quota"))
    assert line.count("paused") == 1
    assert "left" not in line


@pytest.mark.parametrize("snapshot", [BUSY, Snapshot()])
def test_json_line_holds_everything(snapshot):
    """For a machine every counter, gauge and speed is there, on one line."""
    line = progress_json(snapshot, FAST, at=0.25, load="an id")
    values = json.loads(line)
    assert "\n" not in line
    shown = [values[name] for name in ("time", "level", "message", "load")]
    assert shown == ["1970-01-01T00:00:00.250Z", "INFO", "progress", "an id"]
    for name in (*Snapshot.__dataclass_fields__, *Pace.__dataclass_fields__):
        assert name in values or f"{name}_ms" in values
    assert set(values["latency_ms"]) == {"p50", "p95", "p99", "max"}
    assert values["rows_done"] == snapshot.rows_done
    assert values["seconds_left"] == [44.0, 61.0]


def test_only_labels_are_dim_and_the_bar_is_no_alarm():
    """The figures are read first; a red bar would look like an error."""
    console = Console(file=StringIO(), force_terminal=True, color_system="truecolor", width=100)
    lines = console.render_lines(ProgressPanel(BUSY, FAST), pad=False)
    dim = {part.text.strip() for line in lines for part in line if part.style is not None and part.style.dim}
    assert dim == {
        "33 s so far",
        "rows",
        "events",
        "calls",
        "12 MiB held",
        "limited by",
        "now 16,010/s allowed",
    }
    (bar, *_) = [part.style for part in lines[0] if part.text.startswith("━")]
    assert bar is not None
    assert str(bar.color) == str(Color.parse("green"))
