"""How long a load should take, and what deadlines mean."""

from datetime import UTC, datetime

import pytest

from loader.preview import Speed, deadline_seconds, estimate

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("rate", "longest", "in_flight", "seconds", "limited_by"),
    [
        (10.0, 5, 1000, 100.0, "rate"),
        (10.0, 1000, 1000, 200.0, "longest lane"),
        (None, 5, 1, 200.0, "in flight"),
        (None, 5, 1000, 1.0, "longest lane"),
    ],
)
def test_the_slowest_bound_decides(rate, longest, in_flight, seconds, limited_by):
    """1,000 events at 0.2 s a call take what the slowest of rate, lane and calls at once takes."""
    found = estimate(1000, longest, Speed(rate, "", 0.2, in_flight), None)
    assert found.seconds == pytest.approx(seconds)
    assert found.limited_by == limited_by


@pytest.mark.parametrize(
    ("rate", "deadline", "in_time", "in_token_life", "fits"),
    [
        (10.0, 101.0, True, True, True),
        (10.0, 99.0, False, True, False),
        (0.01, None, None, False, False),
        (None, 101.0, None, None, True),
        (None, 0.5, False, None, False),
    ],
)
def test_without_a_rate_a_load_is_never_said_to_fit(rate, deadline, in_time, in_token_life, fits):
    """Without a rate a load may be too long for its deadline, but is never said to fit."""
    found = estimate(1000, 5, Speed(rate, "", 0.2, 1000), deadline)
    assert (found.fits_deadline, found.fits_token_life, found.fits) == (in_time, in_token_life, fits)


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("6h", 6),
        ("90m", 1.5),
        ("90min", 1.5),
        ("1h30m", 1.5),
        ("1 d 30 m", 24.5),
        ("1.5h", 1.5),
        ("3600s", 1),
        ("18:30", 6.5),
        ("06:00", 18),
        ("12:00", 24),
    ],
)
def test_a_deadline_is_a_duration_or_the_next_time_of_the_clock(text, hours):
    """At noon, 06:00 is tomorrow."""
    assert deadline_seconds(text, NOON) == pytest.approx(hours * 3600)


@pytest.mark.parametrize("text", ["", "6", "h", "6 hours", "25:00", "12:60", "-1h", "6h06:00"])
def test_a_text_that_is_not_a_deadline_is_refused(text):
    """A deadline that was read wrongly would be worse than none."""
    with pytest.raises(ValueError, match="06:00"):
        deadline_seconds(text, NOON)
