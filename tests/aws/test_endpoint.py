"""Where requests go: botocore's rules and configuration, and what is refused."""

from itertools import product
from pathlib import Path
from urllib.parse import urlsplit

import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from loader.aws.endpoint import Endpoint, is_loopback, is_on_this_machine, resolve_endpoint
from loader.errors import SettingsError

pytestmark = pytest.mark.usefixtures("aws_files")

LOCAL = "http://127.0.0.1:8080"
OTHER = "http://127.0.0.1:9090"


def test_endpoint_of_a_region() -> None:
    """A region has the endpoint that the service model gives it."""
    host = "scn.eu-west-1.amazonaws.com"
    expected = Endpoint(f"https://{host}", "https", host, 443, host, "eu-west-1")
    assert resolve_endpoint("eu-west-1", None, None) == expected


ORACLE = botocore.session.Session()


def requested_url(region: str, *, fips: bool, dual_stack: bool) -> str | None:
    """Where botocore itself sends a request, or None if it refuses."""
    config = Config(use_fips_endpoint=fips, use_dualstack_endpoint=dual_stack)
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}
    try:
        client = ORACLE.create_client("supplychain", region_name=region, config=config, **keys)
        parts = urlsplit(client.generate_presigned_url("list_instances"))
    except BotoCoreError:
        return None
    return f"{parts.scheme}://{parts.netloc}"


@pytest.mark.parametrize(("fips", "dual_stack"), list(product((False, True), repeat=2)))
def test_variants_in_every_partition(
    fips: bool,  # noqa: FBT001 - a parametrised argument
    dual_stack: bool,  # noqa: FBT001 - a parametrised argument
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In every partition of AWS, FIPS and dual stack lead where botocore sends its own requests."""
    monkeypatch.setenv("AWS_USE_FIPS_ENDPOINT", str(fips).lower())
    monkeypatch.setenv("AWS_USE_DUALSTACK_ENDPOINT", str(dual_stack).lower())
    for partition in ORACLE.get_available_partitions():
        region = ORACLE.get_available_regions("ec2", partition)[0]
        expected = requested_url(region, fips=fips, dual_stack=dual_stack)
        if expected is None:
            with pytest.raises(SettingsError):
                resolve_endpoint(region, None, None)
        else:
            endpoint = resolve_endpoint(region, None, None)
            assert (endpoint.url, endpoint.region) == (expected, region)


def test_fips_and_dual_stack_names_are_those_on_record(monkeypatch: pytest.MonkeyPatch) -> None:
    """The FIPS dual-stack name is the one on record, and a FIPS pseudo region signs for the real one."""
    pseudo = resolve_endpoint("fips-us-east-1", None, None)
    assert (pseudo.host, pseudo.region) == ("scn-fips.us-east-1.amazonaws.com", "us-east-1")
    monkeypatch.setenv("AWS_USE_FIPS_ENDPOINT", "true")
    monkeypatch.setenv("AWS_USE_DUALSTACK_ENDPOINT", "true")
    assert resolve_endpoint("us-east-1", None, None).host == "scn-fips.us-east-1.api.aws"


def test_the_first_configured_region_is_used(aws_files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Setting, AWS_REGION, AWS_DEFAULT_REGION, profile: the first there is wins."""
    with pytest.raises(SettingsError, match="No AWS region") as caught:
        resolve_endpoint(None, None, None)
    assert "--region" in caught.value.next_step
    (aws_files / "config").write_text("[default]\nregion=eu-north-1\n[profile other]\nregion=eu-south-1\n")
    assert resolve_endpoint(None, None, None).region == "eu-north-1"
    assert resolve_endpoint(None, "other", None).region == "eu-south-1"
    monkeypatch.setenv("AWS_PROFILE", "other")
    assert resolve_endpoint(None, None, None).region == "eu-south-1"
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    assert resolve_endpoint(None, None, None).region == "eu-west-1"
    monkeypatch.setenv("AWS_REGION", "eu-west-2")
    assert resolve_endpoint(None, None, None).region == "eu-west-2"
    assert resolve_endpoint("eu-west-3", None, None).region == "eu-west-3"


@pytest.mark.parametrize("variable", ["AWS_REGION", "AWS_DEFAULT_REGION"])
def test_a_line_end_behind_a_region_is_ignored(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes with a value from a file or a secret, and no header may have it."""
    monkeypatch.setenv(variable, "eu-west-1\n")
    found = resolve_endpoint(None, None, LOCAL)
    assert (found.region, found.url) == ("eu-west-1", LOCAL)
    assert resolve_endpoint("eu-west-2\n", None, None).host == "scn.eu-west-2.amazonaws.com"


def test_the_first_configured_url_is_used(aws_files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Setting, AWS_ENDPOINT_URL_SUPPLYCHAIN, AWS_ENDPOINT_URL, profile: the first there is wins."""
    config = "[default]\nregion=us-east-1\nendpoint_url=http://127.0.0.1:1\n"
    (aws_files / "config").write_text(config)
    assert resolve_endpoint(None, None, None).port == 1
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:2")
    assert resolve_endpoint(None, None, None).port == 2
    monkeypatch.setenv("AWS_ENDPOINT_URL_SUPPLYCHAIN", "http://127.0.0.1:3")
    assert resolve_endpoint(None, None, None).port == 3
    assert resolve_endpoint(None, None, "http://127.0.0.1:4").port == 4


def test_services_section_of_the_profile(aws_files: Path) -> None:
    """A profile may give the endpoint of this service alone."""
    (aws_files / "config").write_text(
        "[default]\nregion=us-east-1\nservices=local\n"
        f"[services local]\nsupplychain =\n  endpoint_url = {LOCAL}\nsts =\n  endpoint_url = {OTHER}\n"
    )
    assert resolve_endpoint(None, None, None).url == LOCAL


def test_configured_urls_can_be_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS_IGNORE_CONFIGURED_ENDPOINT_URLS takes out the environment's URL, not the setting's."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", OTHER)
    monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
    assert resolve_endpoint("us-east-1", None, None).host == "scn.us-east-1.amazonaws.com"
    assert resolve_endpoint("us-east-1", None, LOCAL).url == LOCAL


@pytest.mark.parametrize(
    ("url", "host", "port", "host_header"),
    [
        (LOCAL, "127.0.0.1", 8080, "127.0.0.1:8080"),
        ("http://127.0.0.1/", "127.0.0.1", 80, "127.0.0.1"),
        ("http://127.8.9.10:80", "127.8.9.10", 80, "127.8.9.10"),
        ("http://localhost:443", "localhost", 443, "localhost:443"),
        ("http://[::1]:8080", "::1", 8080, "[::1]:8080"),
        ("https://[::1]", "::1", 443, "[::1]"),
        ("https://VPCE-1.scn.example:443/", "vpce-1.scn.example", 443, "vpce-1.scn.example"),
        ("https://h.example:8443", "h.example", 8443, "h.example:8443"),
    ],
)
def test_url_is_taken_apart(url: str, host: str, port: int, host_header: str) -> None:
    """Host, port and Host header are those that an HTTP client sends and botocore signs."""
    endpoint = resolve_endpoint("us-east-1", None, url)
    assert (endpoint.host, endpoint.port, endpoint.host_header) == (host, port, host_header)
    assert endpoint.url == f"{endpoint.scheme}://{host_header}"
    assert endpoint.is_loopback == ("example" not in host)


@pytest.mark.parametrize("path", ["/base", "/base/", "/a/b-c_d.e~f", "/a%20b", "/"])
def test_base_path_is_put_before_each_request(path: str) -> None:
    """A path in the URL is taken as botocore takes it."""
    url = f"https://h.example{path}"
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}
    client = ORACLE.create_client("supplychain", region_name="us-east-1", endpoint_url=url, **keys)
    theirs = urlsplit(client.generate_presigned_url("list_instances")).path
    assert resolve_endpoint("us-east-1", None, url).base_path + "/api/instance" == theirs


