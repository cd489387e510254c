"""The endpoints under /_emulator/ look into the emulator and change it while it runs."""

import pytest

from tests.emulator.signed_client import TABLE, token


async def test_the_ledger_is_answered_as_numbers_and_as_pages(client):
    """The summary and the pages of rows are what the emulator itself says."""
    for number in range(5):
        await client.send(clientToken=token(number))
    assert (await client.control("ledger")).json == client.emulator.summary()
    pages = [
        (await client.control(f"ledger/rows?after={after}&limit=2")).json["rows"] for after in (0, 2, 4, 5)
    ]
    assert [[row["seq"] for row in page] for page in pages] == [[1, 2], [3, 4], [5], []]
    assert pages[0][0]["client_token"] == token(0)
    assert (await client.control("lake")).json == {"tables": {TABLE: 1}}


async def test_no_control_answer_holds_a_record(client):
    """Answers contain rows of the ledger and counts, but no payloads."""
    await client.send(data='{"process_id":"the secret of the process"}')
    for name in ("health", "ledger", "ledger/rows", "lake"):
        assert b"the secret" not in (await client.control(name)).body


async def test_the_clock_moves_tokens_and_not_signatures(client):
    """Nine hours later a token is forgotten, while a signature of now is still good."""
    first = (await client.send(clientToken=token(1))).event_id
    moved = await client.control("clock", {"seconds": 9 * 3600})
    assert moved.json["now"] - moved.json["wire_now"] == pytest.approx(9 * 3600, abs=1)
    assert (await client.send(clientToken=token(1))).event_id != first


async def test_the_clock_can_be_skewed(client):
    """A skewed clock refuses signatures until it is put right."""
    await client.control("clock", {"skew_seconds": 3600})
    assert (await client.send()).status == 403
    await client.control("clock", {"skew_seconds": 0})
    assert (await client.send()).status == 200


async def test_quota_and_faults_can_be_replaced(client):
    """New limits and a new plan apply from the next call; calls are counted from 1 again."""
    await client.control("quota", {"rate": 0.001, "burst": 1})
    assert [(await client.send()).status for _ in range(2)] == [200, 429]
    await client.control("quota", {"rate": None})
    plan = {"rules": [{"fault": "error", "code": "InternalFailure", "calls": [2]}]}
    assert (await client.control("faults", plan)).status == 200
    assert [(await client.send()).status for _ in range(3)] == [200, 500, 200]
    await client.control("faults", plan)
    assert [(await client.send()).status for _ in range(3)] == [200, 500, 200]
    await client.control("faults", {})
    assert [(await client.send()).status for _ in range(3)] == [200, 200, 200]


@pytest.mark.parametrize(
    ("name", "document"),
    [
        ("clock", {"seconds": -1}),
        ("clock", {"hours": 1}),
        ("quota", {"rate": 0}),
        ("faults", {"rules": [{"fault": "unheard_of"}]}),
        ("faults", []),
    ],
)
async def test_nonsense_is_refused_and_changes_nothing(client, name, document):
    """A control call that makes no sense is a 400 with the reason."""
    reply = await client.control(name, document)
    assert (reply.status, "message" in reply.json) == (400, True)
    assert (await client.send()).status == 200


async def test_unknown_endpoints_name_the_known_ones(client):
    """A misspelled endpoint tells what there is."""
    reply = await client.control("legder")
    assert reply.status == 404
    assert "GET /_emulator/ledger," in reply.json["message"]


FOREIGN = [
    {"Host": "evil.example:8765"},
    {"Host": "127.0.0.1.evil.example"},
    {"Host": "["},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Content-Type": "text/plain"},
    {"Content-Type": "application/x-www-form-urlencoded"},
]


@pytest.mark.parametrize("headers", FOREIGN)
async def test_a_page_of_another_site_changes_nothing(client, headers):
    """What a browser can send to loopback by itself, or through a name led here, is refused."""
    url = f"{client.emulator.url}/_emulator/quota"
    asked = {"Content-Type": "application/json"} | headers
    reply = await client.request("POST", url, b'{"rate": 0.001, "burst": 1}', asked)
    assert reply.status == 403
    assert [(await client.send()).status for _ in range(2)] == [200, 200]


async def test_a_name_of_loopback_and_the_emulators_own_page_are_taken(client):
    """A request from this machine may use any of its loopback names."""
    url = f"{client.emulator.url}/_emulator/ledger"
    for headers in ({"Host": "localhost:1"}, {"Host": "[::1]:80"}, {"Sec-Fetch-Site": "same-origin"}):
        assert (await client.request("GET", url, b"", headers)).status == 200
