"""The server that the benchmarks run against, over real sockets."""

import json
import urllib.error
import urllib.request
from collections import Counter

import pytest

from benchmarks.folder import INSTANCE
from benchmarks.nginx_config import LimitReq
from benchmarks.servers import MissingProgramError, Server, program_path, require, running_nginx

needs_nginx = pytest.mark.skipif(program_path("nginx") is None, reason="nginx is not installed")


def _send(server: Server) -> tuple[int, dict[str, str], str | None]:
    path = f"/api-data/data-integration/instance/{INSTANCE}/data-integration-events"
    request = urllib.request.Request(f"{server.url}{path}", data=b'{"data": "{}"}')
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.loads(answer.read()), None
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read()), error.headers["X-Amzn-Errortype"]


@needs_nginx
def test_every_event_gets_a_receipt_of_its_own() -> None:
    """Without a quota each request is accepted, with a receipt that no other has, and is counted."""
    with running_nginx(core=None) as server:
        before = server.requests()
        answers = [_send(server) for _ in range(20)]

        assert server.requests() - before - 1 == 20

    assert {status for status, _, _ in answers} == {200}
    assert len({answer["eventId"] for _, answer, _ in answers}) == 20


@needs_nginx
def test_beyond_the_quota_requests_are_throttled_as_the_service_does() -> None:
    """What is beyond rate and burst gets a 429 with the service's error type, and shows in the log."""
    with running_nginx(core=None, quota=LimitReq(1, 3), log_requests="buffered") as server:
        answers = [_send(server) for _ in range(20)]
        logged = server.answers()

    assert 4 <= sum(status == 200 for status, _, _ in answers) < 10
    assert {code for status, _, code in answers if status == 429} == {"ThrottlingException"}
    assert Counter(answer.status for answer in logged) == Counter(status for status, _, _ in answers)
    assert {answer.instance_id for answer in logged} == {INSTANCE}


@needs_nginx
def test_the_lower_quota_comes_and_goes_without_a_reload() -> None:
    """The lower quota throttles only while it is in force."""
    with running_nginx(core=None, quota=LimitReq(5000, 5000), lower_quota=LimitReq(1, 1)) as server:
        free = {_send(server)[0] for _ in range(10)}
        server.put_lower_quota_in_force(in_force=True)
        limited = Counter(_send(server)[0] for _ in range(10))
        server.put_lower_quota_in_force(in_force=False)
        free_again = {_send(server)[0] for _ in range(10)}

    assert free == free_again == {200}
    assert limited[429] >= 5


def test_a_missing_program_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """If nginx or wrk is missing, the error names its package."""
    monkeypatch.setattr("benchmarks.servers.program_path", lambda _: None)

    with pytest.raises(MissingProgramError, match="apt-get install nginx-light wrk"):
        require("nginx", "wrk")
