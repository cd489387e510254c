"""The token bucket under the governor."""

from hypothesis import given
from hypothesis import strategies as st

from loader.delivery.rate.token_bucket import BURST_SECONDS, MIN_BURST_SECONDS, SPARE_TOKENS, TokenBucket

RATES = st.floats(0.2, 10_000.0)


@given(RATES, st.lists(st.floats(0.0, 0.3), max_size=100))
def test_never_more_than_the_rate_allows(rate: float, sleeps: list[float]) -> None:
    """Requests at any times get at most rate * time and one bucket of tokens."""
    bucket, now, taken = TokenBucket(rate, now=0.0), 0.0, 0
    for seconds in sleeps:
        now += seconds
        while bucket.wait_seconds(now) == 0.0 and taken <= 1e4:
            bucket.take()
            taken += 1
    assert taken <= rate * now + SPARE_TOKENS + BURST_SECONDS * rate + 1e-3


@given(RATES)
def test_the_wait_is_as_long_as_it_takes(rate: float) -> None:
    """After the wait that the bucket named there is a token, and half-way there is none."""
    bucket = TokenBucket(rate, now=0.0)
    bucket.take()
    wait = bucket.wait_seconds(0.0)
    assert bucket.wait_seconds(wait / 2) > 0
    assert bucket.wait_seconds(wait) == 0


def test_the_bucketful_follows_the_rate() -> None:
    """After a cut the bucket does not hold what it could hold at the rate before."""
    bucket = TokenBucket(1000.0, now=0.0)
    bucket.wait_seconds(10.0)
    bucket.rate = 10.0
    bucket.wait_seconds(10.1)
    taken = 0
    while bucket.wait_seconds(10.1) == 0.0:
        bucket.take()
        taken += 1
    assert taken == 1


def test_low_rates_never_send_two_at_once() -> None:
    """After a long silence one attempt may go, and the next only after most of an interval."""
    bucket = TokenBucket(2.0, now=0.0)
    assert bucket.wait_seconds(60.0) == 0.0
    bucket.take()
    assert bucket.wait_seconds(60.0) > 0.3


def test_emptied_until_later() -> None:
    """An emptied bucket starts with no tokens at the given time."""
    bucket = TokenBucket(10.0, now=0.0)
    bucket.empty(5.0)
    assert bucket.wait_seconds(5.0) == 0.1
    assert bucket.take_overflow(5.0) == 0.0


def test_unused_tokens_are_counted() -> None:
    """Unused tokens above the bucket's size are counted once."""
    bucket = TokenBucket(100.0, now=0.0)
    assert 90 <= bucket.take_overflow(1.0) <= 100
    assert bucket.take_overflow(1.0) == 0.0


def test_the_bucket_shrinks() -> None:
    """Throttled bursts make the bucket smaller, down to a lower bound."""
    bucket = TokenBucket(1000.0, now=0.0)
    bucket.shrink()
    assert bucket._burst_seconds < BURST_SECONDS
    for _ in range(20):
        bucket.shrink()
    assert bucket._burst_seconds == MIN_BURST_SECONDS
