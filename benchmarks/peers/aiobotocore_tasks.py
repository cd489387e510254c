"""aiobotocore with many tasks: the async way to the same SDK. Runs in an environment of its own.

python -m benchmarks.peers.aiobotocore_tasks --url URL --rows FILE --seconds 10 --tasks 64 --retries standard
"""

import asyncio
import time
from typing import Any

from aiobotocore.config import AioConfig  # type: ignore[import-not-found] # in an environment of its own
from aiobotocore.session import get_session  # type: ignore[import-not-found] # the same
from botocore.exceptions import BotoCoreError, ClientError

from benchmarks.peers.rows import EVENT_TYPE, INSTANCE, REGION, Rows, Sent, arguments, tell


async def main() -> None:
    """Send rows until the time is over, and print the result."""
    options = arguments(
        "aiobotocore with tasks",
        tasks={"type": int, "default": 64},
        retries={"choices": ["legacy", "standard", "adaptive"], "default": "legacy"},
    )
    config = AioConfig(retries={"mode": options.retries}, max_pool_connections=options.tasks)
    rows, sent = Rows(options.rows, options.seconds), Sent()
    async with get_session().create_client(
        "supplychain", endpoint_url=options.url, region_name=REGION, config=config
    ) as client:
        began = time.monotonic()
        await asyncio.gather(*(_send(client, rows, sent) for _ in range(options.tasks)))
        sent.seconds = time.monotonic() - began
    tell(sent, "aiobotocore", "botocore", "aiohttp")


async def _send(client: Any, rows: Rows, sent: Sent) -> None:
    while (row := rows.next()) is not None:
        try:
            answer = await client.send_data_integration_event(
                instanceId=INSTANCE, eventType=EVENT_TYPE, eventGroupId=row.group, data=row.data
            )
            sent.accepted += bool(answer["eventId"])
        except ClientError as error:
            sent.failed[str(error.response["Error"]["Code"])] += 1
        except BotoCoreError as error:
            sent.failed[type(error).__name__] += 1


if __name__ == "__main__":
    asyncio.run(main())
