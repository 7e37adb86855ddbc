"""Every route says which verb it needs; the application refuses to start when one does not (design.md D6)."""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask

from gridmap.web.session import actor

PUBLIC = "public"
View = TypeVar("View", bound=Callable[..., Any])
_UNDECLARED_BY_FLASK = frozenset({"static"})


def permission(verb: str) -> Callable[[View], View]:
    """Declare the verb a route needs; `{name}` in it stands for a path value (`{layer}.view`)."""

    def declare(view: View) -> View:
        view.permission = verb  # type: ignore[attr-defined]
        return view

    return declare


def public(view: View) -> View:
    """Declare that a route needs no verb: it shows nothing of the register."""
    return permission(PUBLIC)(view)


def declared(app: Flask, endpoint: str) -> str | None:
    """Return the verb an endpoint declares, or None."""
    if endpoint in _UNDECLARED_BY_FLASK:
        return PUBLIC
    verb = getattr(app.view_functions[endpoint], "permission", None)
    return verb if isinstance(verb, str) else None


def init(app: Flask) -> None:
    """Check each request's verb before its view runs."""

    @app.before_request
    def _check() -> None:
        from flask import request

        if request.endpoint is None:
            return
        verb = declared(app, request.endpoint)
        if verb is not None and verb != PUBLIC:
            values = request.view_args or {}
            for name in str(values.get("layers", values.get("layer", ""))).split(","):
                actor().require(verb.replace("{layer}", name))


def refuse_undeclared(app: Flask) -> None:
    """Raise RuntimeError when a route declares no permission."""
    missing = [rule.rule for rule in app.url_map.iter_rules() if declared(app, rule.endpoint) is None]
    if missing:
        raise RuntimeError(f"Routes without a declared permission: {', '.join(missing)}")
