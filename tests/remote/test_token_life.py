"""A machine lost longer ago than a token lives: --in-doubt decides about what its copy does not know."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from loader.checkpoint.doubt import SKIPPED
from loader.errors import DecisionNeeded, ExitCode
from loader.job import working_copy_of
from loader.report.export import export_failed
from loader.testing import EmulatedService
from loader.testing.emulated_service import INSTANCE_ID
from tests.remote.conftest import ADDRESS, PREFIX, ROWS, SLOW, Load, stopping_at
from tests.remote.faulty_s3 import BUCKET, FaultyS3

EVENTS = ROWS - 1
WINDOW = 50
ARN = f"arn:aws:scn:us-east-1:123456789012:instance/{INSTANCE_ID}/namespaces/asc/datasets/reservation"
APPEND: dict[str, Any] = {
    "event_type": "scn.data.dataset",
    "dataset_arn": ARN,
    "operation": "APPEND",
    "window_rows": WINDOW,
}

Machine = Callable[[str], Path]


def lose_the_runner(s3: FaultyS3, *, hours_ago: float, horizon: int) -> None:
    """Let the lease and the copy look as those of a machine that was lost some time ago."""
    lease = orjson.loads(s3.get(PREFIX + "lease.json"))
    lost = orjson.dumps(lease | {"is_released": False, "holder": "lost", "horizon": horizon, "seconds": -9.0})
    s3.client.put_object(Bucket=BUCKET, Key=PREFIX + "lease.json", Body=lost)
    name = PREFIX + "checkpoint.sqlite.zst"
    known = s3.client.get_object(Bucket=BUCKET, Key=name)
    at = float(known["Metadata"]["copied-at"]) - hours_ago * 3600
    s3.client.put_object(
        Bucket=BUCKET,
        Key=name,
        Body=known["Body"].read(),
        Metadata=known["Metadata"] | {"copied-at": repr(at)},
    )


@pytest.fixture
def half(load: Load, s3: FaultyS3, machine: Machine) -> int:
    """Stop an APPEND in mid-load, and go over to another machine; return how many events were accepted."""
    accepted = load(stopping_at(120), **APPEND, **SLOW).summary.events_accepted
    machine("b")
    return accepted


def test_within_the_life_of_a_token_no_decision_is_needed(
    load: Load, s3: FaultyS3, service: EmulatedService, half: int
) -> None:
    lose_the_runner(s3, hours_ago=1, horizon=4)
    assert load(**APPEND).summary.events_accepted == EVENTS
    assert service.calls()["accepted"] == EVENTS


def test_past_it_the_user_is_asked_and_nothing_is_sent(
    load: Load, s3: FaultyS3, service: EmulatedService, half: int
) -> None:
    """Also the next time, on any machine: the doubt is in the copy by then."""
    lose_the_runner(s3, hours_ago=9, horizon=4)
    for _ in range(2):
        with pytest.raises(DecisionNeeded) as asked:
            load(**APPEND)
        assert "--in-doubt resend" in asked.value.next_step
    assert service.calls()["attempts"] == half


def test_windows_beyond_the_horizon_are_in_no_doubt(
    load: Load, s3: FaultyS3, service: EmulatedService, half: int, tmp_path: Path
) -> None:
    """With skip, what may have been sent counts as failed; what cannot have been sent is sent."""
    lose_the_runner(s3, hours_ago=9, horizon=4)
    summary = load(in_doubt="skip", **APPEND).summary
    skipped = EVENTS - summary.events_accepted
    assert summary.exit_code is ExitCode.DELIVERED_WITH_FAILURES
    assert summary.events_failed == skipped == 4 * WINDOW - 1 - half
    export_failed(working_copy_of(ADDRESS) / "checkpoint.sqlite", tmp_path / "failed.csv")
    assert (tmp_path / "failed.csv").read_text().count(SKIPPED) == skipped
    assert service.calls()["attempts"] == EVENTS - skipped


def test_events_in_doubt_that_may_be_repeated_keep_their_order(
    load: Load, s3: FaultyS3, service: EmulatedService, half: int
) -> None:
    """The user said so; the tokens are alive here, so nothing is doubled."""
    lose_the_runner(s3, hours_ago=9, horizon=2**62)
    assert load(in_doubt="resend", **APPEND).summary.events_accepted == EVENTS
    calls = service.calls()
    assert (calls["accepted"], calls["overtaken"]) == (EVENTS, 0)
