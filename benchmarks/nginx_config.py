"""The configuration of the nginx that stands in for the service. Pure.

Rules kept here:

1. An answer goes out only when the whole request has come in, as the service's does: ``mirror`` makes nginx
   read the body, which a plain ``return`` would not wait for.
2. Every accepted event gets a receipt of its own: nginx's ``$request_id``, written as a UUID.
3. The lower quota can be put in force and lifted while clients are connected: it counts requests only as
   long as a flag file exists. A reload would close the connections and look like a fault of the service.
"""

from dataclasses import dataclass
from pathlib import Path

STATUS_PATH = "/status"
FLAG_NAME = "lower-quota-in-force"
ACCESS_LOG_NAME = "access.log"
CONFIG_NAME = "nginx.conf"

MAX_BODY = "16m"
"""More than an event of 1 MiB whose every character needs an escape."""


@dataclass(frozen=True, slots=True)
class LimitReq:
    """A quota of nginx's ``limit_req``: a bucket that leaks at a rate, answering 429 when it is full.

    Attributes:
        requests_per_second: The rate.
        burst: How many requests may come at once beyond it, without delay.
    """

    requests_per_second: int
    burst: int


@dataclass(frozen=True, slots=True)
class NginxSettings:
    """What one nginx is to do.

    Attributes:
        port: Port on 127.0.0.1.
        folder: Where it keeps everything it writes.
        quota: The quota, or None for none.
        lower_quota: A second quota, in force while the flag file exists.
        log_requests: ``off``, ``buffered`` (a second late and cheap) or ``at once``.
        certificate: The certificate that it presents, as PEM, or None for plain HTTP.
        key: Its key.
    """

    port: int
    folder: Path
    quota: LimitReq | None = None
    lower_quota: LimitReq | None = None
    log_requests: str = "off"
    certificate: Path | None = None
    key: Path | None = None


def render(settings: NginxSettings) -> str:
    """Return the configuration file."""
    return _TEMPLATE.format(
        folder=settings.folder,
        port=settings.port,
        status_path=STATUS_PATH,
        max_body=MAX_BODY,
        access_log=_access_log(settings),
        tls=" ssl" if settings.certificate is not None else "",
        certificates=_certificates(settings),
        zones="\n  ".join(_zones(settings)),
        limits="\n      ".join(_limits(settings)),
    )


def _certificates(settings: NginxSettings) -> str:
    if settings.certificate is None:
        return ""
    return f"ssl_certificate {settings.certificate}; ssl_certificate_key {settings.key};"


def _access_log(settings: NginxSettings) -> str:
    if settings.log_requests == "off":
        return "access_log off;"
    how = " buffer=64k flush=1s" if settings.log_requests == "buffered" else ""
    return f"access_log {settings.folder / ACCESS_LOG_NAME} bench{how};"


def _zones(settings: NginxSettings) -> list[str]:
    quotas = {"whole": settings.quota, "lower": settings.lower_quota}
    keys = {"whole": "$server_name", "lower": "$lower_key"}
    return [
        f"limit_req_zone {keys[name]} zone={name}:64k rate={quota.requests_per_second}r/s;"
        for name, quota in quotas.items()
        if quota is not None
    ]


def _limits(settings: NginxSettings) -> list[str]:
    lines = []
    if settings.lower_quota is not None:
        lines += [
            'set $lower_key "";',
            f"if (-f {settings.folder / FLAG_NAME}) {{ set $lower_key $server_name; }}",
        ]
    quotas = {"whole": settings.quota, "lower": settings.lower_quota}
    lines += [
        f"limit_req zone={name} burst={quota.burst} nodelay;"
        for name, quota in quotas.items()
        if quota is not None
    ]
    return lines


# One process in the foreground: the process that is started is the one whose CPU time counts.
_TEMPLATE = """\
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log crit;
events {{ worker_connections 8192; }}
http {{
  log_format bench '$msec $status $uri';
  {access_log}
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  client_max_body_size {max_body};
  client_body_buffer_size 4m;
  keepalive_requests 1000000000;
  keepalive_timeout 1h;
  log_not_found off;
  limit_req_log_level info;
  map $request_id $receipt {{
    "~^(?<a>.{{8}})(?<b>.{{4}})(?<c>.{{4}})(?<d>.{{4}})(?<e>.{{12}})$" "$a-$b-$c-$d-$e";
  }}
  {zones}
  server {{
    listen 127.0.0.1:{port}{tls} backlog=4096;
    {certificates}
    server_name quota;
    default_type application/json;
    root {folder}/empty;
    location / {{
      {limits}
      limit_req_status 429;
      mirror /mirrored;
      error_page 404 405 =200 @accepted;
      error_page 429 @throttled;
    }}
    location = /mirrored {{ internal; access_log off; return 204; }}
    location = {status_path} {{ access_log off; stub_status; }}
    location @accepted {{
      add_header x-amzn-RequestId $request_id;
      return 200 '{{"eventId":"$receipt"}}';
    }}
    location @throttled {{
      add_header x-amzn-RequestId $request_id always;
      add_header X-Amzn-Errortype ThrottlingException always;
      return 429 '{{"message":"Rate exceeded"}}';
    }}
  }}
}}
"""
