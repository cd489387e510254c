"""The quota admits what its rate and burst allow and says how long to wait."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loader.emulator import QuotaSettings
from loader.emulator.quota import Quota

pauses = st.lists(st.floats(0, 2), min_size=1, max_size=200)


@settings(deadline=None)  # a busy machine must not fail it
@given(st.floats(0.5, 50), st.integers(1, 20), pauses)
def test_no_span_of_time_admits_more_than_burst_and_rate(rate, burst, steps):
    """Between any two admitted calls no more were admitted than burst + rate x time."""
    quota = Quota(QuotaSettings(rate=rate, burst=burst), now=0.0)
    now, admitted = 0.0, []
    for pause in steps:
        now += pause
        if quota.take(now) == 0.0:
            admitted.append(now)
    for first in range(len(admitted)):
        for last in range(first, len(admitted)):
            assert last - first + 1 <= burst + rate * (admitted[last] - admitted[first]) + 1e-6


@settings(deadline=None)  # a busy machine must not fail it
@given(st.floats(0.5, 50), pauses, st.booleans())
def test_the_wait_it_names_is_enough(rate, steps, per_second_window):
    """A call after the stated wait is admitted, and an earlier one is not."""
    quota = Quota(QuotaSettings(rate=rate, per_second_window=per_second_window), now=0.0)
    now = 0.0
    for pause in steps:
        now += pause
        wait = quota.take(now)
        if wait > 0.01:
            assert quota.take(now + wait * 0.9) > 0
            now += wait + 1e-6
            assert quota.take(now) == 0.0


def test_a_window_admits_its_number_at_once_and_then_none():
    """If calls are counted per second, all calls of a second may arrive at once."""
    quota = Quota(QuotaSettings(rate=3, per_second_window=True), now=10.0)
    assert [quota.take(now) == 0.0 for now in (10.0, 10.1, 10.2, 10.3, 10.999, 11.0, 11.5, 11.9, 11.95)] == [
        *(True, True, True, False, False),
        *(True, True, True, False),
    ]


def test_without_a_rate_every_call_is_admitted():
    """Without a rate every call is admitted."""
    quota = Quota(QuotaSettings(), now=0.0)
    assert not any(quota.take(0.0) for _ in range(1000))


@pytest.mark.parametrize(
    ("hint", "headers"),
    [
        ("none", {}),
        ("Retry-After", {"Retry-After": "10"}),
        ("x-amz-retry-after", {"x-amz-retry-after": "10000"}),
    ],
)
async def test_a_throttled_call_is_429_with_a_hint_if_asked_for(start, hint, headers):
    """Beyond the quota the answer is ThrottlingException; the hint is in the header that was chosen."""
    client = await start(quota={"rate": 0.1, "burst": 1}, retry_hint=hint, latency_seconds=0.01)
    assert (await client.send()).event_id
    reply = await client.send()
    assert reply.error == (429, "ThrottlingException")
    given = {
        name: reply.headers[name] for name in ("Retry-After", "x-amz-retry-after") if name in reply.headers
    }
    # A moment passed since the bucket was emptied: the milliseconds may be a few less.
    assert given.keys() == headers.keys()
    assert all(0.95 * float(value) <= float(given[name]) <= float(value) for name, value in headers.items())
    client.emulator.advance_clock(10)
    assert (await client.send()).event_id
    assert [row.verdict for row in await client.emulator.rows()] == ["accepted", "throttled", "accepted"]


async def test_the_quota_can_be_changed_while_it_runs(client):
    """A new quota holds from the next call on."""
    client.emulator.set_quota(QuotaSettings(rate=0.001, burst=2))
    replies = [(await client.send()).status for _ in range(4)]
    assert replies == [200, 200, 429, 429]
    client.emulator.set_quota(QuotaSettings())
    assert (await client.send()).status == 200
