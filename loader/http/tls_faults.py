"""What a failed TLS handshake means, by the reason that OpenSSL gives."""

import ssl

_CODES = {
    # A server that answers a handshake with plain text.
    "WRONG_VERSION_NUMBER": "NotTls",
    "HTTP_REQUEST": "NotTls",
    "RECORD_LAYER_FAILURE": "NotTls",
    # No version in common.
    "UNSUPPORTED_PROTOCOL": "TlsVersion",
    "TLSV1_ALERT_PROTOCOL_VERSION": "TlsVersion",
    "NO_PROTOCOLS_AVAILABLE": "TlsVersion",
    "VERSION_TOO_LOW": "TlsVersion",
    # The server wants a certificate of ours.
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "ClientCertificateWanted",
}


def code_of(error: BaseException | None) -> str | None:
    """Return our code for a failed handshake, or None if its reason is none of the known ones."""
    if not isinstance(error, ssl.SSLError):
        return None
    if isinstance(error, ssl.SSLCertVerificationError):
        return "CertificateNotTrusted"
    return _CODES.get(getattr(error, "reason", None) or "")
