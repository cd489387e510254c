"""What an answer means that is not the service's, and a request that got no answer: one table.

Each error of the service names a code and carries a request id. An answer without either comes from
something on the way: a proxy, a load balancer, a captive portal, a wrong endpoint. It says nothing about the
event, so it never fails one by itself.

    TRANSIENT   passes by itself: the event is tried again after a backoff
    THROTTLED   something on the way asks for fewer calls
    BLOCKED     the way is closed: the event is held, and the way is probed by one event at a time
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from loader.model import OutcomeKind

_BLOCKED, _TRANSIENT = OutcomeKind.BLOCKED, OutcomeKind.TRANSIENT


@dataclass(frozen=True, slots=True)
class WayFault:
    """One row of the table.

    Attributes:
        kind: BLOCKED, TRANSIENT or THROTTLED.
        means: What happened, as a clause without a full stop.
        advice: What the user can do, as the start of a sentence that "then run the same command" ends.
        needs_setting: Whether access or a setting is at fault: the load then ends with 4, else with 5.
        may_be_content: Whether a filter may refuse one payload this way and let others pass.
        is_certain: Whether one such answer is enough to stop a load that was never answered by the service.
    """

    kind: OutcomeKind
    means: str
    advice: str
    needs_setting: bool = False
    may_be_content: bool = False
    is_certain: bool = False


_ASK_PROXY = "ask who runs the proxy or firewall to let POST requests to the endpoint pass"
_CHECK_URL = "check --endpoint-url, the region and the proxy"
_LOG_IN = "open any web page in a browser to log in to the network, or set HTTPS_PROXY"
_CHECK_NETWORK = "check the network, --endpoint-url and HTTPS_PROXY"
_WAIT = "wait until the service or the load balancer before it works again"
_CLIENT_CERTIFICATE = "use an endpoint that asks for no client certificate: the service asks for none"
_USE_HTTPS = "write https:// instead of http:// in --endpoint-url"
_USE_HTTP = "check scheme and port of --endpoint-url: a plain http:// server answers there"

WAY_FAULTS: Mapping[str, WayFault] = {
    # Answers with a status of success.
    "HtmlPage": WayFault(
        _BLOCKED, "an HTML page came instead of the service's answer, as captive portals send", _LOG_IN
    ),
    "NoReceipt": WayFault(_BLOCKED, "an answer of success came that is not the service's", _CHECK_URL),
    # Redirects: the service sends none, and a signed request must not follow one.
    "HTTP3xx": WayFault(
        _BLOCKED,
        "something on the way redirects the requests; a redirect is never followed, as the signature is for "
        "the endpoint alone",
        f"{_LOG_IN}; or {_CHECK_URL}",
    ),
    # Refusals. Those that speak of one request may be a filter's verdict on its content.
    "HTTP400": WayFault(
        _BLOCKED, "something on the way calls the requests bad", _CHECK_URL, may_be_content=True
    ),
    "ClientCertificateWanted": WayFault(
        _BLOCKED,
        "the endpoint asks for a client certificate, which the service never does",
        _CLIENT_CERTIFICATE,
        needs_setting=True,
    ),
    "PlainHttpOnTlsPort": WayFault(
        _BLOCKED, "plain http was sent to a port that speaks TLS", _USE_HTTPS, needs_setting=True
    ),
    "HTTP401": WayFault(
        _BLOCKED,
        "something on the way asks for a login of its own",
        f"{_CHECK_URL}; or {_ASK_PROXY}",
        needs_setting=True,
    ),
    "HTTP402": WayFault(
        _BLOCKED, "something on the way asks for a payment", "check the contract of the network or proxy"
    ),
    "HTTP403": WayFault(
        _BLOCKED,
        "a proxy, firewall or filter on the way forbids the requests",
        _ASK_PROXY,
        needs_setting=True,
        may_be_content=True,
    ),
    "HTTP404": WayFault(
        _BLOCKED,
        "the server at the endpoint does not know the operation: it is not the service",
        _CHECK_URL,
        needs_setting=True,
    ),
    "HTTP405": WayFault(_BLOCKED, "the server at the endpoint does not take POST requests", _CHECK_URL),
    "HTTP406": WayFault(
        _BLOCKED, "a filter on the way does not accept the requests", _ASK_PROXY, may_be_content=True
    ),
    "HTTP407": WayFault(
        _BLOCKED,
        "the proxy asks for a user name and password",
        "write them into HTTPS_PROXY as http://USER:PASSWORD@HOST:PORT",
        needs_setting=True,
        is_certain=True,
    ),
    "HTTP408": WayFault(_TRANSIENT, "a server on the way did not get the whole request in time", _WAIT),
    "HTTP411": WayFault(_BLOCKED, "a server on the way does not see the length of the requests", _ASK_PROXY),
    "HTTP413": WayFault(
        _BLOCKED,
        "a server on the way takes no request of this size",
        "raise the limit there (client_max_body_size of nginx), or send smaller events with --max-records",
        may_be_content=True,
    ),
    "HTTP414": WayFault(_BLOCKED, "a server on the way finds the path too long", _CHECK_URL),
    "HTTP415": WayFault(_BLOCKED, "a server on the way does not take JSON", _CHECK_URL, may_be_content=True),
    "HTTP421": WayFault(
        _BLOCKED,
        "the server is not responsible for the host name of the endpoint",
        _CHECK_URL,
        needs_setting=True,
    ),
    "HTTP422": WayFault(
        _BLOCKED, "a filter on the way does not take the content", _ASK_PROXY, may_be_content=True
    ),
    "HTTP425": WayFault(_TRANSIENT, "a server on the way finds the request too early", _WAIT),
    "HTTP426": WayFault(_BLOCKED, "a server on the way asks for another protocol than HTTP/1.1", _CHECK_URL),
    "HTTP429": WayFault(
        OutcomeKind.THROTTLED, "something on the way asks for fewer calls", "lower --rate, or wait"
    ),
    "HTTP431": WayFault(
        _BLOCKED,
        "a server on the way finds the headers too long",
        "raise its limit: the session token of temporary credentials makes headers of some 2 KiB",
    ),
    "HTTP451": WayFault(
        _BLOCKED, "something on the way refuses for legal reasons", _ASK_PROXY, may_be_content=True
    ),
    "HTTP495": WayFault(
        _BLOCKED, "a proxy on the way refuses the client certificate", _CLIENT_CERTIFICATE, needs_setting=True
    ),
    "HTTP496": WayFault(
        _BLOCKED, "a proxy on the way asks for a client certificate", _CLIENT_CERTIFICATE, needs_setting=True
    ),
    "HTTP497": WayFault(
        _BLOCKED, "plain http was sent to a port that speaks TLS", _USE_HTTPS, needs_setting=True
    ),
    "HTTP4xx": WayFault(
        _BLOCKED, "something on the way refuses the requests", _CHECK_URL, may_be_content=True
    ),
    # Failures of servers on the way, or of the service's own front end. The service may hold the event.
    "HTTP500": WayFault(_TRANSIENT, "a server on the way failed", _WAIT),
    "HTTP502": WayFault(_TRANSIENT, "a gateway on the way got no good answer", _WAIT),
    "HTTP503": WayFault(_TRANSIENT, "a server on the way is not available", _WAIT),
    "HTTP504": WayFault(_TRANSIENT, "a gateway on the way waited too long for an answer", _WAIT),
    "HTTP511": WayFault(_BLOCKED, "the network asks for a login before it lets requests pass", _LOG_IN),
    "HTTP52x": WayFault(_TRANSIENT, "a content network on the way cannot reach the server", _WAIT),
    "HTTP5xx": WayFault(_TRANSIENT, "a server on the way failed", _WAIT),
    "HTTPxxx": WayFault(_BLOCKED, "an answer came that HTTP does not know", _CHECK_URL),
    # No answer: nothing of the request went out.
    "NameNotResolved": WayFault(_TRANSIENT, "the host name is not known now", _CHECK_NETWORK),
    "ConnectFailed": WayFault(
        _TRANSIENT, "the connection is refused or the host cannot be reached", _CHECK_NETWORK
    ),
    "ConnectTimeout": WayFault(_TRANSIENT, "no connection comes about in time", _CHECK_NETWORK),
    "CertificateNotTrusted": WayFault(
        _BLOCKED,
        "the certificate of the other side is not trusted",
        "point AWS_CA_BUNDLE to the certificates of your organization if a proxy or VPC endpoint shows its "
        "own, and check the host name in --endpoint-url",
        needs_setting=True,
        is_certain=True,
    ),
    "NotTls": WayFault(_TRANSIENT, "the other side does not speak TLS", _USE_HTTP),
    "TlsVersion": WayFault(
        _TRANSIENT,
        "the other side speaks no TLS version that is allowed here",
        "let the server or proxy speak TLS 1.2 or later",
    ),
    "TlsFailed": WayFault(_TRANSIENT, "the TLS handshake fails", _CHECK_NETWORK),
    "ProxyUnreachable": WayFault(
        _TRANSIENT, "the proxy cannot be reached", "check HTTPS_PROXY, and that the proxy runs"
    ),
    "ProxyAuthenticationRequired": WayFault(
        _BLOCKED,
        "the proxy refuses the user name and password, or asks for them",
        "write them into HTTPS_PROXY as http://USER:PASSWORD@HOST:PORT",
        needs_setting=True,
        is_certain=True,
    ),
    "ProxyRefused": WayFault(
        _BLOCKED,
        "the proxy refuses to connect to the endpoint",
        "ask who runs the proxy to let the host of the endpoint pass, or name it in NO_PROXY",
        needs_setting=True,
    ),
    "ProxyFailed": WayFault(
        _TRANSIENT, "the proxy cannot connect to the endpoint", "check the network of the proxy"
    ),
    "InvalidUrl": WayFault(_TRANSIENT, "the URL of the endpoint or proxy cannot be used", _CHECK_URL),
    "InvalidRequest": WayFault(_TRANSIENT, "the request cannot be written as HTTP", _CHECK_URL),
    "TransportClosed": WayFault(_TRANSIENT, "the connections were closed because the load ends", _WAIT),
    "TooOld": WayFault(_TRANSIENT, "the connection was closed for its age", _WAIT),
    # No answer: the service may hold the event.
    "Timeout": WayFault(_TRANSIENT, "no answer comes in time", _CHECK_NETWORK),
    "ConnectionLost": WayFault(_TRANSIENT, "the connection ends before the answer", _CHECK_NETWORK),
    "AnswerCutShort": WayFault(_TRANSIENT, "the connection ends in the middle of the answer", _CHECK_NETWORK),
    "UnreadableAnswer": WayFault(_TRANSIENT, "the answer is not HTTP/1.1", _USE_HTTP),
    "UnaskedAnswer": WayFault(_TRANSIENT, "data came that was not asked for", _CHECK_NETWORK),
    "Cancelled": WayFault(_TRANSIENT, "the request was cancelled because the load ends", _WAIT),
}
"""Every code of an answer that is not the service's, and of a request without an answer.

``HTTP302`` and the like have the row of their status, else of their class (``HTTP3xx``)."""

_STATUS_CODE = re.compile(r"HTTP(\d)(\d)\d", re.ASCII)


def way_fault(code: str) -> WayFault | None:
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
    """Return the code of an answer that is not the service's.

    Args:
        status: HTTP status.
        text: The start of its body.
    """
    words = text.lower()
    if 200 <= status < 300:  # noqa: PLR2004 - the class of successful statuses
        return "HtmlPage" if "<html" in words or "<!doctype" in words else "NoReceipt"
    if status == 400:  # noqa: PLR2004 - nginx says 495, 496 and 497 in its log, and sends 400
        if "ssl certificate" in words:
            return "ClientCertificateWanted"
        if "plain http request" in words or "http request to an https server" in words:
            return "PlainHttpOnTlsPort"
    return f"HTTP{status}"
