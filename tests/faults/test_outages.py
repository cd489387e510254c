"""The service cannot be reached, or another server answers: the load waits, or stops with the cause."""

import asyncio
from pathlib import Path

import pytest

from tests.faults.extracts import ExtractShape
from tests.faults.harness import Trial
from tests.faults.machines import LAUNCHER, can_mount, names
from tests.faults.reliability import GOES_ON, REFUSED, STOPS
from tests.http.authority import Authority

SHAPE = ExtractShape(rows=80, groups=80)

NAME = "scn.fault.test"


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.make(tmp_path_factory.mktemp("authority"))


def certificate(authority: Authority, name: str) -> dict[str, Path]:
    """Return the emulator's settings for a certificate of one name or address."""
    authority.server_context(name)
    return {"certfile": authority.folder / f"{name}.pem", "keyfile": authority.folder / f"{name}.key"}


async def free_port(trial: Trial) -> int:
    """Return a port on which no server listens."""
    async with trial.service() as emulator:
        return int(emulator.url.rpartition(":")[2])


@pytest.mark.tried("The endpoint is down at the start of a load and again during it", keeps=GOES_ON)
async def test_an_endpoint_that_is_down_is_waited_for(trial: Trial) -> None:
    """Refused connections are tried again; when the endpoint is back, the load goes on by itself."""
    trial.write_extract(2, SHAPE)
    port = await free_port(trial)
    run = await trial.start(f"http://127.0.0.1:{port}")
    assert await run.until(trial.checkpoint_path.exists)
    await asyncio.sleep(0.5)
    async with trial.service(port=port) as emulator:
        assert await run.until(lambda: emulator.summary()["accepted"] >= 20)
    await asyncio.sleep(0.5)
    async with trial.service(port=port):
        ended = await run.wait()
    assert trial.wrong(ended) == []
    assert ended.code == 0


@pytest.mark.soak
@pytest.mark.timeout(300)
@pytest.mark.tried("The endpoint is down for a minute", keeps=GOES_ON)
async def test_a_minute_without_endpoint_is_waited_for(trial: Trial) -> None:
    """After a minute of refused connections the load goes on within the longest backoff."""
    trial.write_extract(3, SHAPE)
    async with trial.service() as emulator:
        run = await trial.start(emulator.url)
        assert await run.until(lambda: emulator.summary()["accepted"] >= 20)
        port = int(emulator.url.rpartition(":")[2])
    await asyncio.sleep(60)
    assert not run.is_over
    async with trial.service(port=port):
        ended = await run.wait()
    assert trial.wrong(ended) == []
    assert ended.code == 0


@pytest.mark.skipif(not can_mount(), reason="needs a mount namespace of its own")
@pytest.mark.tried("The name of the endpoint cannot be resolved at the start", keeps=REFUSED)
async def test_an_unknown_name_is_refused_at_the_start(trial: Trial, authority: Authority) -> None:
    """A name that is wrong at the start is refused at once; after a correction, the same command delivers."""
    trial.write_extract(4, SHAPE)
    hosts = trial.folder / "hosts"
    hosts.write_text("127.0.0.1 localhost\n")
    trial.environment["AWS_CA_BUNDLE"] = authority.bundle
    async with trial.service(**certificate(authority, NAME)) as emulator:
        url = f"https://{NAME}:{emulator.url.rpartition(':')[2]}"
        refused = await trial.run(url, launcher=LAUNCHER, **names(hosts))
        assert (refused.code, emulator.summary()["attempts"]) == (2, 0)
        assert NAME in refused.err
        hosts.write_text(f"127.0.0.1 localhost {NAME}\n")
        ended = await trial.run(url, launcher=LAUNCHER, **names(hosts))
    assert trial.wrong(ended) == []
    assert ended.code == 0


