"""Every route says which verb it needs; the application refuses to start when one does not (design.md D6)."""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, current_app, request

from gridmap.errors import GridmapError, NotAllowed
from gridmap.web.session import SAFE_METHODS, actor, identity, layers

PUBLIC = "public"  # anybody: shows nothing of the register
SIGNED_IN = "signed_in"  # whoever is signed in; shows what each layer's own verb allows
OWN_ACCOUNT = "own_account"  # whoever is signed in, also before second factor or new password
_ALSO_WITH_OTHER_EYES = frozenset({"sign_in.leave"})  # changes that somebody looking as another may make
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


def permission(*verbs: str) -> Callable[[View], View]:
    """Declare the verbs a route needs, all of them; `{layer}` in one stands for the path's value."""

    def declare(view: View) -> View:
        view.permission = " ".join(verbs)  # type: ignore[attr-defined]
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
    """Return the verbs an endpoint declares, parted by spaces, or None."""
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
        if verb == OWN_ACCOUNT and (not who.viewed_as or request.endpoint in _ALSO_WITH_OTHER_EYES):
            return
        if who.must_change_password:
            raise PasswordExpired(
                "The password has expired, or was set by somebody else; choose a new one. 密码已过期或由他人设置，请修改。"
            )
        if who.lacks_second_factor:
            raise SecondFactorNeeded("This role needs a second factor. 此角色需要双因素认证。")
        if who.viewed_as and verb != "view.as" and not _changes_nothing(request.endpoint):
            raise NotAllowed("Looking with another's eyes changes nothing. 以他人身份查看时不可修改。")
        if verb not in (SIGNED_IN, OWN_ACCOUNT):
            values = request.view_args or {}
            for name in str(values.get("layers", values.get("layer", ""))).split(","):
                if "{layer}" in verb:
                    layers()[name]  # an unknown layer is missing, not forbidden
                for needed in verb.replace("{layer}", name).split():
                    actor().require(needed)


def _changes_nothing(endpoint: str) -> bool:
    return request.method in SAFE_METHODS or hasattr(current_app.view_functions[endpoint], "reads_only")


def refuse_undeclared(app: Flask) -> None:
    """Raise RuntimeError when a route declares no permission."""
    missing = [rule.rule for rule in app.url_map.iter_rules() if declared(app, rule.endpoint) is None]
    if missing:
        raise RuntimeError(f"Routes without a declared permission: {', '.join(missing)}")
