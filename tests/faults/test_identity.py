"""Who signs and when: credentials that run out, clocks that are wrong, events that wait."""

import asyncio
import stat
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from loader.emulator import Emulator, FaultPlan
from tests.faults.extracts import ExtractShape
from tests.faults.fault_mix import THROTTLED
from tests.faults.harness import ACCESS_KEY, Trial
from tests.faults.leaks import SECRET
from tests.faults.machines import LAUNCHER, MovedClock
from tests.faults.reliability import GOES_ON, ONCE, STOPS

SHAPE = ExtractShape(rows=120, groups=120)

NEW_KEY = "AKIAFAULTHARNESS0002"

HOUR = 3600.0


class Helper:
    """A ``credential_process``, as companies use to hand out keys; it gives the key that is in force.

    Args:
        folder: Where it lies.
    """

    def __init__(self, folder: Path) -> None:
        self._answer = folder / "key.answer"
        script = folder / "helper.sh"
        script.write_text(f'#!/bin/sh\ncat "{self._answer}" || exit 1\n')
        script.chmod(stat.S_IRWXU)
        self._config = folder / "aws.config"
        self._config.write_text(f"[default]\ncredential_process = {script}\n")
        self.gives(ACCESS_KEY)

    @property
    def environment(self) -> dict[str, str]:
        """What makes the command use it."""
        nothing = dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "")
        return {"AWS_CONFIG_FILE": str(self._config), **nothing}

    def gives(self, access_key: str) -> None:
        """Give another key from now on."""
        key = {"Version": 1, "AccessKeyId": access_key, "SecretAccessKey": SECRET}
        self._answer.write_bytes(orjson.dumps(key))

    def breaks(self) -> None:
        """Give no key any more."""
        self._answer.unlink()


def put_in_force(emulator: Emulator, access_key: str) -> None:
    """Let the service know one key only."""
    known = emulator.service.settings.credentials
    assert isinstance(known, dict)
    known.clear()
    known[access_key] = SECRET


def accepted(emulator: Emulator, number: int) -> Callable[[], bool]:
    """Return the condition that so many events are accepted."""
    return lambda: emulator.summary()["accepted"] >= number


@pytest.mark.tried("The credentials expire during a load, and new ones are available", keeps=GOES_ON)
async def test_credentials_that_end_are_refreshed(trial: Trial) -> None:
    """The load looks up new credentials, signs with the new key, and continues."""
    trial.write_extract(11, SHAPE)
    helper = Helper(trial.folder)
    async with trial.service() as emulator:
        run = await trial.start(emulator.url, **helper.environment)
        assert await run.until(accepted(emulator, 30))
        helper.gives(NEW_KEY)
        put_in_force(emulator, NEW_KEY)
        ended = await run.wait()
    assert trial.wrong(ended) == []
    assert ended.code == 0
    assert any(row.verdict == "rejected:UnrecognizedClientException" for row in trial.ledger())


@pytest.mark.tried("The credentials expire during a load, and no others are available", keeps=STOPS)
@pytest.mark.parametrize("chain", ["breaks", pytest.param("gives the old ones", marks=pytest.mark.soak)])
async def test_credentials_that_cannot_be_refreshed_stop_the_load(trial: Trial, chain: str) -> None:
    """Exit code 4, the block says what to do, and with new credentials the same command resumes."""
    trial.write_extract(12, SHAPE)
    helper = Helper(trial.folder)
    async with trial.service() as emulator:
        run = await trial.start(emulator.url, **helper.environment)
        assert await run.until(accepted(emulator, 30))
        if chain == "breaks":
            helper.breaks()
        put_in_force(emulator, NEW_KEY)
        stopped = await run.wait()
        assert stopped.code == 4
        assert "credentials" in stopped.err
        assert "run the same command again" in stopped.err
        refused = emulator.summary()["verdicts"]["rejected:UnrecognizedClientException"]
        assert refused < 100  # not hammered
        helper.gives(NEW_KEY)
        ended = await trial.run(emulator.url, **helper.environment)
    assert trial.wrong(ended) == []
    assert ended.code == 0


@pytest.mark.tried("This machine's clock is wrong by an hour", keeps=GOES_ON)
@pytest.mark.parametrize("hours", [1, pytest.param(-1, marks=pytest.mark.soak)])
async def test_a_clock_an_hour_off_is_set_right(trial: Trial, hours: int) -> None:
    """The service's refusal tells its time; the load signs by it from then on."""
    trial.write_extract(13, SHAPE)
    async with trial.service(clock_skew_seconds=hours * HOUR) as emulator:
        ended = await trial.run(emulator.url)
    assert ended.code == 0, ended.words
    assert trial.wrong(ended) == []
    assert ended.code == 0
    # A refused signature is judged before the body is read, so the ledger has no token for it. Each event is
    # refused at most once: it goes out again only after the clock is set right.
    refused = [row.seq for row in trial.ledger() if row.verdict.startswith("rejected:InvalidSig")]
    assert 0 < len(refused) <= SHAPE.rows


@pytest.mark.tried("Events wait two hours in their lanes while everything is throttled", keeps=ONCE)
async def test_a_signature_never_ages_in_a_queue(trial: Trial) -> None:
    """Every attempt is signed when it goes out: after two hours of waiting no signature is too old."""
    trial.write_extract(14, SHAPE)
    trial.known_rate = None  # one attempt at a time, so that only one can be signed just before
    clock = MovedClock(trial.folder / "clock")
    everything = FaultPlan(rules=(THROTTLED,))
    async with trial.service(faults=everything) as emulator:
        run = await trial.start(emulator.url, launcher=LAUNCHER, **clock.environment)
        assert await run.until(lambda: emulator.summary()["attempts"] >= 5)
        emulator.advance_clock(2 * HOUR)
        emulator.skew_clock(2 * HOUR)
        clock.suspend(2 * HOUR)
        await asyncio.sleep(0.3)
        emulator.set_faults(FaultPlan())
        ended = await run.wait()
    assert trial.wrong(ended) == []
    assert ended.code == 0
    # One attempt may have been signed just before the clocks moved.
    refused = [row.seq for row in trial.ledger() if row.verdict == "rejected:InvalidSignatureException"]
    assert len(refused) <= 1