@pytest.mark.soak
@pytest.mark.timeout(300)
@pytest.mark.skipif(not can_mount(), reason="needs a mount namespace of its own")
@pytest.mark.tried("DNS fails for a minute during a load, with all connections closed", keeps=GOES_ON)
async def test_a_name_that_gets_lost_is_asked_for_again(trial: Trial, authority: Authority) -> None:
    """Once what was remembered of the name is too old, attempts fail and wait; then the load goes on."""
    trial.write_extract(4, ExtractShape(rows=1500, groups=1500))
    hosts = trial.folder / "hosts"
    hosts.write_text(f"127.0.0.1 localhost {NAME}\n")
    trial.environment["AWS_CA_BUNDLE"] = authority.bundle
    port, tls = await free_port(trial), certificate(authority, NAME)
    async with trial.service(port=port, **tls) as emulator:
        run = await trial.start(f"https://{NAME}:{port}", "--rate", "50", launcher=LAUNCHER, **names(hosts))
        assert await run.until(lambda: emulator.summary()["accepted"] >= 20)
    hosts.write_text("127.0.0.1 localhost\n")
    await asyncio.sleep(35)  # longer than the transport remembers a name
    async with trial.service(port=port, **tls) as emulator:
        await asyncio.sleep(25)
        assert emulator.summary()["accepted"] < 1000
        arrived = emulator.summary()["attempts"]
        await asyncio.sleep(5)
        assert emulator.summary()["attempts"] == arrived
        hosts.write_text(f"127.0.0.1 localhost {NAME}\n")
        ended = await run.wait(120)
    assert trial.wrong(ended) == []
    assert ended.code == 0


@pytest.mark.tried("The endpoint first does not support TLS, then it does", keeps=GOES_ON)
async def test_a_failed_handshake_is_tried_again(trial: Trial, authority: Authority) -> None:
    """A TLS handshake that fails is an outage: nothing is sent, and the load goes on when it works."""
    trial.write_extract(5, SHAPE)
    port = await free_port(trial)
    async with trial.service(port=port) as emulator:  # plain http
        run = await trial.start(f"https://127.0.0.1:{port}", AWS_CA_BUNDLE=authority.bundle)
        assert await run.until(trial.checkpoint_path.exists)
        await asyncio.sleep(0.7)
        assert emulator.summary()["attempts"] == 0
    async with trial.service(port=port, **certificate(authority, "127.0.0.1")):
        ended = await run.wait()
    assert trial.wrong(ended) == []
    assert ended.code == 0


@pytest.mark.tried("A certificate from an unknown authority, or for another name", keeps=STOPS)
@pytest.mark.parametrize("fault", ["unknown authority", pytest.param("another name", marks=pytest.mark.soak)])
async def test_a_wrong_certificate_is_refused(trial: Trial, authority: Authority, fault: str) -> None:
    """Nothing is sent to somebody who cannot prove who they are; with the right trust the load goes on."""
    trial.write_extract(6, SHAPE)
    port = await free_port(trial)
    trusted = {"AWS_CA_BUNDLE": authority.bundle}
    name, trust = ("127.0.0.1", {}) if fault == "unknown authority" else ("localhost", trusted)
    async with trial.service(port=port, **certificate(authority, name)) as emulator:
        refused = await trial.run(f"https://127.0.0.1:{port}", **trust)
        assert emulator.summary()["attempts"] == 0
    assert refused.code == 4
    assert "certificate" in refused.err.lower()
    async with trial.service(port=port, **certificate(authority, "127.0.0.1")):
        ended = await trial.run(f"https://127.0.0.1:{port}", **trusted)
    assert trial.wrong(ended) == []
    assert ended.code == 0


@pytest.mark.tried("Plain http to an endpoint that is not on this machine", keeps=REFUSED)
async def test_plain_http_leaves_no_machine(trial: Trial) -> None:
    """An unencrypted endpoint off loopback is refused before anything else happens."""
    trial.write_extract(7, SHAPE)
    refused = await trial.run("http://192.0.2.1:80")
    assert refused.code == 2
    assert "loopback only" in refused.err
    assert not trial.run_dir.exists()
