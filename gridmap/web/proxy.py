"""Proxies in front of the service: what they say of a request counts only if the operator named them as trusted."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import TYPE_CHECKING

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from gridmap.settings import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class TrustedProxies:
    """WSGI middleware that takes client address, scheme and host from the X-Forwarded headers of trusted peers."""

    def __init__(self, app: "WSGIApplication", networks: tuple[IPv4Network | IPv6Network, ...]) -> None:
        self._direct, self._networks = app, networks
        self._forwarded = ProxyFix(app, x_for=1, x_proto=1, x_host=1)

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Serve one request."""
        is_trusted = _lies_in(environ.get("REMOTE_ADDR", ""), self._networks)
        return (self._forwarded if is_trusted else self._direct)(environ, start_response)


def init(app: Flask, settings: Settings) -> None:
    """Believe the trusted proxies, if there are any."""
    if settings.proxies:
        app.wsgi_app = TrustedProxies(app.wsgi_app, settings.proxies)  # type: ignore[method-assign]


def is_loopback(address: str) -> bool:
    """Return whether an address is one of this machine's own loopback."""
    found = _parsed(address)
    return found is not None and found.is_loopback


def _lies_in(address: str, networks: tuple[IPv4Network | IPv6Network, ...]) -> bool:
    found = _parsed(address)
    return found is not None and any(found in network for network in networks)


def _parsed(address: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(address)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found  # a dual-stack socket tells ::ffff:10.0.0.1
