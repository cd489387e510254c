"""Real proxies and servers on the way, where they are installed: tinyproxy, squid, nginx, haproxy."""

import asyncio
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from loader.emulator import Emulator
from tests.faults.extracts import ExtractShape
from tests.faults.harness import Trial
from tests.faults.loader_run import Ended
from tests.faults.machines import LAUNCHER, can_mount, names, with_names
from tests.faults.reliability import GOES_ON, STOPS
from tests.faults.test_outages import NAME, certificate, free_port
from tests.http.authority import Authority

SHAPE = ExtractShape(rows=40, groups=40)

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.make(tmp_path_factory.mktemp("proxy-authority"))


def needs(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"needs {program}")


@asynccontextmanager
async def running(port: int, *command: str) -> AsyncIterator[None]:
    """Run a server in the foreground until its port answers, for as long as the context lasts."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(20):
            while True:
                assert process.returncode is None, "the server ended"
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    await asyncio.sleep(0.05)
        yield
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def nginx(folder: Path, server: str) -> list[str]:
    """Return the command for an nginx with one server block."""
    config = folder / "nginx.conf"
    config.write_text(
        f"daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/nginx.log;\n"
        "events {}\n"
        f"http {{ access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;\n"
        f"fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;\n"
        f"server {{ {server} }} }}\n"
    )
    return ["nginx", "-e", f"{folder}/nginx.log", "-c", str(config)]


def haproxy(folder: Path, sections: str) -> list[str]:
    """Return the command for a haproxy with these sections."""
    config = folder / "haproxy.cfg"
    timeouts = "timeout connect 5s\n  timeout client 30s\n  timeout server 30s"
    config.write_text(f"defaults\n  mode http\n  {timeouts}\n{sections}")
    return ["haproxy", "-f", str(config)]


async def run_through_proxy(
    trial: Trial, authority: Authority, emulator: Emulator, hosts: Path, proxy_port: int
) -> Ended:
    """Load into an emulator with a name, through a proxy that gets a wrong password."""
    return await trial.run(
        f"https://{NAME}:{emulator.url.rpartition(':')[2]}",
        launcher=LAUNCHER,
        **names(hosts),
        AWS_CA_BUNDLE=authority.bundle,
        HTTPS_PROXY=f"http://someone:wrong-password@127.0.0.1:{proxy_port}",
    )


def check_end(trial: Trial, ended: Ended, code: int, said: str) -> None:
    """Check how a load through a proxy ended, and that no output repeats the password."""
    assert ended.code == code, ended.err
    assert said in ended.err
    assert "wrong-password" not in ended.words
    if code == 0:
        assert trial.wrong(ended) == []


@needs("nginx")
@pytest.mark.tried("nginx requires a client certificate, or expects TLS but gets http", keeps=STOPS)
@pytest.mark.parametrize(
    ("scheme", "said"), [("https", "client certificate"), ("http", "port that expects TLS")]
)
async def test_what_nginx_refuses_is_named(
    trial: Trial, authority: Authority, scheme: str, said: str
) -> None:
    """The 400 that nginx sends for a certificate, or for http on its TLS port, stops the load with 4."""
    trial.write_extract(31, SHAPE)
    port = await free_port(trial)
    files = certificate(authority, "127.0.0.1")
    server = (
        f"listen 127.0.0.1:{port} ssl; ssl_certificate {files['certfile']}; "
        f"ssl_certificate_key {files['keyfile']}; ssl_client_certificate {authority.bundle}; "
        "ssl_verify_client on;"
    )
    async with running(port, *nginx(trial.folder, server)):
        stopped = await trial.run(f"{scheme}://127.0.0.1:{port}", AWS_CA_BUNDLE=authority.bundle)
    assert stopped.code == 4, stopped.err
    assert said in stopped.err


@needs("nginx")
@pytest.mark.tried("nginx supports no TLS version that the loader allows", keeps=STOPS)
async def test_an_old_tls_version_is_named(trial: Trial, authority: Authority) -> None:
    """It is waited for, as long as --give-up-after says; the cause is in the block."""
    trial.write_extract(35, SHAPE)
    port = await free_port(trial)
    files = certificate(authority, "127.0.0.1")
    server = (
        f"listen 127.0.0.1:{port} ssl; ssl_certificate {files['certfile']}; "
        f"ssl_certificate_key {files['keyfile']}; ssl_protocols TLSv1.1; ssl_ciphers ALL:@SECLEVEL=0;"
    )
    async with running(port, *nginx(trial.folder, server)):
        stopped = await trial.run(
            f"https://127.0.0.1:{port}", "--give-up-after", "2s", AWS_CA_BUNDLE=authority.bundle
        )
    assert stopped.code == 5, stopped.err
    assert "TlsVersion" in stopped.err


@needs("nginx")
@pytest.mark.tried("nginx in front of the service accepts small requests only", keeps=GOES_ON)
async def test_events_too_large_for_nginx_are_divided(trial: Trial) -> None:
    """A codeless 413 for a packed event divides it until its parts pass."""
    trial.settings |= {"pack": "group", "group_buckets": 2}
    trial.write_extract(32, ExtractShape(rows=60, groups=30))
    port = await free_port(trial)
    async with trial.service() as emulator:
        server = (
            f"listen 127.0.0.1:{port}; client_max_body_size 2k; "
            f"location / {{ proxy_pass {emulator.url}; proxy_set_header Host $http_host; }}"
        )
        async with running(port, *nginx(trial.folder, server)):
            ended = await trial.run(f"http://127.0.0.1:{port}")
    assert trial.wrong(ended) == []
    assert ended.code == 0, ended.words


@needs("haproxy")
@pytest.mark.tried("haproxy denies every request, or has no server", keeps=STOPS)
@pytest.mark.parametrize(
    ("rule", "code", "said"),
    [("http-request deny", 4, "HTTP403"), ("http-request deny deny_status 503", 5, "HTTP503")],
)
async def test_what_haproxy_refuses_is_named(trial: Trial, rule: str, code: int, said: str) -> None:
    """403 stops the load at once; 503 is waited for, as long as --give-up-after says."""
    trial.write_extract(33, SHAPE)
    port = await free_port(trial)
    sections = f"frontend way\n  bind 127.0.0.1:{port}\n  {rule}\n"
    async with running(port, *haproxy(trial.folder, sections)):
        stopped = await trial.run(f"http://127.0.0.1:{port}", "--give-up-after", "8s")
    assert stopped.code == code, stopped.err
    assert said in stopped.err


@needs("tinyproxy")
@pytest.mark.skipif(not can_mount(), reason="needs a mount namespace of its own")
@pytest.mark.tried("tinyproxy passes the requests, forbids the port, or requires a password", keeps=STOPS)
@pytest.mark.parametrize(
    ("setting", "code", "said"),
    [("", 0, ""), ("ConnectPort 1", 4, "ProxyRefused"), ("BasicAuth user secret", 4, "ProxyAuthentication")],
)
async def test_a_load_through_tinyproxy(
    trial: Trial, authority: Authority, setting: str, code: int, said: str
) -> None:
    """The load passes, or stops at once with 4 and names the proxy; its password is not repeated."""
    trial.write_extract(34, SHAPE)
    hosts = trial.folder / "hosts"
    hosts.write_text(f"127.0.0.1 localhost {NAME}\n")
    proxy_port = await free_port(trial)
    config = trial.folder / "tinyproxy.conf"
    config.write_text(f"Port {proxy_port}\nListen 127.0.0.1\nTimeout 60\nMaxClients 50\n{setting}\n")
    async with trial.service(**certificate(authority, NAME)) as emulator:
        command = ("tinyproxy", "-d", "-c", str(config))
        async with running(proxy_port, *with_names(hosts, command)):
            ended = await run_through_proxy(trial, authority, emulator, hosts, proxy_port)
    check_end(trial, ended, code, said)


@pytest.fixture
def readable_by_all() -> Iterator[Path]:
    """A folder that squid may read: started by root, it becomes another user."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


