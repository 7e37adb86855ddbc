"""Headers on every response, errors too: a page runs only its own scripts and talks to no other host."""

import re

from flask import Flask, Response, request

from gridmap.errors import MisdirectedHost

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "connect-src 'self'",
        "font-src 'self'",
        "manifest-src 'self'",
        "worker-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(self), camera=(), microphone=()",
}


_LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]"})


def init(app: Flask) -> None:
    """Add the headers, and serve no other host name than this machine's: loopback is the only access rule until there
    is sign-in, and a page elsewhere could reach it through a name of its own that resolves to loopback."""

    @app.before_request
    def _own_host_only() -> None:
        if re.sub(r":\d+$", "", request.host).lower() not in _LOCAL_HOSTS:
            raise MisdirectedHost(
                "gridmap answers on this machine only: use http://127.0.0.1 and its port.", where="Host"
            )

    @app.after_request
    def _add(response: Response) -> Response:
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        response.headers.setdefault("Cache-Control", "no-store")
        return response
