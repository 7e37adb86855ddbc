"""Headers on every response, errors too: a page runs only its own scripts and talks to no other host."""

import re

from flask import Flask, Response, request

from gridmap.errors import MisdirectedHost, NotAllowed
from gridmap.settings import Settings
from gridmap.web.proxy import is_loopback

_POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data: blob:",
    "connect-src": "'self'",
    "font-src": "'self'",
    "manifest-src": "'self'",
    "worker-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(self), camera=(), microphone=()",
}


_LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]"})
_ASKED_BY_MACHINES = frozenset({"health.healthz", "health.readyz"})  # load balancers ask without TLS
STRICT_TRANSPORT_SECURITY = "max-age=31536000"


class PlainHttpRefused(NotAllowed):
    """Somebody of another machine asked without TLS."""

    code = "plain_http"


def content_security_policy(tile_origin: str = "") -> str:
    """Return the policy of every page: only this service, and pictures of the one host of the operator's tiles."""
    policy = _POLICY | ({"img-src": f"{_POLICY['img-src']} {tile_origin}"} if tile_origin else {})
    return "; ".join(f"{name} {sources}" for name, sources in policy.items())


def init(app: Flask, settings: Settings) -> None:
    """Add the headers, and answer only by our own names and, to other machines, only over TLS.

    A page elsewhere could otherwise reach the service through a name of its own that resolves here.
    """
    own_hosts = _LOCAL_HOSTS | settings.hosts
    sent = _HEADERS | {"Content-Security-Policy": content_security_policy(settings.tile_origin)}

    @app.before_request
    def _own_hosts_only() -> None:
        host = re.sub(r":\d+$", "", request.host).lower()
        if host not in own_hosts:
            raise MisdirectedHost(
                "gridmap does not answer to this name; the operator adds it to GRIDMAP_PUBLIC_NAMES. "
                "On this machine use 127.0.0.1. 本服务不使用此主机名。",
                where="Host",
            )

    @app.before_request
    def _tls_or_loopback() -> None:
        if request.is_secure or settings.allow_plain_http or request.endpoint in _ASKED_BY_MACHINES:
            return
        if not is_loopback(request.remote_addr or ""):
            raise PlainHttpRefused("Use https: passwords would travel in the clear. 请使用 https 访问。")

    @app.after_request
    def _add(response: Response) -> Response:
        for name, value in sent.items():
            response.headers.setdefault(name, value)
        response.headers.setdefault("Cache-Control", "no-store")
        if request.is_secure:
            response.headers.setdefault("Strict-Transport-Security", STRICT_TRANSPORT_SECURITY)
        return response
