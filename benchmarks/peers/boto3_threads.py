"""boto3 with a pool of threads: what most people write first.

python -m benchmarks.peers.boto3_threads --url URL --rows FILE --seconds 10 --threads 16 --retries standard
"""

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

import boto3
from botocore.client import BaseClient
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from benchmarks.peers.rows import EVENT_TYPE, INSTANCE, REGION, Rows, Sent, arguments, tell


def main() -> None:
    """Send rows until the time is over, and print the result."""
    options = arguments(
        "boto3 with threads",
        threads={"type": int, "default": 16},
        retries={"choices": ["legacy", "standard", "adaptive"], "default": "legacy"},
    )
    client = boto3.client(
        "supplychain",
        endpoint_url=options.url,
        region_name=REGION,
        # As many attempts as the mode gives by itself; as many connections as threads.
        config=Config(retries={"mode": options.retries}, max_pool_connections=options.threads),
    )
    rows, sent = Rows(options.rows, options.seconds), Sent()
    began = time.monotonic()
    with ThreadPoolExecutor(options.threads) as pool:
        lock = Lock()
        for worker in [pool.submit(_send, client, rows, sent, lock) for _ in range(options.threads)]:
            worker.result()
    sent.seconds = time.monotonic() - began
    tell(sent, "boto3", "botocore", "urllib3")


def _send(client: BaseClient, rows: Rows, sent: Sent, lock: Lock) -> None:
    accepted = 0
    while (row := rows.next()) is not None:
        try:
            answer = client.send_data_integration_event(
                instanceId=INSTANCE, eventType=EVENT_TYPE, eventGroupId=row.group, data=row.data
            )
            accepted += bool(answer["eventId"])
        except (ClientError, BotoCoreError) as error:
            with lock:
                sent.failed[_code(error)] += 1
    with lock:
        sent.accepted += accepted


def _code(error: ClientError | BotoCoreError) -> str:
    return str(error.response["Error"]["Code"]) if isinstance(error, ClientError) else type(error).__name__


if __name__ == "__main__":
    main()
