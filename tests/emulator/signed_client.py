"""A client that says exactly what a test wants, signed by botocore, and tells exactly what came back."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import aiohttp
import orjson
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from loader.emulator import ACCESS_KEY_ID, SECRET_ACCESS_KEY, Emulator

INSTANCE = "8850c54e-e187-4fa7-89d4-6370f165174d"
EVENTS_PATH = f"/api-data/data-integration/instance/{INSTANCE}/data-integration-events"
CREDENTIALS = Credentials(ACCESS_KEY_ID, SECRET_ACCESS_KEY)

# The smallest dataset: one required column.
EVENT_TYPE = "scn.data.processheader"
TABLE = "process_header"


def token(number: int = 0) -> str:
    """Return a valid client token."""
    return f"{number:064x}"


def arn(name: str, namespace: str = "asc", instance: str = INSTANCE) -> str:
    """Return the ARN of a dataset."""
    return f"arn:aws:scn:us-east-1:123456789012:instance/{instance}/namespaces/{namespace}/datasets/{name}"


def target(name: str, operation: str, namespace: str = "asc") -> dict[str, str]:
    """Return a dataset target."""
    return {"datasetIdentifier": arn(name, namespace), "operationType": operation}


def event(**members: Any) -> dict[str, Any]:
    """Return the body of a valid Send call with some members changed; None leaves one out."""
    body = {
        "eventType": EVENT_TYPE,
        "data": '{"process_id":"p1"}',
        "eventGroupId": "g1",
        "clientToken": str(uuid.uuid4()),
        **members,
    }
    return {name: value for name, value in body.items() if value is not None}


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)

    @property
    def error(self) -> tuple[int, str]:
        """Status and error code."""
        return self.status, self.headers["X-Amzn-Errortype"]

    @property
    def event_id(self) -> str:
        """The receipt; fails if the event was not accepted."""
        assert self.status == 200, self
        event_id: str = self.json["eventId"]
        return event_id


def signed(
    url: str,
    body: bytes,
    *,
    method: str = "POST",
    credentials: Credentials = CREDENTIALS,
    region: str = "us-east-1",
    service: str = "scn",
    headers: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Return the headers of a request, signed by botocore."""
    given = {"Content-Type": "application/json", "Host": url.split("/")[2], **(headers or {})}
    request = AWSRequest(method=method, url=url, headers=given, data=body)
    SigV4Auth(credentials, service, region).add_auth(request)
    return dict(request.headers.items())


class SignedClient:
    """Speaks to one emulator."""

    def __init__(self, emulator: Emulator, session: aiohttp.ClientSession) -> None:
        self.emulator = emulator
        self.session = session

    @property
    def events_url(self) -> str:
        return self.emulator.url + EVENTS_PATH

    async def request(self, method: str, url: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        # aiohttp warns of bodies over 1 MiB that are plain bytes.
        async with self.session.request(method, url, data=BytesIO(body), headers=headers) as response:
            return Reply(response.status, response.headers, await response.read())

    async def send_bytes(self, body: bytes, **signing: Any) -> Reply:
        return await self.request("POST", self.events_url, body, signed(self.events_url, body, **signing))

    async def send(self, **members: Any) -> Reply:
        return await self.send_bytes(orjson.dumps(event(**members)))

    async def get(self, path: str) -> Reply:
        url = self.events_url + path
        return await self.request("GET", url, b"", signed(url, b"", method="GET"))

    async def control(self, name: str, document: Any = None) -> Reply:
        url = f"{self.emulator.url}/_emulator/{name}"
        if document is None:
            return await self.request("GET", url, b"", {})
        json = {"Content-Type": "application/json"}
        return await self.request("POST", url, orjson.dumps(document), json)
