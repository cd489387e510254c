"""An S3 on loopback that misbehaves as it is told: moto's, behind faults of ours.

Every answer can be replaced or delayed. A write whose answer is lost has happened. Writes are done one after
the other, so that a condition holds at the moment of the write, as in S3.

moto is imported when a server is made: it takes seconds, and most test processes need none.
"""

import logging
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, NoReturn

import botocore.session
from botocore.config import Config

if TYPE_CHECKING:
    from werkzeug.serving import WSGIRequestHandler

BUCKET = "loads"

Start = Callable[..., Any]

Fault = str | None
"""``503``, ``409``, ``412``, ``cut`` (the connection ends without an answer), ``lost`` (it is done, and the
answer is cut), ``short`` (the answer breaks off), ``slow`` (half a second more); None for none."""

Faults = Callable[[str, str], Fault]
"""Called with method and key of each request."""

CODES = {"503": "SlowDown", "409": "ConditionalRequestConflict", "412": "PreconditionFailed"}
REASONS = {"503": "Service Unavailable", "409": "Conflict", "412": "Precondition Failed"}


def _handler(ahead: Callable[[], float]) -> type["WSGIRequestHandler"]:
    """Return what answers as moto does, with a clock of the test's own; it says nothing on stderr."""
    from werkzeug.serving import WSGIRequestHandler

    class Handler(WSGIRequestHandler):
        def date_time_string(self, timestamp: float | None = None) -> str:
            return formatdate((timestamp or time.time()) + ahead(), usegmt=True)

        def log(self, *_: object) -> None:
            pass

    return Handler


class FaultyS3:
    """A running server.

    Attributes:
        url: Its endpoint.
        faults: Says what goes wrong with a request.
        seconds_ahead: How far its clock seems to be ahead of the time at which objects were written: makes
            leases old.
        ignored_header: A header of writes that it ignores, as WSGI names it.
        asked: How often each method came, and what went wrong.
        bytes_put: Size of what was written.
    """

    def __init__(self) -> None:
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
        from werkzeug.serving import make_server

        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._s3 = DomainDispatcherApplication(create_backend_app)
        self.seconds_ahead = 0.0
        handler = _handler(lambda: self.seconds_ahead)
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True, request_handler=handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.faults: Faults = lambda _method, _key: None
        self.ignored_header = ""
        self.asked: Counter[str] = Counter()
        self.bytes_put = 0
        self._writing = threading.Lock()
        self.client = botocore.session.Session().create_client(
            "s3",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id="owner",
            aws_secret_access_key="owner",
            config=Config(retries={"total_max_attempts": 5}),
        )

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to reach it."""
        return {"AWS_ENDPOINT_URL_S3": self.url}

    def all_keys(self) -> list[str]:
        """Return the keys of all objects."""
        faults, self.faults = self.faults, lambda _method, _key: None
        try:
            return [each["Key"] for each in self.client.list_objects_v2(Bucket=BUCKET).get("Contents", ())]
        finally:
            self.faults = faults

    def get(self, key: str) -> bytes:
        """Return an object's content."""
        return bytes(self.client.get_object(Bucket=BUCKET, Key=key)["Body"].read())

    @contextmanager
    def running(self) -> Iterator["FaultyS3"]:
        """Serve in a thread until the block ends."""
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            self.client.create_bucket(Bucket=BUCKET)
            yield self
        finally:
            self.faults = lambda _method, _key: None
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def clear(self) -> None:
        """Remove all objects and faults."""
        self.faults = lambda _method, _key: None
        self.seconds_ahead, self.ignored_header = 0.0, ""
        for key in self.all_keys():
            self.client.delete_object(Bucket=BUCKET, Key=key)
        self.asked.clear()
        self.bytes_put = 0

    def _answer(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        method, key = str(environ["REQUEST_METHOD"]), str(environ["PATH_INFO"]).removeprefix(f"/{BUCKET}/")
        fault = self.faults(method, key)
        self.asked[method if fault is None else f"{method} {fault}"] += 1
        if fault == "slow":
            time.sleep(0.5)
        if method == "PUT":
            environ.pop(self.ignored_header, None)
        if fault in CODES:
            return _refused(fault, environ, start)
        if fault == "cut":
            _cut(environ)
        # Whole before it is written: a header is sent with the first byte, and no fault could come between.
        status: list[Any] = []
        with self._writing:
            body = b"".join(self._s3(environ, lambda *said: status.append(said)))
        if method == "PUT":
            self.bytes_put += int(environ.get("CONTENT_LENGTH") or 0)
        if fault == "lost":
            _cut(environ)
        start(*status[0])
        return [body[: len(body) // 2]] if fault == "short" else [body]


def _refused(fault: str, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
    environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    text = f"<Error><Code>{CODES[fault]}</Code><Message>as asked for</Message></Error>".encode()
    start(
        f"{fault} {REASONS[fault]}", [("Content-Type", "application/xml"), ("Content-Length", str(len(text)))]
    )
    return [b"" if environ["REQUEST_METHOD"] == "HEAD" else text]


def _cut(environ: dict[str, Any]) -> NoReturn:
    environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    raise ConnectionResetError
