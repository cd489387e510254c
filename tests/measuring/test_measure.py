"""``measure`` from end to end: consent first, calls as announced, and no dataset left behind."""

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from typer.testing import CliRunner

from benchmarks.nginx_config import LimitReq, NginxSettings, render
from loader.cli import app
from loader.datasets import dataset_by_name
from loader.emulator import EmulatorSettings, QuotaSettings
from loader.errors import DeliveryStopped, ServiceStopped, SettingsError
from loader.job import read_job
from loader.measuring import MeasureSettings, MeasureWatch, measure_to_end
from loader.measuring.consent import TAG_KEY, TAG_VALUE
from loader.measuring.own_dataset import NAME, NAMESPACE, only_measurement
from loader.stage_settings.connections import client_settings
from loader.testing import EmulatedService, emulated_service
from tests.http.authority import Authority
from tests.measuring.connect_proxy import connect_proxy
from tests.prepared.starts import start

INSTANCE = "00000000-0000-4000-8000-000000000000"
LINES = dataset_by_name("inbound_order_line")
SHORT = MeasureSettings(seconds=1.0, packings=("row",), record_bytes=(300,))


def datasets_of(service: EmulatedService) -> list[str]:
    """The datasets that are not part of the data model."""
    return service.emulator.service._catalog.names(NAMESPACE)


def calls_of(service: EmulatedService) -> dict[str, int]:
    """All calls that arrived, by operation."""
    return service.emulator.service.calls()


def run(service: EmulatedService, settings: MeasureSettings, **job: str):
    """Measure the emulator in this process."""
    announced: list[int] = []
    measured = measure_to_end(
        client_settings(service.job(event_type="scn.data.inboundorder", **job)),
        LINES,
        settings,
        MeasureWatch(lambda _cells, most, _seconds: announced.append(most), lambda _result: None),
    )
    return measured, announced


def test_the_command_prints_what_it_measured(tmp_path: Path):
    """One JSON object with a result for each combination, a picture, and an emulator without a dataset."""
    picture = tmp_path / "measured.svg"
    with emulated_service(EmulatorSettings(quota=QuotaSettings(rate=300), latency_seconds=0.02)) as service:
        command = [
            "measure",
            "scn.data.inboundorderline",
            "--instance-id",
            INSTANCE,
            "--seconds",
            "1",
            "--json",
        ]
        sizes = ["--packing", "row", "--packing", "40", "--record-bytes", "400", "-o", str(picture), "--json"]
        ended = CliRunner().invoke(app, [*command, *sizes, "--endpoint-url", service.url])
        assert ended.exit_code == 0, ended.output
        found = json.loads(ended.stdout)
        assert [each["packing"] for each in found["results"]] == ["row", "40"]
        for each in found["results"]:
            assert each["record_bytes"] == 400
            assert each["events_per_second"] > 0
            factor = 40 if each["packing"] == "40" else 1
            assert each["rows_per_second"] == pytest.approx(factor * each["events_per_second"], rel=0.01)
            assert 15 < each["latency_ms"]["p50"] <= each["latency_ms"]["p99"] <= each["latency_ms"]["max"]
            assert isinstance(each["throttled"], int)
            assert each["failed"] == 0
        assert "at most 100,000 calls" in ended.stderr
        assert datasets_of(service) == []
        assert found["calls"] == sum(calls_of(service).values()) + 1  # and the question for the time
    assert picture.read_text().startswith("<svg")
    assert "rows accepted per second" in picture.read_text()


def test_never_more_calls_than_announced():
    """A cap that is far too low for the time ends the cells early, and counts every operation."""
    with emulated_service() as service:
        measured, announced = run(service, MeasureSettings(5.0, ("row", "9"), (300,), max_calls=110))
        assert announced == [110]
        arrived = sum(calls_of(service).values())
        assert measured.calls == arrived + 1 <= 110  # the question for the time is no operation
        assert [result.ended_by for result in measured.results] == ["calls", "calls"]
        assert all(result.events_per_second > 0 for result in measured.results)
        assert datasets_of(service) == []


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.make(tmp_path_factory.mktemp("authority"))


def test_a_real_instance_must_agree_before_anything_is_sent(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
):
    """Behind the name of the service: without the tag no dataset and no event, with it a measurement."""
    host = "scn.us-east-1.amazonaws.com"
    authority.server_context(host)
    files = {"certfile": authority.folder / f"{host}.pem", "keyfile": authority.folder / f"{host}.key"}
    with (
        emulated_service(EmulatorSettings(**files)) as service,
        connect_proxy(urlsplit(service.url).port or 0) as proxy,
    ):
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        monkeypatch.setenv("AWS_CA_BUNDLE", authority.bundle)
        for tags in ({}, {TAG_KEY: "no"}, {TAG_KEY.upper(): TAG_VALUE}):
            service.emulator.service._resources._tags.clear()
            arn = f"arn:aws:scn:us-east-1:123456789012:instance/{INSTANCE}"
            service.emulator.service._resources._tags[arn] = dict(tags)
            with pytest.raises(SettingsError, match="does not permit a measurement") as refused:
                run(service, SHORT, endpoint_url=f"https://{host}")
            assert f"aws supplychain tag-resource --resource-arn {arn}" in refused.value.next_step
            assert not calls_of(service).keys() & {"SendDataIntegrationEvent", "CreateDataLakeDataset"}
        service.emulator.service._resources._tags[arn] = {TAG_KEY: TAG_VALUE}
        measured, _ = run(service, SHORT, endpoint_url=f"https://{host}")
        assert len(measured.results) == 1
        assert calls_of(service)["SendDataIntegrationEvent"] > 0
        assert datasets_of(service) == []


