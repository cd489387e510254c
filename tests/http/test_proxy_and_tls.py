"""By which way: proxies and CA bundles as botocore finds them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from loader.aws.endpoint import Endpoint
from loader.errors import SettingsError
from loader.http.proxy_and_tls import (
    check_name,
    check_proxy_name,
    find_ca_bundle,
    find_proxy,
    tls_context,
)
from tests.http.authority import Authority
from tests.service.samples import loopback_endpoint

pytestmark = pytest.mark.usefixtures("aws_files")

HOST = "scn.us-east-1.amazonaws.com"
REMOTE = Endpoint(f"https://{HOST}", "https", HOST, 443, HOST, "us-east-1")


def test_no_proxy_by_default() -> None:
    """Without settings requests go straight."""
    assert find_proxy(REMOTE) is None


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy"])
@pytest.mark.parametrize(
    ("value", "proxy"),
    [
        ("http://proxy.example:3128", "http://proxy.example:3128"),
        ("proxy.example:3128", "http://proxy.example:3128"),
        ("https://u:p@proxy.example", "https://u:p@proxy.example"),
        ("", None),
    ],
)
def test_proxy_of_the_environment(
    name: str, value: str, proxy: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HTTPS_PROXY is used, in either case, with or without a scheme."""
    monkeypatch.setenv(name, value)
    assert find_proxy(REMOTE) == proxy


def test_no_proxy_list_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host in NO_PROXY is reached straight."""
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "other.example,.amazonaws.com")
    assert find_proxy(REMOTE) is None


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_loopback_is_never_proxied(scheme: str, host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is sent to this machine stays on it, whatever the environment says."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://proxy.example:3128")
    assert find_proxy(loopback_endpoint(8080, scheme, host)) is None


def test_socks_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A SOCKS proxy is refused rather than passed by; its password is not repeated."""
    monkeypatch.setenv("HTTPS_PROXY", "socks5://u:pass-word@proxy.example:1080")
    with pytest.raises(SettingsError) as caught:
        find_proxy(REMOTE)
    assert "pass-word" not in caught.value.block()


@pytest.mark.parametrize(
    "value", ["http://", "http://:3128", "http://h:port", "http://u:pass-word@h:0", "http://[::1", "https://"]
)
def test_a_proxy_without_a_host_is_refused(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """HTTPS_PROXY that names no host is an error, not a load without a proxy."""
    monkeypatch.setenv("HTTPS_PROXY", value)
    with pytest.raises(SettingsError) as caught:
        find_proxy(REMOTE)
    assert caught.value.where == "HTTPS_PROXY"
    assert "pass-word" not in caught.value.block()


def test_an_unknown_proxy_name_is_refused_at_the_start() -> None:
    """The name is looked up once; the block names the host and not the password."""
    with pytest.raises(SettingsError) as caught:
        check_proxy_name("http://u:pass-word@no-such-proxy.invalid:3128")
    assert "no-such-proxy.invalid" in caught.value.where
    assert "pass-word" not in caught.value.block()
    check_proxy_name("http://127.0.0.1:3128")


def test_without_a_store_of_the_system_botocores_is_used() -> None:
    """In a minimal image there are no certificates: those that botocore trusts are trusted."""
    from botocore.httpsession import where

    script = (
        "import ssl\n"
        "from loader.http.proxy_and_tls import tls_context\n"
        f"theirs = ssl.create_default_context(cafile={str(where())!r}).get_ca_certs()\n"
        "assert theirs and tls_context(None).get_ca_certs() == theirs"
    )
    nowhere = {"SSL_CERT_FILE": "/nonexistent/file", "SSL_CERT_DIR": "/nonexistent"}
    subprocess.run([sys.executable, "-c", script], check=True, env={**os.environ, **nowhere})


def test_order_of_ca_bundles(aws_files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS_CA_BUNDLE, profile, REQUESTS_CA_BUNDLE, system: the first there is wins."""
    assert find_ca_bundle(None) is None
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/requests.pem")
    assert find_ca_bundle(None) == "/requests.pem"
    (aws_files / "config").write_text("[profile corporate]\nca_bundle=/profile.pem\n")
    assert find_ca_bundle("corporate") == "/profile.pem"
    monkeypatch.setenv("AWS_CA_BUNDLE", "/aws.pem")
    assert find_ca_bundle("corporate") == "/aws.pem"


def test_unknown_name_is_refused_at_the_start() -> None:
    """A host name that does not exist, as of a mistyped region, is a settings error that names it."""
    with pytest.raises(SettingsError) as caught:
        check_name(loopback_endpoint(443, "https", "scn.no-such-region.invalid"))
    assert caught.value.where == "scn.no-such-region.invalid"
    check_name(loopback_endpoint(443, "https", "localhost"))


def test_ca_bundle_replaces_the_systems(authority: Authority) -> None:
    """With a CA bundle nothing else is trusted."""
    assert len(tls_context(authority.bundle).get_ca_certs()) == 1


def test_ca_bundle_may_be_a_directory(authority: Authority) -> None:
    """A directory of certificates is taken as one."""
    assert tls_context(str(authority.folder)).get_ca_certs() == []  # they are read when needed
