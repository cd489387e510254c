"""TLS session resumption: a connection resumes the session of an earlier one to the same host.

Resumption saves the transfer and verification of the certificate chain, the signature of the server, and
before TLS 1.3 a round trip. Each resumed session originates from a handshake that verified certificate and
host name, and is offered only to the same host by the same context. asyncio and uvloop create the TLS
object themselves and pass no session to it, so a subclass of ``ssl.SSLObject`` sets the session.
"""

import ssl


def resume_sessions(context: ssl.SSLContext) -> None:
    """Let the client connections of a context resume each other's sessions.

    Args:
        context: The context, before its first connection.
    """
    latest: dict[str, ssl.SSLObject] = {}

    class ResumingObject(ssl.SSLObject):
        """A TLS connection that resumes the session of the latest one to the same host."""

        _has_begun = False

        def do_handshake(self) -> None:
            """Take one step of the handshake; the first step offers the session."""
            host = self.server_hostname or ""
            if not self._has_begun:
                self._has_begun = True
                session = _session_of(latest.get(host))
                if session is not None:
                    self.session = session
            super().do_handshake()
            # The whole object is kept: session tickets arrive later, with the first data (RFC 8446 4.6.1).
            latest[host] = self

    context.sslobject_class = ResumingObject


def _session_of(connection: ssl.SSLObject | None) -> ssl.SSLSession | None:
    session = None if connection is None else connection.session
    return session if session is not None and session.has_ticket else None
