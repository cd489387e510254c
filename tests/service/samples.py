"""What the service tests send, and where."""

from loader.aws.endpoint import Endpoint
from loader.aws.signing import Credentials
from loader.json_quoting import quote
from loader.model import Event

INSTANCE_ID = "11111111-2222-3333-4444-555555555555"
EVENT_ID = "0f0f0f0f-1111-2222-3333-444444444444"
RECEIPT = b'{"eventId":"' + EVENT_ID.encode() + b'"}'
KEY = Credentials("AKIDEXAMPLE", "a-secret", "a-token")


def loopback_endpoint(port: int, scheme: str = "http", host: str = "127.0.0.1") -> Endpoint:
    """Return the endpoint of a server on this machine."""
    return Endpoint(f"{scheme}://{host}:{port}", scheme, host, port, f"{host}:{port}", "us-east-1")


def sample_event(
    *,
    group: str = "order-1",
    token: str = "a" * 64,
    timestamp: str | None = "1515531081.123",
    data: bytes = b'{"id":"1","quantity":"2.0"}',
) -> Event:
    """Return an event with the given parts."""
    return Event(0, 0, 0, range(1), group, token, timestamp, quote(data))
