"""Sessions of TLS: resumed with the host they were made with, and with no other."""

import ssl

import pytest

from loader.http.proxy_and_tls import tls_context
from tests.http.authority import Authority


def handshake(client: ssl.SSLContext, server: ssl.SSLContext, host: str) -> bool:
    """Shake hands in memory, pass a byte of data each way, and return whether a session was resumed."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    near = client.wrap_bio(to_client, to_server, server_hostname=host)
    far = server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):
        for side in (near, far):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    for sender, receiver in ((far, near), (near, far)):
        sender.write(b"x")
        assert receiver.read(1) == b"x"
    return bool(near.session_reused)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_session_is_offered_to_its_own_host_only(authority: Authority, version: ssl.TLSVersion) -> None:
    """A host resumes its own session; another host, verified or not, is never offered it."""
    client = tls_context(authority.bundle)
    client.maximum_version = version
    here, there = authority.server_context("localhost"), authority.server_context("other.example")
    assert [handshake(client, here, "localhost") for _ in range(3)] == [False, True, True]
    assert [handshake(client, there, "other.example") for _ in range(2)] == [False, True]
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(client, there, "localhost")
    assert handshake(client, here, "localhost")


def test_contexts_do_not_share_sessions(authority: Authority) -> None:
    """A context that verified nothing yet begins with a whole handshake."""
    server = authority.server_context("localhost")
    assert [handshake(tls_context(authority.bundle), server, "localhost") for _ in range(2)] == [False, False]


def test_failed_handshake_leaves_no_session(authority: Authority, foreign_authority: Authority) -> None:
    """After a certificate was refused, the next handshake verifies again, and refuses again."""
    client, server = tls_context(foreign_authority.bundle), authority.server_context("localhost")
    for _ in range(2):
        with pytest.raises(ssl.SSLCertVerificationError):
            handshake(client, server, "localhost")
