"""Settings of the client of the service."""

from dataclasses import dataclass
from typing import Literal

from loader.model import Destination


@dataclass(frozen=True, slots=True)
class ServiceAccess:
    """The address of the service, and the credentials for it. None means the value that botocore finds.

    Attributes:
        region: AWS Region.
        profile: AWS profile.
        endpoint_url: URL of the endpoint: a VPC endpoint or an emulator.
    """

    region: str | None = None
    profile: str | None = None
    endpoint_url: str | None = None


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """Settings of a client.

    Attributes:
        access: How the service is reached.
        destination: Target of the events.
        max_in_flight: Maximum number of connections.
        transport: The HTTP client. Behind a proxy it is always ``aiohttp``.
        reads_schema: Whether the client also reads the description of a dataset, which is a long answer.
    """

    access: ServiceAccess
    destination: Destination
    max_in_flight: int
    transport: Literal["fast", "aiohttp"] = "fast"
    reads_schema: bool = False
