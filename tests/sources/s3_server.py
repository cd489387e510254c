"""An S3 on loopback that writes down what it was asked for: moto's, behind a spy.

moto is imported when a server is made: it takes seconds, and most test processes need none.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import botocore.session

BUCKET = "extracts"

DENIED = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"

Start = Callable[..., Any]


class S3Server:
    """A running server, and what came over the wire.

    Attributes:
        url: Its endpoint.
        asked: Method, path, range, status and length of every answer since the last ``clear()``.
        cuts: Asked before each GET of an object whether its answer is to break off in the middle.
    """

    def __init__(self) -> None:
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
        from werkzeug.serving import make_server

        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._s3 = DomainDispatcherApplication(create_backend_app)
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.asked: list[tuple[str, str, str | None, int, int]] = []
        self.cuts: Callable[[], bool] = lambda: False
        self._client = botocore.session.Session().create_client(
            "s3",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id="owner",
            aws_secret_access_key="owner",
        )

    def put(self, key: str, content: bytes) -> None:
        """Write an object."""
        self._client.put_object(Bucket=BUCKET, Key=key, Body=content)

    @contextmanager
    def running(self) -> Iterator["S3Server"]:
        """Serve in a thread until the block ends."""
        thread = threading.Thread(target=self._server.serve_forever)
        thread.start()
        try:
            self._client.create_bucket(Bucket=BUCKET)
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def _answer(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        path = str(environ["PATH_INFO"])
        if path.startswith(f"/{BUCKET}/denied"):
            start("403 Forbidden", [("Content-Type", "application/xml")])
            return [DENIED if environ["REQUEST_METHOD"] == "GET" else b""]

        def noting(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            length = int({name.lower(): value for name, value in headers}.get("content-length", 0))
            method, asked_range = str(environ["REQUEST_METHOD"]), environ.get("HTTP_RANGE")
            self.asked.append((method, path, asked_range, int(status[:3]), length))
            return start(status, headers, *rest)

        answer: Iterable[bytes] = self._s3(environ, noting)
        if environ["REQUEST_METHOD"] == "GET" and self.cuts():
            whole = b"".join(answer)
            return [whole[: len(whole) // 2]]  # fewer bytes than Content-Length says
        return answer
