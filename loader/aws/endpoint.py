"""The endpoint of the service, resolved by botocore's rules and configuration."""

import os
import re
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import SplitResult, parse_qs, urlsplit

import botocore.session
from botocore.exceptions import BotoCoreError, NoRegionError

from loader.aws.session import open_session
from loader.errors import SettingsError

_BASE_PATH = re.compile(r"(?:/[A-Za-z0-9._~%!$&'()*+,;=:@-]+)*/?", re.ASCII)
_DOT_SEGMENT = re.compile(r"/\.{1,2}(?:/|$)")

ENDPOINT_VARIABLES = ("AWS_ENDPOINT_URL_SUPPLYCHAIN", "AWS_ENDPOINT_URL")
"""Environment variables with the URL of the endpoint; the first one that is set applies."""

DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The address of the service.

    Attributes:
        url: Scheme, host and port, without a path.
        base_path: Prefix of the path of each request, percent-encoded; usually empty.
        scheme: ``https``, or ``http`` on loopback.
        host: Name or address to connect to; an IPv6 address without brackets.
        port: Port to connect to.
        host_header: The ``Host`` header to send and sign.
        region: Region to sign for.
    """

    url: str
    scheme: str
    host: str
    port: int
    host_header: str
    region: str
    base_path: str = ""

    @property
    def is_loopback(self) -> bool:
        """Whether the endpoint is on this machine."""
        return is_loopback(self.host)


def resolve_endpoint(region: str | None, profile: str | None, endpoint_url: str | None) -> Endpoint:
    """Return the endpoint for the given settings.

    Settings that are None come from the same places as in botocore: the region as in `open_session`;
    the URL from ``AWS_ENDPOINT_URL_SUPPLYCHAIN``, ``AWS_ENDPOINT_URL`` and the profile (unless
    ``AWS_IGNORE_CONFIGURED_ENDPOINT_URLS`` is set); FIPS and dual-stack variants from
    ``AWS_USE_FIPS_ENDPOINT``, ``AWS_USE_DUALSTACK_ENDPOINT`` and the profile.

    Blocks for about 0.1 s, while botocore reads its model of the service.

    Raises:
        SettingsError: There is no region, or the endpoint cannot be used.
    """
    session = open_session(profile, region)
    origin = "--endpoint-url" if endpoint_url else f"{', '.join(ENDPOINT_VARIABLES)} or the profile"
    if endpoint_url:
        check_url(endpoint_url, origin)
    try:
        configured_url, signed_url = _ask_botocore(session, endpoint_url)
    except NoRegionError as error:
        raise SettingsError(
            "No AWS region is set.",
            where="--region, AWS_REGION, AWS_DEFAULT_REGION or the profile",
            next_step="give the region of the instance, for example --region us-east-1",
        ) from error
    except BotoCoreError as error:
        raise SettingsError(
            "The endpoint of the service cannot be resolved.",
            where=f"region '{session.get_config_variable('region')}'",
            why=str(error),
            next_step="check --region, and the FIPS and dual-stack settings of the profile",
        ) from error
    except ValueError as error:
        if _works_with_another_url(session):
            raise _unusable(origin, "it contains no valid host name, or its port is invalid") from error
        raise SettingsError(
            "The AWS configuration cannot be used.",
            where="the AWS_* environment variables or the profile",
            why=str(error),
            next_step="correct the variable or the line of the profile that contains this value",
        ) from error
    check_url(configured_url, origin)
    parts = urlsplit(signed_url)
    scope = parse_qs(parts.query)["X-Amz-Credential"][0]
    base_path = urlsplit(configured_url).path.rstrip("/")
    return _endpoint(parts, scope.split("/")[2], base_path)


def endpoint_at(url: str, region: str) -> Endpoint:
    """Return the endpoint at a URL, without reading the environment or the profile.

    Raises:
        SettingsError: The URL cannot be used.
    """
    check_url(url, "--endpoint-url")
    parts = urlsplit(url)
    return _endpoint(parts, region, parts.path.rstrip("/"))


def is_on_this_machine(profile: str | None, endpoint_url: str | None) -> bool:
    """Return whether the endpoint of the given settings is on loopback, without resolving it.

    Mistakes in the environment and in the profile count as no endpoint; `resolve_endpoint` reports them.

    Args:
        profile: As in `resolve_endpoint`.
        endpoint_url: As in `resolve_endpoint`.
    """
    try:
        host = urlsplit(endpoint_url or _configured_url(profile) or "").hostname
    except (SettingsError, ValueError, AttributeError):  # no such profile, an unclosed bracket, no section
        return False
    return host is not None and is_loopback(host)


def _configured_url(profile: str | None) -> str | None:
    """Return the URL that botocore finds in the environment and the profile, or None.

    The order is that of the SDKs ("Service-specific endpoints" in the AWS SDKs and Tools Reference Guide).
    """
    session = open_session(profile, None)
    if session.get_config_variable("ignore_configured_endpoint_urls"):
        return None
    own = session.get_scoped_config()
    services = session.full_config.get("services", {}).get(own.get("services"), {})
    found = (
        *(os.environ.get(name) for name in ENDPOINT_VARIABLES),
        services.get("supplychain", {}).get("endpoint_url"),
        own.get("endpoint_url"),
    )
    return next((url for url in found if url), None)


def _ask_botocore(session: botocore.session.Session, endpoint_url: str | None) -> tuple[str, str]:
    """Return the configured endpoint URL, and a URL as botocore would request it."""
    client = session.create_client(
        "supplychain",
        endpoint_url=endpoint_url or None,
        # Placeholder keys for the signature below, which is never sent. Without them botocore would
        # run its whole credential chain here.
        aws_access_key_id="endpoint",
        aws_secret_access_key="endpoint",  # noqa: S106 - not a secret, see above
    )
    # The public way to the endpoint rules of the service model: client.meta.endpoint_url
    # follows an older table that differs from them (dual-stack names of the ISO partitions).
    return client.meta.endpoint_url, client.generate_presigned_url("list_instances")


def _works_with_another_url(session: botocore.session.Session) -> bool:
    """Return whether botocore refuses the configured URL rather than another setting."""
    try:
        _ask_botocore(session, "https://endpoint.invalid")
    except ValueError:
        return False
    return True


def check_url(url: str, origin: str) -> None:
    """Refuse an endpoint URL that cannot or must not be used.

    Args:
        url: The URL.
        origin: Where it is set, for the error.

    Raises:
        SettingsError: The URL contains more than scheme, host, port and path, or it is http:// and the
            host is not loopback.
    """
    try:
        parts = urlsplit(url)
        fault = _fault(parts)
    except ValueError as error:  # a port that is not a number, an unclosed bracket
        raise _unusable(origin, str(error)) from error
    if fault:
        raise _unusable(origin, fault)


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine: ``localhost``, 127.0.0.0/8 or ::1."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower().rstrip(".") == "localhost"


def _unusable(origin: str, why: str) -> SettingsError:
    return SettingsError(
        "The endpoint URL cannot be used.",
        where=origin,
        why=why,
        next_step="give a URL such as https://scn.us-east-1.amazonaws.com or http://127.0.0.1:8080",
    )


def _fault(parts: SplitResult) -> str:  # noqa: PLR0911 - one line per fault
    """Return why a URL cannot be an endpoint, or "". It omits the URL, which may contain a password."""
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
        return "it is not http:// or https:// with a host"
    if parts.username is not None or parts.password is not None:
        return "it contains a user name or password"
    if parts.query or parts.fragment:
        return "it contains a query or fragment; the service has none"
    if not _BASE_PATH.fullmatch(parts.path) or _DOT_SEGMENT.search(parts.path):
        return "its path contains empty or dot segments, or characters that are not percent-encoded"
    if parts.port == 0:
        return "port 0 cannot be connected to"
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        return "http:// would send data and signatures unencrypted; it is allowed on loopback only"
    return ""


def _endpoint(parts: SplitResult, region: str, base_path: str) -> Endpoint:
    named = parts.hostname or ""
    # The trailing dot of an absolute name is removed: certificates and hosts files contain names without it.
    host = named.rstrip(".")
    port = parts.port or DEFAULT_PORTS[parts.scheme]
    default_port = port == DEFAULT_PORTS[parts.scheme]
    bracketed = f"[{host}]" if ":" in host else host
    # The scheme's default port is omitted, as HTTP clients send it and botocore signs it.
    host_header = (bracketed + named[len(host) :]) + ("" if default_port else f":{port}")
    url = f"{parts.scheme}://{bracketed}" + ("" if default_port else f":{port}")
    return Endpoint(url, parts.scheme, host, port, host_header, region, base_path)