def test_a_killed_measurement_leaves_nothing_for_long(tmp_path: Path):
    """SIGKILL leaves a dataset; the next run removes it, and removes its own when Ctrl-C ends it."""
    with emulated_service(EmulatorSettings(latency_seconds=0.01)) as service:
        command = ["measure", "inbound_order_line", "--instance-id", INSTANCE]
        more = ["--seconds", "30", "--packing", "row", "--rate", "50", "--json"]
        environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path)}

        def begin() -> subprocess.Popen[bytes]:
            before = calls_of(service).get("SendDataIntegrationEvent", 0)
            process = start(
                [*command, *more], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            )
            while calls_of(service).get("SendDataIntegrationEvent", 0) < before + 3:
                assert process.poll() is None
                time.sleep(0.02)
            return process

        killed = begin()
        killed.kill()
        killed.communicate()
        while service.emulator.open_connections:  # its last requests would count as those of the next one
            time.sleep(0.02)
        assert datasets_of(service) == [NAME]
        interrupted = begin()
        interrupted.send_signal(signal.SIGINT)
        output, messages = interrupted.communicate(timeout=20)
        assert messages.count(b"error: ") == 1
        assert b"run the command again" in messages
        assert b"before anything was sent" not in messages
        assert interrupted.returncode == 130
        assert json.loads(output)["results"][0]["ended_by"] == "interrupted"
        assert datasets_of(service) == []


def made_elsewhere(service: EmulatedService, description: str) -> None:
    """Put a dataset in the place of the measurement's own."""
    document = {
        "namespace": NAMESPACE,
        "name": NAME,
        "schema": {"name": "Other", "fields": [{"name": "id", "type": "STRING", "isRequired": True}]},
        "description": description,
    }
    service.emulator.service._catalog.add(document, None)


@pytest.mark.parametrize(
    "description",
    [
        "precious",
        "owner 0123456789ab, in use until 2999-01-01T00:00:00Z",
        "owner 0123456789ab, in use until x",
    ],
)
def test_a_dataset_of_somebody_else_is_not_touched(description: str):
    """A name that is taken by another, or by a measurement under way elsewhere, refuses the measurement."""
    with emulated_service() as service:
        made_elsewhere(service, description)
        with pytest.raises(SettingsError, match="may be using"):
            run(service, SHORT)
        assert datasets_of(service) == [NAME]
        assert "SendDataIntegrationEvent" not in calls_of(service)


def test_a_dataset_whose_time_is_over_is_removed():
    """A machine that is gone left it: its description says until when it was in use."""
    with emulated_service() as service:
        made_elsewhere(service, "owner 0123456789ab, in use until 2026-01-01T00:00:00Z")
        measured, _ = run(service, SHORT)
        assert len(measured.results) == 1
        assert calls_of(service)["SendDataIntegrationEvent"] > 0
        assert datasets_of(service) == []


def test_two_at_once_are_refused():
    """The second process of this machine would distort the first."""
    with emulated_service() as service, only_measurement(INSTANCE) as owner:
        assert owner
        with pytest.raises(SettingsError, match="by another process"):
            run(service, SHORT)


def test_a_refusal_while_measuring_ends_with_its_exit_code_and_without_a_dataset():
    """The service withdraws the permission to send: exit code 4, and the dataset is removed."""
    with emulated_service(
        EmulatorSettings(faults={"rules": [{"fault": "error", "code": "AccessDeniedException"}]})
    ) as service:
        with pytest.raises((ServiceStopped, DeliveryStopped)) as stopped:
            run(service, SHORT)
        assert stopped.value.exit_code == 4
        assert datasets_of(service) == []


@pytest.mark.soak
@pytest.mark.parametrize("quota_per_second", [10, 100, 1000])
def test_a_quota_is_found(quota_per_second: int):
    """Within 3 %, with round trips within 5 % of those that are set."""
    settings = EmulatorSettings(quota=QuotaSettings(rate=quota_per_second), latency_seconds=0.1)
    with emulated_service(settings) as service:
        measured, _ = run(service, MeasureSettings(15.0, ("row",), (300,)))
    (result,) = measured.results
    assert result.events_per_second == pytest.approx(quota_per_second, rel=0.03)
    assert result.latency.p50 == pytest.approx(100, rel=0.05)


@pytest.mark.soak
@pytest.mark.skipif(shutil.which("nginx") is None, reason="no nginx")
@pytest.mark.parametrize("quota_per_second", [10, 100, 1000])
def test_a_quota_of_nginx_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quota_per_second: int):
    """Within 3 %, at a server that answers events and knows no dataset."""
    for name, value in {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}.items():
        monkeypatch.setenv(name, value)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (tmp_path / "empty").mkdir()
    quota = LimitReq(quota_per_second, max(quota_per_second // 10, 5))
    (tmp_path / "nginx.conf").write_text(render(NginxSettings(port, tmp_path, quota)))
    process = subprocess.Popen(["nginx", "-c", str(tmp_path / "nginx.conf")], stderr=subprocess.DEVNULL)
    try:
        job = read_job(
            event_type="scn.data.inboundorder",
            instance_id=INSTANCE,
            region="us-east-1",
            endpoint_url=f"http://127.0.0.1:{port}",
        )
        settings = MeasureSettings(10.0, ("row",), (300,))
        measured = measure_to_end(
            client_settings(job), LINES, settings, MeasureWatch(lambda *_: None, lambda _: None)
        )
    finally:
        process.terminate()
        process.wait()
    (result,) = measured.results
    assert result.events_per_second == pytest.approx(quota_per_second, rel=0.03)
    assert "not support datasets" in measured.notes[0]
