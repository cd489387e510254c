"""From a server's answers to how well a quota was held."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.answers import Answer, instance_of, read_access_log
from benchmarks.quota_cases import Case, CaseEnded, burst_of
from benchmarks.quota_figures import (
    Rates,
    goodput_share,
    jains_index,
    per_second,
    throttled_share,
    tracked_after,
)
from benchmarks.quota_report import figures, pictures, server_bound, steady_table


def test_an_access_log_becomes_answers() -> None:
    """Each line has its time, its status and the instance of its path."""
    text = "1795463827.083 200 /api-data/data-integration/instance/one/data-integration-events\n"
    text += "1795463828.5 429 /api-data/data-integration/instance/two/data-integration-events\n"

    assert read_access_log(text) == [Answer(1795463827.083, 200, "one"), Answer(1795463828.5, 429, "two")]
    assert instance_of("/status") == ""


def test_answers_are_counted_by_the_second() -> None:
    """Seconds are counted from the beginning; what is outside, or of another status, is left out."""
    answers = [Answer(at, status, "") for at, status in [(9.9, 200), (10.0, 200), (10.99, 429), (11, 200)]]
    answers += [Answer(11.5, 500, ""), Answer(12.0, 200, "")]

    assert per_second(answers, 10.0, 2) == Rates([1, 1], [1, 0])


def test_shares_are_of_the_seconds_asked_for() -> None:
    """Goodput and throttled share can leave the first seconds out."""
    rates = Rates(accepted=[0, 50, 100, 100], throttled=[0, 50, 0, 0])

    assert goodput_share(rates, [100.0] * 4) == 250 / 400
    assert goodput_share(rates, [100.0] * 4, 2) == 1.0
    assert throttled_share(rates) == 50 / 300
    assert throttled_share(rates, 2) == 0.0
    assert throttled_share(Rates([0], [0])) == 0.0


def test_tracking_counts_from_the_change_to_where_the_new_quota_is_held() -> None:
    """A client that adapts to a halved quota within three seconds tracks it after three seconds."""
    quota = [100.0] * 5 + [50.0] * 20
    rates = Rates([100] * 5 + [50] * 20, [0] * 5 + [60, 60, 60] + [0] * 17)

    assert tracked_after(rates, quota, 5) == 3


def test_a_quota_that_is_never_reached_is_not_tracked() -> None:
    """A client that stays at the old rate after a doubling does not track it."""
    quota = [100.0] * 5 + [200.0] * 20

    assert tracked_after(Rates([100] * 25, [0] * 25), quota, 5) is None


@given(st.lists(st.floats(0.001, 1e6), min_size=1, max_size=10))
def test_jains_index_lies_between_one_over_n_and_one(shares: list[float]) -> None:
    """The index is 1 for equal shares only, and 1/n at the least."""
    assert 1 / len(shares) - 1e-9 <= jains_index(shares) <= 1 + 1e-9
    assert jains_index([shares[0]] * 7) == pytest.approx(1.0)


def test_one_that_has_everything_is_as_unfair_as_can_be() -> None:
    """If one of four has everything, the index is a quarter."""
    assert jains_index([0, 0, 9, 0]) == 0.25


def test_the_quota_of_a_case_changes_when_it_says() -> None:
    """The quota of each second is the old one before the change and the new one after."""
    assert Case("nginx", 100, 4, changed_rate=50, changed_at=3).quota == [100, 100, 100, 50]
    assert burst_of(500) == 50
    assert burst_of(10) == 5


def _held(accepted: int, throttled: int, server_share: float = 0.1) -> CaseEnded:
    return CaseEnded(Case("nginx", 100, 20), Rates([accepted] * 20, [throttled] * 20), [], server_share)


def test_figures_are_judged_by_their_aims() -> None:
    """Holding 99 % without a throttle meets the aims; 90 % with many does not."""
    good = figures({"steady": [_held(99, 0)]}, 10)
    bad = figures({"steady": [_held(90, 20)]}, 10)

    assert [each.met for each in good] == [True, True]
    assert [each.met for each in bad] == [False, False]


def test_a_busy_server_is_not_reported() -> None:
    """Where the server was the bottleneck, neither table nor figures say how the client did."""
    ended = _held(99, 0, server_share=0.97)

    assert server_bound(ended)
    assert figures({"steady": [ended]}, 10) == []
    assert "not reported" in steady_table([ended], 10)


def test_each_limiter_and_quota_has_a_picture_with_all_clients() -> None:
    """Runs of the same title share a picture; other quotas have their own."""
    other = CaseEnded(Case("nginx", 500, 20), Rates([500] * 20, [0] * 20))
    drawn = pictures({"steady": [_held(99, 0), _held(98, 1), other]})

    assert sorted(Path(name).suffix for name in drawn) == [".svg", ".svg"]
    assert [len(panels) for _, panels in drawn.values()] == [2, 1]
