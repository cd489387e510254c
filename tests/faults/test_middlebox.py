"""An intermediary answers instead of the service: for a while, permanently, or for one payload."""

from typing import Any

import pytest

from loader.emulator import FaultPlan
from tests.faults.extracts import ExtractShape
from tests.faults.harness import Trial
from tests.faults.reliability import GOES_ON, POLICY, STOPS
from tests.faults.test_outages import free_port

SHAPE = ExtractShape(rows=150, groups=24)
OFTEN = ("captive portal", "redirect", "codeless 403")
"""Kinds that are tried in each run of the tests; the others in `make soak`."""

KINDS: dict[str, dict[str, Any]] = {
    "captive portal": {"fault": "page", "title": "Welcome to the guest network"},
    "redirect": {"fault": "redirect"},
    "codeless 400": {"fault": "codeless", "status": 400},
    "codeless 403": {"fault": "codeless", "status": 403},
    "codeless 405": {"fault": "codeless", "status": 405},
    "codeless 413": {"fault": "codeless", "status": 413},
    "codeless 502": {"fault": "codeless", "status": 502},
}


def middlebox(**rule: Any) -> FaultPlan:
    """Return a plan with one rule."""
    return FaultPlan.model_validate({"rules": [rule]})


async def deliver_through(trial: Trial, kind: str, seconds: float) -> None:
    """Load while a middlebox answers every call for some seconds, from the middle of the load on."""
    trial.write_extract(21, SHAPE)
    async with trial.service() as emulator:
        run = await trial.start(emulator.url, "--rate", "60")
        assert await run.until(lambda: emulator.summary()["accepted"] >= 40)
        emulator.set_faults(middlebox(**KINDS[kind], until_seconds=seconds))
        ended = await run.wait(60 + 2 * seconds)
    assert trial.wrong(ended) == []
    assert ended.code == 0
    assert ended.summary is not None
    assert ended.summary["last_trouble"]["is_over"]
    # The way is probed; it is not tried with each event of the extract.
    if kind != "codeless 502":  # each lane's first event asks by itself, with a backoff
        assert ended.summary["attempts"] < SHAPE.rows + 60 + seconds


@pytest.mark.tried("A middlebox answers instead of the service for some seconds", keeps=GOES_ON)
@pytest.mark.parametrize(
    "kind", [kind if kind in OFTEN else pytest.param(kind, marks=pytest.mark.soak) for kind in KINDS]
)
async def test_an_outage_by_a_middlebox_keeps_the_order(trial: Trial, kind: str) -> None:
    """Pages, redirects and codeless refusals are the fault of the way: lanes are held, then all goes on."""
    await deliver_through(trial, kind, 1.5)


@pytest.mark.soak
@pytest.mark.timeout(300)
@pytest.mark.tried("A middlebox answers instead of the service for 45 seconds", keeps=GOES_ON)
@pytest.mark.parametrize("kind", KINDS)
async def test_a_long_outage_by_a_middlebox_keeps_the_order(trial: Trial, kind: str) -> None:
    """The same for as long as a load balancer takes to be replaced."""
    await deliver_through(trial, kind, 45)


@pytest.mark.tried("A middlebox answers instead of the service permanently, from the start", keeps=STOPS)
@pytest.mark.parametrize(
    ("rule", "code", "said"),
    [
        ({"fault": "page", "title": "Welcome to the guest network"}, 5, "captive portal"),
        ({"fault": "redirect"}, 5, "follows no redirect"),
        ({"fault": "codeless", "status": 403}, 4, "firewall"),
        (
            {"fault": "codeless", "status": 400, "title": "400 No required SSL certificate was sent"},
            4,
            "client certificate",
        ),
        *[
            pytest.param(
                {"fault": "codeless", "status": status}, code, f"HTTP{status}", marks=pytest.mark.soak
            )
            for status, code in (
                *((401, 4), (404, 4), (405, 5), (407, 4), (413, 5)),
                *((402, 5), (411, 5), (414, 5), (421, 4), (426, 5), (431, 5), (451, 5), (495, 4)),
                *((496, 4), (497, 4), (511, 5), (418, 5), (301, 5)),
            )
        ],
    ],
)
async def test_a_way_that_is_closed_from_the_start_stops_the_load(
    trial: Trial, rule: dict[str, Any], code: int, said: str
) -> None:
    """After a few different events that met the same, the load stops, resumable, and names what it met."""
    trial.write_extract(22, SHAPE)
    async with trial.service(faults=middlebox(**rule)) as emulator:
        stopped = await trial.run(emulator.url)
        assert emulator.summary()["attempts"] < 60
    assert stopped.code == code, stopped.err
    assert said in stopped.err
    assert "Welcome" not in str(rule) or "Welcome to the guest network" in stopped.err
    async with trial.service() as emulator:
        ended = await trial.run(emulator.url)
    assert trial.wrong(ended) == []
    assert ended.code == 0


