"""Reconnect cheaply: a TLS connection takes up the session of an earlier one to the same host.

That spares the chain of certificates and its verification, the server its signature, and before TLS 1.3 a
round trip. A resumed session stands for a handshake in which certificate and host name were verified, and
is offered only to the host it was made with, by the context that verified it. asyncio and uvloop leave no
other place for this: they make the TLS object themselves and pass no session to it.
"""

import ssl


def resume_sessions(context: ssl.SSLContext) -> None:
    """Let the client connections of a context resume each other's sessions.

    Args:
        context: The context, before the first connection is made with it.
    """
    latest: dict[str, ssl.SSLObject] = {}

    class ResumingObject(ssl.SSLObject):
        """A TLS connection that begins where the latest one to the same host ended."""

        _has_begun = False

        def do_handshake(self) -> None:
            """Take a step of the handshake; the first one offers the session."""
            host = self.server_hostname or ""
            if not self._has_begun:
                self._has_begun = True
                session = _session_of(latest.get(host))
                if session is not None:
                    self.session = session
            super().do_handshake()
            # Kept whole, for its tickets come later, with the first data (RFC 8446 4.6.1).
            latest[host] = self

    context.sslobject_class = ResumingObject


def _session_of(connection: ssl.SSLObject | None) -> ssl.SSLSession | None:
    session = None if connection is None else connection.session
    return session if session is not None and session.has_ticket else None
