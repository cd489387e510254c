"""The proxy and the trusted certificates, configured as for botocore."""

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
    """Return the path of the certificates to trust, or None for those of the system.

    The path comes from ``AWS_CA_BUNDLE``, else ``ca_bundle`` of the profile, else ``REQUESTS_CA_BUNDLE``.

    Args:
        profile: Profile to read, or None for ``AWS_PROFILE`` or the default one.

    Raises:
        SettingsError: The profile cannot be read.
    """
    bundle = open_session(profile, None).get_config_variable("ca_bundle")
    return bundle or os.environ.get("REQUESTS_CA_BUNDLE") or None


def find_proxy(endpoint: Endpoint) -> str | None:
    """Return the URL of the proxy for an endpoint, or None.

    The proxy is ``HTTPS_PROXY`` unless ``NO_PROXY`` contains the host, as in botocore. Loopback has no
    proxy: a proxy could not reach it, and the requests would leave the machine unencrypted.

    Raises:
        SettingsError: The proxy URL is invalid, or its protocol is not supported.
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
    """Return why a URL cannot be a proxy, or "". It omits the URL, which may contain a password."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:  # a port that is not a number, an unclosed bracket
        return "its host or port is invalid"
    if parts.scheme not in ("http", "https"):
        return "only http:// and https:// proxies are supported, not SOCKS"
    if not host:
        return "it contains no host name"
    return "port 0 cannot be connected to" if port == 0 else ""


def check_proxy_name(proxy_url: str) -> None:
    """Refuse a proxy whose host name cannot be resolved. Called once, before the first request.

    Raises:
        SettingsError: The name cannot be resolved.
    """
    host = urlsplit(proxy_url).hostname or ""
    try:
        socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, ValueError) as error:
        raise SettingsError(
            "The host name of the proxy cannot be resolved.",
            where=f"{host} (HTTPS_PROXY)",
            why=str(error),
            next_step="check HTTPS_PROXY and the network, or name the host of the endpoint in NO_PROXY",
        ) from error


def check_name(endpoint: Endpoint) -> None:
    """Refuse an endpoint whose host name cannot be resolved: a mistyped region, or a missing variant.

    Called once, before the first request. A failure to resolve the name later on is transient.

    Raises:
        SettingsError: The name cannot be resolved.
    """
    try:
        socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise SettingsError(
            "The host name of the endpoint cannot be resolved.",
            where=endpoint.host,
            why=str(error),
            next_step="check the region, the FIPS and dual-stack settings, --endpoint-url and the network",
        ) from error


def _own_store() -> str | None:
    """Return the path of botocore's certificates if the system has none, else None."""
    paths = ssl.get_default_verify_paths()
    if paths.cafile is not None:  # it is None if the file does not exist
        return None
    if paths.capath is not None and any(Path(paths.capath).iterdir()):
        return None
    from botocore.httpsession import where  # noqa: PLC0415 - slow to import, and rarely needed

    return str(where())


_FLAGS_OF_NEW_PYTHONS = ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
"""Flags that Python sets by default from 3.13 on, but botocore does not. The certificates of many private
authorities, such as those of companies' proxies, lack an extension that the strict check demands. A bundle
must mean the same for the loader and for other AWS tools, and with each version of Python."""


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
            next_step="set it to a file of PEM certificates, or remove the setting",
        ) from error
    context.verify_flags &= ~_FLAGS_OF_NEW_PYTHONS
    context.set_alpn_protocols(["http/1.1"])
    resume_sessions(context)
    return context
