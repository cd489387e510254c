"""A bare aiohttp loop with botocore's signer: the leanest thing that is made of libraries alone.

python -m benchmarks.peers.bare_aiohttp --url URL --rows FILE --seconds 10 --tasks 64 --signer botocore

It retries nothing, remembers nothing and keeps no order. With ``--signer none`` it is a ceiling: what is
left is aiohttp.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from uuid import uuid4

import aiohttp
import orjson
import uvloop
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.session import Session

from benchmarks.peers.rows import EVENT_TYPE, INSTANCE, REGION, Row, Rows, Sent, arguments, tell

Sign = Callable[[str, bytes], Mapping[str, str]]


def request_body(row: Row) -> bytes:
    """Return the body that sends a row."""
    return orjson.dumps(
        {
            "eventType": EVENT_TYPE,
            "eventGroupId": row.group,
            "data": row.data,
            "clientToken": str(uuid4()),
        }
    )


def events_url(url: str) -> str:
    """Return where events are posted to."""
    return f"{url}/api-data/data-integration/instance/{INSTANCE}/data-integration-events"


def botocore_signer() -> Sign:
    """Return a function that signs with botocore, with the credentials of the environment."""
    signer = SigV4Auth(Session().get_credentials(), "scn", REGION)

    def sign(url: str, body: bytes) -> Mapping[str, str]:
        request = AWSRequest("POST", url, headers={"Content-Type": "application/json"}, data=body)
        signer.add_auth(request)
        return dict(request.headers)

    return sign


def no_signer() -> Sign:
    """Return a function that does not sign."""
    return lambda _url, _body: {"Content-Type": "application/json"}


async def main() -> None:
    """Send rows until the time is over, and print the result."""
    options = arguments(
        "a bare aiohttp loop",
        tasks={"type": int, "default": 64},
        signer={"choices": ["botocore", "none"], "default": "botocore"},
    )
    sign = botocore_signer() if options.signer == "botocore" else no_signer()
    rows, sent = Rows(options.rows, options.seconds), Sent()
    connector = aiohttp.TCPConnector(limit=options.tasks)
    async with aiohttp.ClientSession(connector=connector) as session:
        began = time.monotonic()
        await asyncio.gather(
            *(_send(session, events_url(options.url), sign, rows, sent) for _ in range(options.tasks))
        )
        sent.seconds = time.monotonic() - began
    tell(sent, "aiohttp", "uvloop", "orjson", "botocore")


async def _send(session: aiohttp.ClientSession, url: str, sign: Sign, rows: Rows, sent: Sent) -> None:
    while (row := rows.next()) is not None:
        body = request_body(row)
        async with session.post(url, data=body, headers=sign(url, body)) as response:
            answer = orjson.loads(await response.read())
            if response.status == 200:
                sent.accepted += bool(answer["eventId"])
            else:
                sent.failed[f"HTTP{response.status}"] += 1


if __name__ == "__main__":
    uvloop.run(main())