SQUID_PASSWORDS = Path("/usr/lib/squid/basic_ncsa_auth")


@needs("squid")
@pytest.mark.skipif(not can_mount(), reason="needs a mount namespace of its own")
@pytest.mark.tried("squid lets the requests pass, forbids CONNECT, or asks for a password", keeps=STOPS)
@pytest.mark.parametrize(
    ("rule", "code", "said"),
    [
        ("http_access allow all", 0, ""),
        ("http_access deny CONNECT", 4, "ProxyRefused"),
        (
            "\n".join(
                [
                    f"auth_param basic program {SQUID_PASSWORDS} /dev/null",
                    "acl known proxy_auth REQUIRED",
                    "http_access allow known",
                ]
            ),
            4,
            "ProxyAuthentication",
        ),
    ],
)
async def test_a_load_through_squid(
    trial: Trial, authority: Authority, readable_by_all: Path, *, rule: str, code: int, said: str
) -> None:
    """The load passes, or stops at once with 4 and names the proxy; its password is not repeated."""
    trial.write_extract(36, SHAPE)
    hosts = readable_by_all / "hosts"
    hosts.write_text(f"127.0.0.1 localhost {NAME}\n")
    hosts.chmod(0o644)
    proxy_port = await free_port(trial)
    config = trial.folder / "squid.conf"
    config.write_text(
        f"http_port 127.0.0.1:{proxy_port}\nhosts_file {hosts}\npid_filename none\n"
        "cache_log /dev/null\naccess_log none\ncache deny all\n"
        f"coredump_dir none\nshutdown_lifetime 0 seconds\n{rule}\n"
    )
    async with (
        trial.service(**certificate(authority, NAME)) as emulator,
        running(proxy_port, "squid", "-N", "-f", str(config)),
    ):
        ended = await run_through_proxy(trial, authority, emulator, hosts, proxy_port)
    check_end(trial, ended, code, said)


@needs("haproxy")
@pytest.mark.tried(
    "haproxy changes servers in the middle of a load, whose connections it closes", keeps=GOES_ON
)
async def test_a_reload_of_haproxy_loses_nothing(trial: Trial) -> None:
    """Attempts without an answer are sent again with their tokens; what was accepted stays so."""
    trial.write_extract(37, ExtractShape(rows=300, groups=60))
    port = await free_port(trial)
    async with trial.service(latency_seconds=0.01) as emulator:
        command = haproxy(
            trial.folder,
            f"frontend way\n  bind 127.0.0.1:{port}\n  default_backend service\n"
            f"backend service\n  server one {emulator.url.removeprefix('http://')}\n",
        )
        async with running(port, *command):
            run = await trial.start(f"http://127.0.0.1:{port}", "--rate", "150")
            assert await run.until(lambda: emulator.summary()["accepted"] >= 60)
        async with running(port, *command):
            ended = await run.wait()
    assert trial.wrong(ended) == []
    assert ended.code == 0, ended.words