@pytest.mark.tried("A middlebox permanently refuses the only event of an extract", keeps=STOPS)
async def test_a_single_event_is_enough_to_stop(trial: Trial) -> None:
    """Where there are no other events to ask with, the same event asks several times."""
    trial.write_extract(23, ExtractShape(rows=1, groups=1))
    async with trial.service(faults=middlebox(fault="redirect")) as emulator:
        stopped = await trial.run(emulator.url)
        assert emulator.summary()["attempts"] < 20
    assert stopped.code == 5
    assert "1 event got the same answer" in stopped.err


@pytest.mark.tried("The path to the service closes permanently during a load", keeps=STOPS)
@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ({"fault": "page"}, "HtmlPage"),
        pytest.param({"fault": "codeless", "status": 403}, "HTTP403", marks=pytest.mark.soak),
        ({"fault": "error", "code": "ServiceUnavailable"}, "ServiceUnavailable"),
    ],
)
async def test_a_load_without_acceptances_is_given_up(trial: Trial, rule: dict[str, Any], code: str) -> None:
    """After --give-up-after it stops with 5; block, summary, log and status name cause, count and time."""
    trial.write_extract(24, SHAPE)
    async with trial.service() as emulator:
        run = await trial.start(emulator.url, "--rate", "60", "--give-up-after", "4s")
        assert await run.until(lambda: emulator.summary()["accepted"] >= 40)
        emulator.set_faults(middlebox(**rule))
        stopped = await run.wait()
    assert stopped.code == 5
    assert "No event was accepted for 4 s" in stopped.err
    assert code in stopped.err
    assert "last trouble" in stopped.err  # a progress line
    assert stopped.summary is not None
    assert stopped.summary["last_trouble"]["code"] == code
    assert stopped.summary["last_trouble"]["count"] > 1
    assert code in (trial.run_dir / "load.log").read_text()
    status = await trial.status()
    assert "trouble" in status.out
    assert code in status.out
    async with trial.service() as emulator:
        ended = await trial.run(emulator.url)
    assert trial.wrong(ended) == []
    assert ended.code == 0


@pytest.mark.tried("The endpoint is down for longer than --give-up-after", keeps=STOPS)
async def test_refused_connections_are_given_up_and_named(trial: Trial) -> None:
    """A load that never reached anything says so, and what to look at."""
    trial.write_extract(25, SHAPE)
    port = await free_port(trial)
    stopped = await trial.run(f"http://127.0.0.1:{port}", "--give-up-after", "3s")
    assert stopped.code == 5
    assert "ConnectFailed: the connection is refused" in stopped.err
    assert stopped.summary is not None
    assert stopped.summary["last_trouble"]["code"] == "ConnectFailed"
    assert stopped.summary["events_in_doubt"] == 0
    async with trial.service(port=port) as emulator:
        ended = await trial.run(emulator.url)
    assert trial.wrong(ended) == []
    assert ended.code == 0


@pytest.mark.tried("A content filter refuses one payload and passes the others", keeps=POLICY)
@pytest.mark.parametrize("status", [403, pytest.param(400, marks=pytest.mark.soak)])
async def test_a_content_filter_fails_only_its_event(trial: Trial, status: int) -> None:
    """Other events get through, so the refusal is for the content: the event fails, the rest is delivered."""
    rows = trial.write_extract(26, ExtractShape(rows=240, groups=240))
    group = rows[100]["reservation_id"]
    hit = [number for number, row in enumerate(rows, 1) if row["reservation_id"] == group]
    rule = middlebox(fault="codeless", status=status, groups=[group])
    async with trial.service(faults=rule) as emulator:
        ended = await trial.run(emulator.url, "--rate", "60", "--on-failure", "hold")
    assert ended.code in (1, 5)  # 5 where later events of the group are held back
    assert ended.summary is not None
    assert ended.summary["events_failed"] == 1
    assert ended.summary["events_accepted"] == len(rows) - len(hit)
    status_run = await trial.status()
    assert f"HTTP{status}" in status_run.out
    assert f"row {hit[0]:,}" in status_run.out
    async with trial.service() as emulator:
        again = await trial.run(emulator.url, "--on-failure", "hold", "--retry-failed")
    assert trial.wrong(again) == []
    assert again.code == 0
