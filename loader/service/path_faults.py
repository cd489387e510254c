"""Table of the answers that do not come from the service, and of requests without an answer.

Each error of the service has a code and a request id. An answer without either comes from an
intermediary: a proxy, a load balancer, a captive portal, or the server at a wrong endpoint. It carries no
information about the event, so it never fails an event by itself.

    TRANSIENT   the fault is temporary: the event is retried after a backoff
    THROTTLED   an intermediary limits the rate
    BLOCKED     the path to the service is closed: the event is held, and one event at a time is a probe
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from loader.model import OutcomeKind

_BLOCKED, _TRANSIENT = OutcomeKind.BLOCKED, OutcomeKind.TRANSIENT


@dataclass(frozen=True, slots=True)
class PathFault:
    """One row of the table.

    Attributes:
        kind: BLOCKED, TRANSIENT or THROTTLED.
        means: The fault, as a clause without a full stop.
        advice: The remedy, as the start of a sentence that ends with "then run the same command".
        needs_setting: Whether access or a setting is the cause: the load then ends with 4, else with 5.
        may_be_content: Whether a filter may refuse a single payload with this answer.
        is_certain: Whether one such answer stops a load that has had no answer of the service yet.
    """

    kind: OutcomeKind
    means: str
    advice: str
    needs_setting: bool = False
    may_be_content: bool = False
    is_certain: bool = False


_ASK_PROXY = "ask the administrator of the proxy or firewall to allow POST requests to the endpoint"
_CHECK_URL = "check --endpoint-url, the region and the proxy"
_LOG_IN = "open any web page in a browser to log in to the network, or set HTTPS_PROXY"
_CHECK_NETWORK = "check the network, --endpoint-url and HTTPS_PROXY"
_WAIT = "wait until the service and its load balancer work again"
_CLIENT_CERTIFICATE = "use an endpoint that requires no client certificate: the service requires none"
_USE_HTTPS = "use https:// instead of http:// in --endpoint-url"
_USE_HTTP = "check scheme and port of --endpoint-url: a plain http:// server answers there"

WAY_FAULTS: Mapping[str, PathFault] = {
    # Answers with a 2xx status.
    "HtmlPage": PathFault(
        _BLOCKED, "an HTML page arrived instead of the service's answer, as from a captive portal", _LOG_IN
    ),
    "NoReceipt": PathFault(_BLOCKED, "a 2xx answer arrived without the receipt of the service", _CHECK_URL),
    # Redirects: the service sends none, and a signature is valid for one host only.
    "HTTP3xx": PathFault(
        _BLOCKED,
        "an intermediary redirects the requests; the loader follows no redirect, because the signature is "
        "valid for the endpoint only",
        f"{_LOG_IN}; or {_CHECK_URL}",
    ),
    # Refusals. Some may be a filter's decision about the content of one request.
    "HTTP400": PathFault(
        _BLOCKED, "an intermediary rejects the requests as malformed", _CHECK_URL, may_be_content=True
    ),
    "ClientCertificateWanted": PathFault(
        _BLOCKED,
        "the endpoint requires a client certificate, which the service never does",
        _CLIENT_CERTIFICATE,
        needs_setting=True,
    ),
    "PlainHttpOnTlsPort": PathFault(
        _BLOCKED, "plain http was sent to a port that expects TLS", _USE_HTTPS, needs_setting=True
    ),
    "HTTP401": PathFault(
        _BLOCKED,
        "an intermediary requires a login",
        f"{_CHECK_URL}; or {_ASK_PROXY}",
        needs_setting=True,
    ),
    "HTTP402": PathFault(
        _BLOCKED, "an intermediary requires a payment", "check the contract of the network or proxy"
    ),
    "HTTP403": PathFault(
        _BLOCKED,
        "a proxy, firewall or filter forbids the requests",
        _ASK_PROXY,
        needs_setting=True,
        may_be_content=True,
    ),
    "HTTP404": PathFault(
        _BLOCKED,
        "the server at the endpoint does not know the operation: it is not the service",
        _CHECK_URL,
        needs_setting=True,
    ),
    "HTTP405": PathFault(_BLOCKED, "the server at the endpoint does not accept POST requests", _CHECK_URL),
    "HTTP406": PathFault(_BLOCKED, "a filter does not accept the requests", _ASK_PROXY, may_be_content=True),
    "HTTP407": PathFault(
        _BLOCKED,
        "the proxy requires a user name and password",
        "set HTTPS_PROXY to http://USER:PASSWORD@HOST:PORT",
        needs_setting=True,
        is_certain=True,
    ),
    "HTTP408": PathFault(_TRANSIENT, "an intermediary did not receive the whole request in time", _WAIT),
    "HTTP411": PathFault(_BLOCKED, "an intermediary does not see the length of the requests", _ASK_PROXY),
    "HTTP413": PathFault(
        _BLOCKED,
        "an intermediary does not accept requests of this size",
        "raise the limit there (client_max_body_size of nginx), or send smaller events with --max-records",
        may_be_content=True,
    ),
    "HTTP414": PathFault(_BLOCKED, "an intermediary rejects the path as too long", _CHECK_URL),
    "HTTP415": PathFault(_BLOCKED, "an intermediary does not accept JSON", _CHECK_URL, may_be_content=True),
    "HTTP421": PathFault(
        _BLOCKED,
        "the server is not responsible for the host name of the endpoint",
        _CHECK_URL,
        needs_setting=True,
    ),
    "HTTP422": PathFault(_BLOCKED, "a filter does not accept the content", _ASK_PROXY, may_be_content=True),
    "HTTP425": PathFault(_TRANSIENT, "an intermediary rejects the request as too early", _WAIT),
    "HTTP426": PathFault(_BLOCKED, "an intermediary requires another protocol than HTTP/1.1", _CHECK_URL),
    "HTTP429": PathFault(
        OutcomeKind.THROTTLED, "an intermediary limits the rate of calls", "lower --rate, or wait"
    ),
    "HTTP431": PathFault(
        _BLOCKED,
        "an intermediary rejects the headers as too long",
        "raise its limit: with the session token of temporary credentials, headers take about 2 KiB",
    ),
    "HTTP451": PathFault(
        _BLOCKED, "an intermediary refuses the requests for legal reasons", _ASK_PROXY, may_be_content=True
    ),
    "HTTP495": PathFault(
        _BLOCKED, "a proxy refuses the client certificate", _CLIENT_CERTIFICATE, needs_setting=True
    ),
    "HTTP496": PathFault(
        _BLOCKED, "a proxy requires a client certificate", _CLIENT_CERTIFICATE, needs_setting=True
    ),
    "HTTP497": PathFault(
        _BLOCKED, "plain http was sent to a port that expects TLS", _USE_HTTPS, needs_setting=True
    ),
    "HTTP4xx": PathFault(_BLOCKED, "an intermediary refuses the requests", _CHECK_URL, may_be_content=True),
    # Failures of intermediaries or of the service's front end. The service may have accepted the event.
    "HTTP500": PathFault(_TRANSIENT, "an intermediary failed", _WAIT),
    "HTTP502": PathFault(_TRANSIENT, "a gateway received an invalid answer", _WAIT),
    "HTTP503": PathFault(_TRANSIENT, "an intermediary is not available", _WAIT),
    "HTTP504": PathFault(_TRANSIENT, "a gateway received no answer in time", _WAIT),
    "HTTP511": PathFault(_BLOCKED, "the network requires a login before it forwards requests", _LOG_IN),
    "HTTP52x": PathFault(_TRANSIENT, "a content delivery network cannot reach the server", _WAIT),
    "HTTP5xx": PathFault(_TRANSIENT, "an intermediary failed", _WAIT),
    "HTTPxxx": PathFault(_BLOCKED, "the answer has a status that HTTP does not define", _CHECK_URL),
    # No answer: no part of the request was sent.
    "NameNotResolved": PathFault(_TRANSIENT, "the host name cannot be resolved at present", _CHECK_NETWORK),
    "ConnectFailed": PathFault(
        _TRANSIENT, "the connection is refused or the host cannot be reached", _CHECK_NETWORK
    ),
    "ConnectTimeout": PathFault(_TRANSIENT, "the connection attempt times out", _CHECK_NETWORK),
    "CertificateNotTrusted": PathFault(
        _BLOCKED,
        "the certificate of the server is not trusted",
        "set AWS_CA_BUNDLE to the certificates of your organization if a proxy or VPC endpoint presents its "
        "own, and check the host name in --endpoint-url",
        needs_setting=True,
        is_certain=True,
    ),
    "NotTls": PathFault(_TRANSIENT, "the server does not support TLS", _USE_HTTP),
    "TlsVersion": PathFault(
        _TRANSIENT,
        "the server supports no TLS version that the loader allows",
        "enable TLS 1.2 or later on the server or proxy",
    ),
    "TlsFailed": PathFault(_TRANSIENT, "the TLS handshake fails", _CHECK_NETWORK),
    "ProxyUnreachable": PathFault(
        _TRANSIENT, "the proxy cannot be reached", "check HTTPS_PROXY, and whether the proxy runs"
    ),
    "ProxyAuthenticationRequired": PathFault(
        _BLOCKED,
        "the proxy refuses the user name and password, or requires them",
        "set HTTPS_PROXY to http://USER:PASSWORD@HOST:PORT",
        needs_setting=True,
        is_certain=True,
    ),
    "ProxyRefused": PathFault(
        _BLOCKED,
        "the proxy refuses to connect to the endpoint",
        "ask the administrator of the proxy to allow the host of the endpoint, or add it to NO_PROXY",
        needs_setting=True,
    ),
    "ProxyFailed": PathFault(
        _TRANSIENT, "the proxy cannot connect to the endpoint", "check the network of the proxy"
    ),
    "InvalidUrl": PathFault(_TRANSIENT, "the URL of the endpoint or proxy cannot be used", _CHECK_URL),
    "InvalidRequest": PathFault(_TRANSIENT, "the request cannot be expressed in HTTP", _CHECK_URL),
    "TransportClosed": PathFault(_TRANSIENT, "the connections were closed because the load ends", _WAIT),
    "TooOld": PathFault(_TRANSIENT, "the connection was closed because of its age", _WAIT),
    # No answer: the service may have accepted the event.
    "Timeout": PathFault(_TRANSIENT, "no answer arrives in time", _CHECK_NETWORK),
    "ConnectionLost": PathFault(_TRANSIENT, "the connection ends before the answer", _CHECK_NETWORK),
    "AnswerCutShort": PathFault(
        _TRANSIENT, "the connection ends before the end of the answer", _CHECK_NETWORK
    ),
    "UnreadableAnswer": PathFault(_TRANSIENT, "the answer is not HTTP/1.1", _USE_HTTP),
    "UnaskedAnswer": PathFault(_TRANSIENT, "data arrived without a request", _CHECK_NETWORK),
    "Cancelled": PathFault(_TRANSIENT, "the request was cancelled because the load ends", _WAIT),
}
"""Every code of an answer that does not come from the service, and of a request without an answer.

