"""The emulator as a process of its own: how it starts, where it listens, how it stops."""

import contextlib
import http.client
import signal
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator

import aiohttp
import orjson
import pytest
from pydantic import ValidationError

from loader.emulator import EmulatorSettings, running_emulator
from loader.errors import ExitCode
from tests.emulator.signed_client import EVENTS_PATH, TABLE, SignedClient, event, signed, token
from tests.prepared.starts import start

PROGRAM = """
import sys
from loader.emulator import EmulatorSettings, run_emulator
settings = EmulatorSettings.model_validate_json(sys.argv[1])
run_emulator(settings, port=0, announce=lambda url: print(url, flush=True))
print("closed")
"""


@contextlib.contextmanager
def emulator_process(settings: EmulatorSettings) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """Run an emulator as the command line does; yield the process and its URL."""
    command = [sys.executable, "-W", "error", "-c", PROGRAM, settings.model_dump_json()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def send_request(url: str, number: int = 0) -> urllib.request.Request:
    body = orjson.dumps(event(clientToken=token(number)))
    return urllib.request.Request(url + EVENTS_PATH, body, signed(url + EVENTS_PATH, body))


def send(url: str, number: int = 0) -> str:
    """Send an event on a connection of its own and return its receipt."""
    with urllib.request.urlopen(send_request(url, number)) as response:
        event_id: str = orjson.loads(response.read())["eventId"]
        return event_id


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_with_everything_written_down(tmp_path, stop):
    """It announces its address, serves, and on a signal writes ledger and lake and leaves with 0."""
    settings = EmulatorSettings(ledger_path=tmp_path / "ledger.db", lake_path=tmp_path / "lake.db")
    with emulator_process(settings) as (process, url):
        event_id = send(url)
        process.send_signal(stop)
        output, errors = process.communicate(timeout=20)
    assert (process.returncode, output, errors) == (0, "closed\n", "")
    with contextlib.closing(sqlite3.connect(tmp_path / "ledger.db")) as ledger:
        assert ledger.execute("SELECT event_id, verdict FROM attempts").fetchall() == [(event_id, "accepted")]
    with contextlib.closing(sqlite3.connect(tmp_path / "lake.db")) as lake:
        assert lake.execute(f"SELECT process_id FROM {TABLE}").fetchall() == [("p1",)]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["lake.db", "ledger.db"]


def test_it_ends_with_the_process_that_started_it():
    """The emulator of a rehearsal does not outlive its load: then its standard input is closed."""
    command = ["emulator", "--port", "0", "--until-stdin-ends"]
    with start(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            assert "listens" in process.stdout.readline()
            process.stdin.close()
            assert process.wait(20) == 0
        finally:
            process.kill()


def test_it_breaks_connections_and_stops_although_an_answer_hangs():
    """On the event loop of the command line each fault of the wire does what it does elsewhere."""
    kinds = ["reset", "answer_lost", "cut_body", "broken_chunks", "slow_body", "close", "hang"]
    rules = [{"fault": kind, "calls": [call]} for call, kind in enumerate(kinds, 1)]
    met: list[object] = []
    with emulator_process(EmulatorSettings.model_validate({"faults": {"rules": rules}})) as (process, url):
        for number in range(6):
            try:
                met.append(send(url, number))
            except (OSError, http.client.HTTPException) as error:
                met.append(type(getattr(error, "reason", error)))
        request = send_request(url, 6)
        waiting = http.client.HTTPConnection(request.host, timeout=0.5)
        waiting.request("POST", request.selector, request.data, dict(request.header_items()))
        with pytest.raises(TimeoutError):
            waiting.getresponse()
        with urllib.request.urlopen(f"{url}/_emulator/ledger/rows") as response:
            rows = orjson.loads(response.read())["rows"]
        process.terminate()
        assert process.communicate(timeout=20) == ("closed\n", "")
        waiting.close()
    assert [row["verdict"] for row in rows] == ["fault:reset"] + ["accepted"] * 6
    assert met == [
        *[ConnectionResetError] * 2,
        *[http.client.IncompleteRead] * 2,
        *[row["event_id"] for row in rows[4:6]],
    ]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.1", "localhost", "example.com", ""])
def test_it_listens_on_loopback_only(host):
    """Any other address is refused: control is unsigned and the lake holds payloads."""
    with pytest.raises(ValidationError, match="loopback"):
        EmulatorSettings(host=host)


async def test_it_listens_on_the_other_loopback_too(start):
    """IPv6 loopback works, and is spelled as a URL asks for."""
    client = await start(host="::1")
    assert client.emulator.url.startswith("http://[::1]:")
    assert (await client.control("health")).json["status"] == "ok"


@pytest.mark.parametrize(
    "settings",
    [
        {"certfile": "cert.pem"},
        {"ledger_path": "one.db", "lake_path": "one.db"},
        {"quota": {"rate": -1}},
        {"unheard_of": 1},
    ],
)
def test_settings_that_cannot_be_used_are_refused(settings):
    """Half a certificate, one file for two things, a negative rate, a misspelled name."""
    with pytest.raises(ValidationError):
        EmulatorSettings(**settings)


def test_secrets_stay_out_of_the_repr():
    """Settings can be printed: the secrets they hold are not."""
    settings = EmulatorSettings(credentials={"AKIAKEY": "the secret"}, session_token="the token")
    assert "the secret" not in repr(settings)
    assert "the token" not in repr(settings)


async def test_a_disk_that_refuses_stops_acceptance(tmp_path):
    """What cannot be written down is not accepted silently: calls fail from then on, and so does the end."""
    settings = EmulatorSettings(lake_path=tmp_path / "lake.db")
    with pytest.raises(RuntimeError, match="could not write"):  # noqa: PT012 - the end of the block raises
        async with running_emulator(settings) as emulator, aiohttp.ClientSession() as session:
            client = SignedClient(emulator, session)
            emulator.service.store.lake._connection.execute("PRAGMA query_only = ON")
            assert (await client.send()).event_id
            with pytest.raises(sqlite3.OperationalError):
                await emulator.flush()
            assert (await client.send()).status == 500


def test_a_full_disk_of_the_lake_is_named(tmp_path):
    """A limit on the size of files stands for the full disk. It is no bug."""
    program = [sys.executable, "-m", "loader", "emulator", "--port", "0", "--lake", tmp_path / "lake.db"]
    command = ["sh", "-c", 'ulimit -f 100; exec "$@"', "sh", *program]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().split()[-1]
            with pytest.raises(urllib.error.HTTPError):  # noqa: PT012 - the number of events depends on SQLite
                for number in range(1000):
                    send(url, number)
            process.terminate()
            _, errors = process.communicate(timeout=20)
        finally:
            process.kill()
    assert process.returncode == ExitCode.STOPPED_RESUMABLE
    block = errors[errors.index("error: ") :].splitlines()
    assert block[0] == "error: The emulator could not write what it accepted, so it ended."
    assert block[1] == f"  where: {tmp_path / 'lake.db'}"
    assert block[2] in ("  why:   database or disk is full", "  why:   disk I/O error")
