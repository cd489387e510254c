"""Codes for failed TLS handshakes, by the reason that OpenSSL reports."""

import ssl

_CODES = {
    # The server answers the handshake with plain text.
    "WRONG_VERSION_NUMBER": "NotTls",
    "HTTP_REQUEST": "NotTls",
    "RECORD_LAYER_FAILURE": "NotTls",
    # No version in common.
    "UNSUPPORTED_PROTOCOL": "TlsVersion",
    "TLSV1_ALERT_PROTOCOL_VERSION": "TlsVersion",
    "NO_PROTOCOLS_AVAILABLE": "TlsVersion",
    "VERSION_TOO_LOW": "TlsVersion",
    # The server requires a client certificate.
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "ClientCertificateWanted",
}


def code_of(error: BaseException | None) -> str | None:
    """Return the loader's code for a failed handshake, or None if the reason is unknown."""
    if not isinstance(error, ssl.SSLError):
        return None
    if isinstance(error, ssl.SSLCertVerificationError):
        return "CertificateNotTrusted"
    return _CODES.get(getattr(error, "reason", None) or "")