A status such as ``HTTP302`` has the row of its own code, else of its class (``HTTP3xx``)."""

_STATUS_CODE = re.compile(r"HTTP(\d)(\d)\d", re.ASCII)


def path_fault(code: str) -> PathFault | None:
    """Return the row of a code, or None for a code of the service."""
    row = WAY_FAULTS.get(code)
    match = _STATUS_CODE.fullmatch(code)
    if row is not None or match is None:
        return row
    hundred, ten = match.groups()
    return (
        WAY_FAULTS.get(f"HTTP{hundred}{ten}x") or WAY_FAULTS.get(f"HTTP{hundred}xx") or WAY_FAULTS["HTTPxxx"]
    )


def code_of_foreign_answer(status: int, text: str) -> str:
    """Return the code of an answer that does not come from the service.

    Args:
        status: HTTP status.
        text: The start of its body.
    """
    words = text.lower()
    if 200 <= status < 300:  # noqa: PLR2004 - the class of successful statuses
        return "HtmlPage" if "<html" in words or "<!doctype" in words else "NoReceipt"
    if status == 400:  # noqa: PLR2004 - nginx logs 495, 496 and 497, but sends 400
        if "ssl certificate" in words:
            return "ClientCertificateWanted"
        if "plain http request" in words or "http request to an https server" in words:
            return "PlainHttpOnTlsPort"
    return f"HTTP{status}"
