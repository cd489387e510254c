"""The configuration of the server that the benchmarks run against."""

from pathlib import Path

import pytest

from benchmarks.nginx_config import LimitReq, NginxSettings, render

FOLDER = Path("/somewhere")


def test_without_a_quota_no_limit_is_in_it() -> None:
    """A server without a quota limits nothing and logs nothing."""
    config = render(NginxSettings(18080, FOLDER))

    assert "limit_req zone" not in config
    assert "limit_req_zone" not in config
    assert "  access_log off;\n  client_body_temp_path" in config
    assert "listen 127.0.0.1:18080 " in config


def test_a_quota_becomes_a_bucket_without_delay() -> None:
    """A quota is a zone with its rate, and a limit with its burst that queues nothing."""
    config = render(NginxSettings(18080, FOLDER, quota=LimitReq(500, 50)))

    assert "limit_req_zone $server_name zone=whole:64k rate=500r/s;" in config
    assert "limit_req zone=whole burst=50 nodelay;" in config


def test_the_lower_quota_depends_on_its_flag_file() -> None:
    """The lower quota counts only requests that come while its flag file exists."""
    config = render(NginxSettings(18080, FOLDER, LimitReq(500, 50), LimitReq(250, 25)))

    assert "limit_req_zone $lower_key zone=lower:64k rate=250r/s;" in config
    assert 'set $lower_key "";' in config
    assert "if (-f /somewhere/lower-quota-in-force)" in config


@pytest.mark.parametrize(
    ("log_requests", "expected"),
    [
        ("buffered", "access_log /somewhere/access.log bench buffer=64k flush=1s;"),
        ("at once", "access_log /somewhere/access.log bench;"),
    ],
)
def test_requests_are_logged_as_asked(log_requests: str, expected: str) -> None:
    """The access log is written in pieces or line by line, as the measurement needs it."""
    assert expected in render(NginxSettings(18080, FOLDER, log_requests=log_requests))


def test_braces_are_balanced() -> None:
    """Every block that is opened is closed."""
    config = render(NginxSettings(18080, FOLDER, LimitReq(500, 50), LimitReq(250, 25), "buffered"))

    assert config.count("{") == config.count("}")
