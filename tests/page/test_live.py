"""``report --live``: only who has the address gets the page, and only by GET under our own name."""

import http.client
import threading
import time
from collections.abc import Iterator

import pytest

from loader.errors import CheckpointError
from loader.page.live import BUILD_SHARE, LiveServer


@pytest.fixture
def server() -> Iterator[LiveServer]:
    """A server whose page counts how often it was made."""
    made = iter(range(1_000))
    with LiveServer(lambda: f"page {next(made)}") as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.05,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def ask(
    server: LiveServer, method: str, path: str, host: str | None = None
) -> tuple[int, str, dict[str, str]]:
    """One request: status, body, headers."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=10)
    connection.request(method, path, headers={} if host is None else {"Host": host})
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer.status, body, dict(answer.getheaders())


def test_the_address_shows_the_page(server: LiveServer):
    """The page comes with headers that keep it from being cached, framed in or asked for elsewhere."""
    status, body, headers = ask(server, "GET", f"/{server.token}")
    assert (status, body) == (200, "page 0")
    assert headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert server.address == f"http://127.0.0.1:{server.server_address[1]}/{server.token}"


def test_many_open_pages_cost_one(server: LiveServer):
    """Requests within half a second get the same page: it is made once."""
    assert {ask(server, "GET", f"/{server.token}")[1] for _ in range(5)} == {"page 0"}


def test_builds_take_a_small_share_of_a_processor():
    """An expensive page is built seldom: 3 ms of processor time are followed by a second without a build."""
    made = []

    def expensive() -> str:
        began = time.process_time()
        while time.process_time() - began < 0.003:
            pass
        made.append(time.process_time())
        return "page"

    with LiveServer(expensive) as running:
        began = time.monotonic()
        while len(made) < 3 and time.monotonic() - began < 10:
            running.page()
            time.sleep(0.001)
        assert len(made) == 3
        assert time.monotonic() - began >= 2 * 0.003 / BUILD_SHARE


@pytest.mark.parametrize("path", ["/", "/wrong", "/../etc/passwd"])
def test_without_the_token_there_is_nothing(server: LiveServer, path: str):
    """Another path is not found, however near it is."""
    assert ask(server, "GET", path)[0] == 404
    assert ask(server, "GET", f"/{server.token[:-1]}")[0] == 404


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", ""])
def test_another_host_is_refused(server: LiveServer, host: str):
    """A name that someone points at this machine does not reach the page (DNS rebinding)."""
    assert ask(server, "GET", f"/{server.token}", host)[0] == 421


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_nothing_but_get_is_answered(server: LiveServer, method: str):
    """There is nothing to write."""
    assert ask(server, method, f"/{server.token}")[0] == 501


def test_a_missing_run_directory_is_shown_as_unavailable():
    """The page says that it is unavailable; the next request may succeed."""

    def gone() -> str:
        raise CheckpointError("gone")

    with LiveServer(gone) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.05,))
        thread.start()
        assert ask(running, "GET", f"/{running.token}")[0] == 503
        running.shutdown()
        thread.join()
