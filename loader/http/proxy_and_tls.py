"""By which way: the proxy and the trusted certificates, from where botocore takes them."""

import os
import socket
import ssl
from pathlib import Path
from urllib.parse import urlsplit

from botocore.utils import get_environ_proxies

from loader.aws.endpoint import Endpoint
from loader.aws.session import open_session
from loader.errors import SettingsError
from loader.http.tls_sessions import resume_sessions


def find_ca_bundle(profile: str | None) -> str | None:
    """Return the certificates to trust, or None for those of the system.

    ``AWS_CA_BUNDLE``, then ``ca_bundle`` of the profile, then ``REQUESTS_CA_BUNDLE``.

    Args:
        profile: Profile to read, or None for ``AWS_PROFILE`` or the default one.

    Raises:
        SettingsError: The profile cannot be read.
    """
    bundle = open_session(profile, None).get_config_variable("ca_bundle")
    return bundle or os.environ.get("REQUESTS_CA_BUNDLE") or None


def find_proxy(endpoint: Endpoint) -> str | None:
    """Return the proxy for an endpoint, or None.

    ``HTTPS_PROXY`` unless ``NO_PROXY`` names the host, as in botocore. Never for loopback: a proxy
    could not reach it, and what is sent there would leave the machine in the clear.

    Raises:
        SettingsError: The proxy is of a kind that is not spoken here.
    """
    if endpoint.is_loopback:
        return None
    proxy = get_environ_proxies(endpoint.url).get(endpoint.scheme)
    if not proxy:
        return None
    url = proxy if "://" in proxy else f"http://{proxy}"
    fault = _proxy_fault(url)
    if fault:
        raise SettingsError(
            "The proxy cannot be used.",
            where="HTTPS_PROXY",
            why=fault,
            next_step="set HTTPS_PROXY to an HTTP proxy such as http://HOST:PORT, or NO_PROXY to the host of "
            "the endpoint",
        )
    return url


def _proxy_fault(url: str) -> str:
    """Return why a URL cannot be a proxy, or "". The URL is not repeated: it may hold a password."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:  # a port that is not a number, a bracket that is not closed
        return "its host or port cannot be read"
    if parts.scheme not in ("http", "https"):
        return "only http:// and https:// proxies are spoken here, no SOCKS"
    if not host:
        return "it does not hold the name of a host"
    return "port 0 cannot be connected to" if port == 0 else ""


def check_proxy_name(proxy_url: str) -> None:
    """Refuse a proxy whose host name is not known. Asked once, before anything is sent.

    Raises:
        SettingsError: The name cannot be resolved.
    """
    host = urlsplit(proxy_url).hostname or ""
    try:
        socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, ValueError) as error:
        raise SettingsError(
            "The host name of the proxy is not known.",
            where=f"{host} (HTTPS_PROXY)",
            why=str(error),
            next_step="check HTTPS_PROXY and the network, or name the host of the endpoint in NO_PROXY",
        ) from error


def check_name(endpoint: Endpoint) -> None:
    """Refuse an endpoint whose name nobody knows: a mistyped region, or a variant it does not have.

    Asked once, before anything is sent; a name that gets lost later is a fault that passes.

    Raises:
        SettingsError: The name cannot be resolved.
    """
    try:
        socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise SettingsError(
            "The host name of the endpoint is not known.",
            where=endpoint.host,
            why=str(error),
            next_step="check the region, the FIPS and dual-stack settings, --endpoint-url and the network",
        ) from error


def _own_store() -> str | None:
    """Return botocore's file of certificates if the system has none, else None."""
    paths = ssl.get_default_verify_paths()
    if paths.cafile is not None:  # only a file that exists is named
        return None
    if paths.capath is not None and any(Path(paths.capath).iterdir()):
        return None
    from botocore.httpsession import where  # noqa: PLC0415 - slow to import, and rarely needed

    return str(where())


def tls_context(ca_bundle: str | None) -> ssl.SSLContext:
    """Return a context that verifies certificates and host names, and resumes sessions.

    Args:
        ca_bundle: File or directory of the certificates to trust, or None for the system's. Where the
            system has none (a minimal container image), those that botocore uses: certifi's or its own.

    Raises:
        SettingsError: The bundle cannot be read.
    """
    try:
        if ca_bundle is not None and Path(ca_bundle).is_dir():
            context = ssl.create_default_context(capath=ca_bundle)
        else:
            context = ssl.create_default_context(cafile=ca_bundle or _own_store())
    except OSError as error:  # ssl.SSLError is one: a file without certificates
        raise SettingsError(
            "The CA bundle cannot be used.",
            where=f"{ca_bundle} (AWS_CA_BUNDLE, ca_bundle of the profile, or REQUESTS_CA_BUNDLE)",
            why=str(error),
            next_step="point it to a file of PEM certificates, or take the setting out",
        ) from error
    context.set_alpn_protocols(["http/1.1"])
    resume_sessions(context)
    return context
