"""Every route says which verb it needs; the application refuses to start when one does not (design.md D6)."""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, current_app, request

from gridmap.errors import GridmapError, NotAllowed
from gridmap.web.session import SAFE_METHODS, actor, identity, layers

PUBLIC = "public"  # anybody: shows nothing of the register
SIGNED_IN = "signed_in"  # whoever is signed in; shows what each layer's own verb allows
OWN_ACCOUNT = "own_account"  # whoever is signed in, also before second factor or new password
View = TypeVar("View", bound=Callable[..., Any])
_UNDECLARED_BY_FLASK = frozenset({"static"})


class SignInNeeded(GridmapError):
    """Nobody is signed in, or the session or token does not hold any more."""

    code = "sign_in_needed"
    status = 401
    title = "Sign in first"


class SecondFactorNeeded(NotAllowed):
    """The role asks for a second factor that this session has not shown."""

    code = "second_factor_needed"


class PasswordExpired(NotAllowed):
    """The password is too old."""

    code = "password_expired"


def permission(verb: str) -> Callable[[View], View]:
    """Declare the verb a route needs; `{name}` in it stands for a path value (`{layer}.view`)."""

    def declare(view: View) -> View:
        view.permission = verb  # type: ignore[attr-defined]
        return view

    return declare


def reads_only(view: View) -> View:
    """Declare that a route changes nothing although it takes a body."""
    view.reads_only = True  # type: ignore[attr-defined]
    return view


def public(view: View) -> View:
    """Declare that a route needs no sign-in: it shows nothing of the register."""
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
        if request.endpoint is None:
            return
        verb = declared(app, request.endpoint)
        if verb is None or verb == PUBLIC:
            return
        who = identity()
        if who is None:
            raise SignInNeeded("Sign in first, or send a token that holds. 请先登录。")
        if verb == OWN_ACCOUNT and not who.viewed_as:
            return
        if who.must_change_password:
            raise PasswordExpired("The password is older than 90 days; choose a new one. 密码已过期，请修改。")
        if who.lacks_second_factor:
            raise SecondFactorNeeded("This role needs a second factor. 此角色需要双因素认证。")
        if who.viewed_as and verb != "view.as" and not _changes_nothing(request.endpoint):
            raise NotAllowed("Looking with another's eyes changes nothing. 以他人身份查看时不可修改。")
        if verb not in (SIGNED_IN, OWN_ACCOUNT):
            values = request.view_args or {}
            for name in str(values.get("layers", values.get("layer", ""))).split(","):
                if "{layer}" in verb:
                    layers()[name]  # an unknown layer is missing, not forbidden
                actor().require(verb.replace("{layer}", name))


def _changes_nothing(endpoint: str) -> bool:
    return request.method in SAFE_METHODS or hasattr(current_app.view_functions[endpoint], "reads_only")


def refuse_undeclared(app: Flask) -> None:
    """Raise RuntimeError when a route declares no permission."""
    missing = [rule.rule for rule in app.url_map.iter_rules() if declared(app, rule.endpoint) is None]
    if missing:
        raise RuntimeError(f"Routes without a declared permission: {', '.join(missing)}")