@pytest.mark.parametrize(
    ("name", "value"),
    [("AWS_MAX_ATTEMPTS", "abc"), ("AWS_RETRY_MODE", "eager"), ("AWS_MAX_ATTEMPTS", "-1")],
)
def test_other_settings_of_the_environment_are_named(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What botocore refuses is refused here too, and is not called an unusable endpoint URL."""
    monkeypatch.setenv(name, value)
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}
    with pytest.raises((BotoCoreError, ValueError)) as theirs:
        botocore.session.Session().create_client("supplychain", region_name="us-east-1", **keys)
    with pytest.raises(SettingsError) as caught:
        resolve_endpoint("us-east-1", None, None)
    assert str(theirs.value) in caught.value.why
    assert "URL" not in caught.value.what


UNUSABLE = [
    ("http://h.example", "unencrypted"),
    ("http://10.0.0.1:8080", "unencrypted"),
    ("http://127.0.0.1.h.example", "unencrypted"),
    ("http://0.0.0.0:8080", "unencrypted"),
    ("http://2130706433", "unencrypted"),
    ("http://localhost.h.example", "unencrypted"),
    ("https://h.example/a//b", "path"),
    ("https://h.example/a/../b", "path"),
    ("https://h.example/a b", "path"),
    ("https://h.example/?a=b", "query"),
    ("https://h.example/#a", "query"),
    ("https://user:pass-word@h.example", "user name"),
    ("https://user@h.example", "user name"),
    ("ftp://h.example", "not http"),
    ("h.example:443", "not http"),
    ("https://", "not http"),
    ("https://h.example:0", "port 0"),
    ("https://h.example:99999", "Port out of range"),
    ("https://[::1", "Invalid IPv6"),
    ("https://no_host_name.example", "no valid host name"),
    ("https://user:pass-word@no_host_name.example", "user name"),
]


@pytest.mark.parametrize(("url", "why"), UNUSABLE)
def test_unusable_url_is_refused(url: str, why: str) -> None:
    """A URL that is more than scheme, host and port, or plain http off loopback, is refused."""
    with pytest.raises(SettingsError) as caught:
        resolve_endpoint("us-east-1", None, url)
    assert why in caught.value.why
    assert caught.value.where == "--endpoint-url"
    assert "pass-word" not in caught.value.block()


@pytest.mark.parametrize("url", [url for url, _ in UNUSABLE])
def test_unusable_url_is_refused_from_the_environment_too(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same URLs are refused where botocore finds them, and the error says where that is."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    with pytest.raises(SettingsError) as caught:
        resolve_endpoint("us-east-1", None, None)
    assert "AWS_ENDPOINT_URL" in caught.value.where
    assert "pass-word" not in caught.value.block()


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "127.255.0.1", "::1"])
def test_names_of_this_machine_are_loopback(host: str) -> None:
    """These are this machine."""
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["", "0.0.0.0", "::", "128.0.0.1", "localhost.example", "127.1", "::2"])
def test_names_of_other_machines_are_not_loopback(host: str) -> None:
    """These are, or may be, another one."""
    assert not is_loopback(host)


def test_bad_region_is_refused() -> None:
    """A region that could change the host name is refused."""
    with pytest.raises(SettingsError, match="cannot be resolved"):
        resolve_endpoint("us-east-1.evil.example/", None, None)


def test_unknown_profile_is_refused() -> None:
    """A profile that does not exist is named in the error."""
    with pytest.raises(SettingsError) as caught:
        resolve_endpoint("us-east-1", "nobody", None)
    assert "nobody" in caught.value.block()


def test_broken_configuration_is_refused(aws_files: Path) -> None:
    """A configuration file that cannot be parsed is an error of settings."""
    (aws_files / "config").write_text("region = us-east-1\n")
    with pytest.raises(SettingsError, match="configuration"):
        resolve_endpoint("us-east-1", None, None)


SERVICES = "services=local\n[services local]\nsupplychain =\n  endpoint_url = "
PLACES = {
    "AWS_ENDPOINT_URL_SUPPLYCHAIN": "{}",
    "AWS_ENDPOINT_URL": "{}",
    "services section": f"[default]\n{SERVICES}{{}}\n",
    "profile": "[default]\nendpoint_url={}\n",
}


@pytest.mark.parametrize("given", [None, LOCAL, "https://127.example.com"])
@pytest.mark.parametrize("url", ["http://localhost:1", "https://vpce-1.scn.example"])
@pytest.mark.parametrize("place", PLACES)
def test_the_short_answer_is_that_of_the_endpoint(
    place: str, url: str, given: str | None, aws_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever the URL is named, a load is a rehearsal if botocore finds an endpoint on this machine."""
    text = PLACES[place].format(url)
    if place.startswith("AWS_"):
        monkeypatch.setenv(place, text)
    else:
        (aws_files / "config").write_text(text)
    for ignored in ("", "true"):
        monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", ignored)
        resolved = resolve_endpoint("us-east-1", None, given)
        assert is_on_this_machine(None, given) == resolved.is_loopback


def test_the_short_answer_follows_the_order_of_the_places(
    aws_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of several URLs, the one that botocore uses decides."""
    services = SERVICES.replace("endpoint_url = ", f"endpoint_url = {LOCAL}")
    (aws_files / "config").write_text(f"[default]\nendpoint_url=https://a.example\n{services}\n")
    assert is_on_this_machine(None, None)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://b.example")
    assert not is_on_this_machine(None, None)
    monkeypatch.setenv("AWS_ENDPOINT_URL_SUPPLYCHAIN", LOCAL)
    assert is_on_this_machine(None, None)
    assert resolve_endpoint("us-east-1", None, None).is_loopback


@pytest.mark.parametrize(
    ("profile", "config"),
    [
        ("nobody", ""),
        (None, "nonsense"),
        (None, "[default]\nservices=none\n"),
        (None, f"[default]\n{SERVICES}"),
    ],
)
def test_mistakes_are_left_to_the_endpoint(profile: str | None, config: str, aws_files: Path) -> None:
    """The short answer does not refuse what a rehearsal with its own emulator does not need."""
    (aws_files / "config").write_text(config)
    assert not is_on_this_machine(profile, None)
    assert is_on_this_machine(profile, LOCAL)
